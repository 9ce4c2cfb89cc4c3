#include "server/admin.h"

#include "server/engine_state.h"
#include "server/metrics.h"
#include "session/ready.h"

namespace livehub::server {
namespace {

class Admin : public Profile {
 public:
  explicit Admin(Engine& hub) : hub_(hub) {}

  Route route(const Request& request) override {
    if (request.is_websocket()) return Route::destroy();
    if (request.method() != "GET") return Route::answer(text(404, "Not found\n"));
    if (request.path() == "/live") return Route::answer(text(200, "live\n"));
    if (request.path() == "/ready")
      return Route::answer(
          session::ready_reply(hub_.state().shared(), request.query_value("local") == "1"));
    if (request.path() == "/metrics") {
      Reply reply = text(200, metrics_text(hub_.state(), hub_.state().snapshot()));
      reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
      return Route::answer(std::move(reply));
    }
    return Route::answer(text(404, "Not found: there are /live, /ready and /metrics\n"));
  }

 private:
  static Reply text(int status, std::string body) {
    Reply reply;
    reply.status = status;
    reply.body = std::move(body);
    reply.content_type = "text/plain; charset=utf-8";
    reply.headers.emplace_back("Cache-Control", "no-store");
    return reply;
  }

  Engine& hub_;
};

}  // namespace

ProfileFactory make_admin(Engine& hub) {
  return [&hub](const ProfileContext&) -> std::unique_ptr<Profile> {
    return std::make_unique<Admin>(hub);
  };
}

}  // namespace livehub::server
