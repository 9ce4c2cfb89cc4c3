// livehub-rooms: the engine with as many channels as are asked for, since its services have one
// channel or take theirs from a broker. On include/livehub/ alone, as any program may be.
//
//   livehub-rooms [--io auto|uring|epoll] [--shards N] [--port N]
//
//   GET  /sse/<channel>   server-sent events; Last-Event-ID goes on where it was
//   GET  /ws/<channel>    WebSocket; with ?last_event_id= messages come in envelopes with ids
//   POST /push/<channel>  one line of UTF-8: 200, or 503 when subscribers cannot keep up
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "livehub/engine.h"

namespace {

constexpr size_t kBodyBytesMax = 256'000;
constexpr uint64_t kEnvelope = 1;
constexpr std::string_view kSse = "/sse/";
constexpr std::string_view kWs = "/ws/";
constexpr std::string_view kPush = "/push/";

std::string_view channel_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

class Rooms : public livehub::Profile {
 public:
  livehub::Route route(const livehub::Request& request) override {
    const std::string_view path = request.path();
    if (path.starts_with(kPush) && request.method() == "POST")
      return livehub::Route::read_body(kBodyBytesMax, {.status = 413});
    livehub::Stream stream;
    if (request.query_value("last_event_id")) stream.tag = kEnvelope;
    if (path.starts_with(kSse)) return livehub::Route::sse(stream);
    if (path.starts_with(kWs) && request.is_websocket()) return livehub::Route::websocket(stream);
    return livehub::Route::answer({.status = 404});
  }

  void on_open(livehub::Session session, const livehub::Request& request) override {
    livehub::Subscribe options{.channel = channel_of(request.path())};
    const std::optional<std::string> from_query = request.query_value("last_event_id");
    options.resume_after = request.header("last-event-id");
    if (!options.resume_after && from_query && !from_query->empty())
      options.resume_after = *from_query;
    if (session.is_websocket() && session.tag() == kEnvelope)
      options.format = livehub::Format::kEnvelope;
    session.subscribe(options);
  }

  void on_body(livehub::Exchange exchange, const livehub::Request& request,
               std::string_view line) override {
    exchange.publish(channel_of(request.path()), line);
  }

  void on_published(livehub::Exchange exchange, livehub::PublishResult result,
                    std::string_view) override {
    const bool is_accepted = result == livehub::PublishResult::kAccepted;
    const int refused = result == livehub::PublishResult::kBusy ? 503 : 400;
    exchange.reply({.status = is_accepted ? 200 : refused});
  }

  void on_gap(livehub::Session session, livehub::Gap gap, std::string_view,
              std::string_view position) override {
    const std::string id(position);
    if (!session.is_websocket()) return session.send_event(id, "gap", livehub::gap_name(gap));
    session.send_text("{\"id\":\"" + id + "\",\"gap\":true}");
  }
};

int serve(const livehub::EngineOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  livehub::Engine engine(options, [](const auto&) { return std::make_unique<Rooms>(); });
  if (const std::string error = engine.start(); !error.empty()) {
    std::fprintf(stderr, "livehub-rooms: %s\n", error.c_str());
    return 1;
  }
  std::printf("livehub listening port=%u\n", engine.port());
  std::fflush(stdout);
  for (int signal = 0; sigwait(&signals, &signal) != 0;) continue;
  engine.stop();
  engine.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  livehub::EngineOptions options{.port = 0, .drain_seconds = 0};
  CLI::App app{"A hub with a channel for every path, for the benchmarks."};
  app.add_option("--io", options.io, "auto, uring or epoll");
  app.add_option("--shards", options.shards, "0: from the CPUs");
  app.add_option("--port", options.port, "0: a free one");
  app.add_option("--history-count", options.history_count, "messages that a channel remembers");
  CLI11_PARSE(app, argc, argv);
  return serve(options);
}
