// livehub tail: a stream on the terminal, for as long as one likes.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "tool/backoff.h"
#include "tool/commands.h"
#include "tool/printer.h"
#include "tool/secret.h"
#include "tool/stream.h"

namespace livehub::tool {
namespace {

constexpr int64_t kWaitLeastMs = 250;
constexpr int64_t kWaitMostMs = 10'000;

class Tail : public StreamSink {
 public:
  explicit Tail(const Invocation& invocation)
      : invocation_(invocation),
        is_json_(invocation.has("--json")),
        is_quiet_(invocation.has("--quiet")),
        to_terminal_(is_terminal(STDOUT_FILENO)) {}

  // A sentence about what is wrong with the command line, or nothing.
  std::string prepare();
  int run();

  bool on_open() override {
    backoff_.reset();
    if (!is_quiet_) complain("connected to " + request_.url.shown());
    return true;
  }
  bool on_message(const StreamMessage& message) override {
    if (!message.id.empty()) request_.last_event_id = message.id;
    const bool is_gap = message.event == "gap";
    if (is_gap && !is_quiet_)
      complain("gap: messages before this point are missing " + std::string(message.data));
    if (is_json_)
      has_reader_ = print_line(message_json(message));
    else if (!is_gap)
      has_reader_ = print_line(message_text(message, to_terminal_));
    if (!has_reader_ || is_gap) return has_reader_;
    is_complete_ = left_ > 0 && --left_ == 0;
    return !is_complete_;
  }
  void on_retry(uint64_t ms) override {
    backoff_.start_at(static_cast<int64_t>(std::min<uint64_t>(ms, kWaitMostMs)));
  }

 private:
  void note(const StreamEnd& end) const {
    if (!is_quiet_ && !end.sentence.empty()) complain(end.sentence);
  }
  int exit_code(const StreamEnd& end) const;

  const Invocation& invocation_;
  const bool is_json_;
  const bool is_quiet_;
  const bool to_terminal_;
  StreamRequest request_;
  Backoff backoff_{kWaitLeastMs, kWaitMostMs, random_fraction};
  uint64_t left_ = 0;  // messages still wanted; 0: all there are
  bool is_complete_ = false;
  bool has_reader_ = true;
};

std::string Tail::prepare() {
  request_.url = parse_url(invocation_.operands.front());
  if (!request_.url.error.empty()) return request_.url.error + ".";
  if (invocation_.has("--websocket")) request_.url.is_websocket = true;
  if (request_.url.path == "/" || request_.url.path.empty())
    request_.url.path = request_.url.is_websocket ? "/api/live/ws" : "/api/live";
  request_.has_envelopes = request_.url.is_websocket && !invocation_.has("--plain") &&
                           request_.url.path == "/api/live/ws";
  request_.last_event_id = invocation_.text("--last-event-id");
  request_.skips_verification = invocation_.has("--insecure");
  std::string error;
  left_ = static_cast<uint64_t>(number_of(invocation_, "--count", 0, 1, 1e15, error));
  request_.silence_ms =
      static_cast<int64_t>(1000 * number_of(invocation_, "--silence", 60, 1, 86'400, error));
  if (const std::string origin = invocation_.text("--origin"); !origin.empty())
    request_.headers.push_back("Origin: " + origin);
  const Secret token = read_secret(invocation_, "LIVE_TOKEN");
  if (!token.error.empty()) return token.error;
  if (!token.text.empty()) request_.headers.push_back("Authorization: Bearer " + token.text);
  for (const std::string& header : request_.headers)
    if (header.find_first_of("\r\n") != header.npos) return "a header is one line.";
  return error;
}

int Tail::exit_code(const StreamEnd& end) const {
  switch (end.kind) {
    case StreamEnd::Kind::kRejected:
      return kExitRejected;
    case StreamEnd::Kind::kUnreachable:
      return kExitUnreachable;
    default:
      return left_ > 0 && !is_complete_ ? kExitFailed : kExitOk;
  }
}

int Tail::run() {
  StopSignals stop;
  for (;;) {
    const StreamEnd end = request_.url.is_websocket ? read_websocket(request_, *this, stop)
                                                    : read_sse(request_, *this, stop);
    if (end.last_event_id) request_.last_event_id = *end.last_event_id;
    if (!has_reader_) return lost_output_exit();
    if (is_complete_) return kExitOk;
    if (end.kind == StreamEnd::Kind::kStopped) return left_ > 0 ? kExitInterrupted : kExitOk;
    note(end);
    // 503 and 429 pass; other refusals do not.
    const bool is_final = end.kind == StreamEnd::Kind::kForGood ||
                          (end.kind == StreamEnd::Kind::kRejected && end.status != 503 &&
                           end.status != 502 && end.status != 504 && end.status != 429);
    if (is_final || invocation_.has("--once")) return exit_code(end);
    const int64_t wait_ms = backoff_.next_ms();
    if (!is_quiet_) complain("back in " + std::to_string(wait_ms) + " ms");
    if (stop.wait_ms(static_cast<int>(wait_ms))) return left_ > 0 ? kExitInterrupted : kExitOk;
  }
}

int run_tail(const Invocation& invocation) {
  Tail tail(invocation);
  if (const std::string error = tail.prepare(); !error.empty()) return usage_error("tail", error);
  return tail.run();
}

constexpr std::array kOptions = {
    Option{.name = "--json", .help = "One JSON object a line: id, event (if it has a name), data."},
    Option{.name = "--count", .value = "N", .help = "End after that many messages."},
    Option{.name = "--last-event-id",
           .value = "ID",
           .help = "Start behind this position, as a client that comes back."},
    Option{.name = "--websocket", .help = "WebSocket, whatever the URL says; ws:// says so too."},
    Option{.name = "--plain",
           .help = "WebSocket on /api/live/ws: frames without positions, as older clients get "
                   "them. Without it the stream is resumed where it broke."},
    Option{.name = "--once", .help = "Do not come back when the connection ends."},
    Option{.name = "--silence",
           .value = "SECONDS",
           .help = "Take a connection for dead when nothing came for that long [60]."},
    Option{.name = "--origin", .value = "ORIGIN", .help = "Send it, as a page of that origin."},
    Option{.name = "--insecure", .help = "Do not check the TLS certificate."},
    Option{.name = "--quiet", .help = "Say nothing on standard error."},
};

constexpr std::string_view kAbout = R"(
http:// and https:// read server-sent events, ws:// and wss:// a WebSocket. A URL without a path
means /api/live, or /api/live/ws. Messages go to standard output, one a line; what happens to the
connection goes to standard error. It comes back by itself, with its last position, and tells of
gaps. A bearer token comes from LIVE_TOKEN or the file in LIVE_TOKEN_FILE.

Examples
  livehub tail http://localhost:8787
  livehub tail wss://hub.example/api/live/ws --json --count 10 | jq .data

Exit codes
  0 ended by --count or Ctrl-C, or nobody reads on; 1 the stream ended before --count, or standard
  output cannot be written; 2 not understood;
  3 nobody answers (--once); 4 the server says no; 130 Ctrl-C before --count
)";

}  // namespace

const Command kTail = {.name = "tail",
                       .operands = "URL",
                       .summary = "Show a live stream, SSE or WebSocket, on the terminal.",
                       .about = kAbout,
                       .options = kOptions,
                       .operands_least = 1,
                       .operands_most = 1,
                       .run = run_tail};

}  // namespace livehub::tool
