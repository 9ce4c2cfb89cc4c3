#include "server/admin.h"

#include "base/clock.h"
#include "server/admin_access.h"
#include "server/admin_debug.h"
#include "server/admin_json.h"
#include "server/admin_overview.h"
#include "server/admin_page.h"
#include "server/admin_tap.h"
#include "server/engine_state.h"
#include "session/ready.h"
#include "wire/url.h"

namespace livehub::server {
namespace {

constexpr std::string_view kOverview = "overview";  // the channel of /debug/stream
constexpr size_t kLoginBytes = 8 << 10;

// What all admin listeners share. immutable but for the overview (mailbox).
struct Common {
  Common(Engine& the_hub, AdminOptions the_options)
      : hub(the_hub),
        options(std::move(the_options)),
        access(options.token),
        overview(the_hub, options.profile) {}
  Engine& hub;
  const AdminOptions options;
  const AdminAccess access;
  AdminOverview overview;
};

Reply plain(int status, std::string body) {
  Reply reply = json_reply(status, std::move(body));
  reply.content_type = "text/plain; charset=utf-8";
  return reply;
}

Reply see_other(std::string location) {
  Reply reply = plain(303, "");
  reply.headers.emplace_back("Location", std::move(location));
  return reply;
}

class Admin : public Profile {
 public:
  Admin(std::shared_ptr<Common> common, const ProfileContext& context)
      : common_(std::move(common)),
        context_(context),
        waker_(std::make_shared<Waker>([this, post = context.post] {
          if (post) post([this] { debug_.sweep(base::monotonic_ns()); });
        })),
        debug_(common_->hub, waker_),
        taps_(common_->hub, context.publish) {}
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;
  ~Admin() override { waker_->cut(); }

  Route route(const Request& request) override {
    if (request.is_websocket()) return Route::destroy();
    const std::string_view path = request.path();
    const bool is_get = request.method() == "GET";
    if (is_get && path == "/live") return Route::answer(plain(200, "live\n"));
    if (is_get && path == "/ready")
      return Route::answer(
          session::ready_reply(common_->hub.state().shared(), request.query_value("local") == "1"));
    if (is_get && path == "/metrics") return Route::read_body(0, error_reply(413, "No body here."));
    if (path == "/login") return route_login(request);
    if (is_get && path == "/page.css") return Route::answer(*page_reply(request, "page.css", ""));
    const auto verdict = common_->access.check(request, context_.unix_seconds());
    if (verdict.status != 0) return refusal(request, verdict);
    if (is_get) return route_get(request);
    if (request.method() == "POST" && path == "/logout") {
      Reply reply = see_other("/login");
      reply.headers.emplace_back("Set-Cookie", AdminAccess::cookie_that_ends());
      return Route::answer(std::move(reply));
    }
    return Route::answer(error_reply(404, "Not found."));
  }

  void on_body(Exchange exchange, const Request& request, std::string_view body) override {
    if (request.path() != "/login") return debug_.ask(exchange, request, base::monotonic_ns());
    const std::string token = wire::query_value(body, "token").value_or("");
    if (!common_->access.is_token(token)) return exchange.reply(see_other("/login?wrong=1"));
    Reply reply = see_other("/");
    reply.headers.emplace_back("Set-Cookie",
                               common_->access.cookie(request, context_.unix_seconds()));
    exchange.reply(reply);
  }

  void on_open(Session session, const Request& request) override {
    if (session.tag() != 0) return taps_.open(session, request.query_value("channel").value_or(""));
    session.subscribe({.channel = kOverview, .slow_reader = SlowReader::kNewest});
  }
  void on_subscribed(Session session, std::string_view, std::string_view) override {
    if (session.tag() == 0 && common_->overview.sequence() > 0)
      session.send_event("", "", common_->overview.document());
  }
  void on_gap(Session session, Gap, std::string_view, std::string_view) override {
    if (session.tag() != 0) session.send_event("", "missed", "{\"count\":0}");
  }
  void on_close(Session session, uint16_t, std::string_view) override {
    if (session.tag() != 0) taps_.close(session.tag());
  }

  // A sample a second is enough to ask about ten times; only taps are in more of a hurry.
  int64_t tick_ms() const override { return taps_.is_any() ? 20 : 100; }
  void on_tick(int64_t) override {
    const int64_t now_ns = base::monotonic_ns();
    common_->overview.tick(now_ns, base::unix_ms());
    if (const uint64_t sequence = common_->overview.sequence(); sequence != published_) {
      published_ = sequence;
      context_.publish({.channel = kOverview, .payload = common_->overview.document()});
    }
    debug_.sweep(now_ns);
    taps_.tick(now_ns, base::unix_ms());
  }

 private:
  Route route_login(const Request& request) {
    const auto verdict = common_->access.check_origin(request);
    if (verdict.status != 0) return Route::answer(error_reply(verdict.status, verdict.sentence));
    if (!common_->access.has_token())
      return Route::answer(error_reply(403, "There is no ADMIN_TOKEN to log in with."));
    if (request.method() == "POST")
      return Route::read_body(kLoginBytes, error_reply(413, "That is no login form."));
    if (request.method() != "GET") return Route::answer(error_reply(404, "Not found."));
    const bool is_wrong = request.query_value("wrong").has_value();
    Reply form = *page_reply(request, "login.html", content_security_policy(""));
    constexpr std::string_view kHidden = " hidden>";  // the sentence that says so
    if (is_wrong) form.body.erase(form.body.find(kHidden), kHidden.size() - 1);
    return Route::answer(std::move(form));
  }

  Route refusal(const Request& request, AdminAccess::Verdict verdict) {
    if (verdict.status == 401 && request.method() == "GET" && request.path() == "/")
      return Route::answer(see_other("/login"));
    Reply reply = error_reply(verdict.status, verdict.sentence);
    if (verdict.status == 401)
      reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"livehub admin\"");
    return Route::answer(std::move(reply));
  }

  std::string hub_of(const Request& request) const {
    return hub_origin(request.query_value("hub").value_or(""), common_->options.hub_url,
                      request.header("host").value_or(""), common_->hub.port());
  }

  Route route_get(const Request& request) {
    const std::string_view path = request.path();
    if (path == "/")
      return Route::answer(
          *page_reply(request, "index.html", content_security_policy(hub_of(request))));
    if (path == "/page.json")
      return Route::answer(
          json_reply(200, text_of({{"hub", hub_of(request)},
                                   {"profile", common_->options.profile},
                                   {"version", LIVEHUB_VERSION},
                                   {"may_log_out", common_->access.has_token()}})));
    if (path == "/debug/overview")
      return Route::answer(json_reply(200, common_->overview.document()));
    if (path == "/debug/history")
      return Route::answer(json_reply(200, common_->overview.history()));
    if (path == "/debug/stream" || path == "/debug/tap") return route_stream(request);
    if (AdminDebug::knows(path)) return Route::read_body(0, error_reply(413, "No body here."));
    const bool is_page = path.ends_with(".js") || path.ends_with(".css") || path.ends_with(".svg");
    if (is_page)
      if (auto reply = page_reply(request, path.substr(1), "default-src 'none'"))
        return Route::answer(std::move(*reply));
    return Route::answer(error_reply(404, "Not found."));
  }

  Route route_stream(const Request& request) {
    Stream stream;
    stream.headers.emplace_back("Cache-Control", "no-store");
    stream.headers.emplace_back("X-Accel-Buffering", "no");
    stream.headers.emplace_back("X-Content-Type-Options", "nosniff");
    if (request.path() == "/debug/tap") {
      if (request.query_value("channel").value_or("").empty())
        return Route::answer(error_reply(400, "Which channel? /debug/tap?channel=NAME."));
      if (!taps_.has_room()) return Route::answer(error_reply(503, "There are 8 taps already."));
      stream.tag = AdminTaps::new_id();
    }
    return Route::sse(std::move(stream));
  }

  const std::shared_ptr<Common> common_;
  const ProfileContext context_;
  const std::shared_ptr<Waker> waker_;
  AdminDebug debug_;
  AdminTaps taps_;
  uint64_t published_ = 0;
};

}  // namespace

ProfileFactory make_admin(Engine& hub, AdminOptions options) {
  const auto common = std::make_shared<Common>(hub, std::move(options));
  return [common](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<Admin>(common, context);
  };
}

}  // namespace livehub::server
