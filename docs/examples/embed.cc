// A live hub inside your own program: every line that somebody POSTs to /say reaches every
// EventSource on /feed.
#include <csignal>
#include <cstdio>

#include "livehub/engine.h"

class Feed : public livehub::Profile {
 public:
  livehub::Route route(const livehub::Request& request) override {
    if (request.path() == "/feed") return livehub::Route::sse({});
    if (request.path() == "/say") return livehub::Route::read_body(4096, {.status = 413});
    return livehub::Route::answer({.status = 404});
  }
  void on_open(livehub::Session session, const livehub::Request&) override {
    session.subscribe({.channel = "feed"});
  }
  void on_body(livehub::Exchange exchange, const livehub::Request&,
               std::string_view line) override {
    exchange.publish("feed", line);
  }
  void on_published(livehub::Exchange exchange, livehub::PublishResult result,
                    std::string_view) override {
    const bool is_text = result != livehub::PublishResult::kRefused;
    exchange.reply({.status = result == livehub::PublishResult::kAccepted ? 204
                              : is_text                                   ? 503
                                                                          : 400});
  }
};

int main() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  livehub::Engine engine({.port = 0}, [](const auto&) { return std::make_unique<Feed>(); });
  if (const std::string error = engine.start(); !error.empty()) return std::puts(error.c_str()), 1;
  std::printf("listening on %u\n", engine.port());
  std::fflush(stdout);
  for (int signal = 0; sigwait(&signals, &signal) != 0;) continue;
  engine.stop();
  engine.join();
}
