// livehub tap: what flows through a channel now.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tool/admin_client.h"
#include "tool/commands.h"
#include "tool/json_value.h"
#include "tool/printer.h"
#include "tool/stream.h"
#include "wire/url.h"

namespace livehub::tool {
namespace {

class Tap : public StreamSink {
 public:
  Tap(const Invocation& invocation, uint64_t count)
      : is_json_(invocation.has("--json")), left_(count) {}

  bool on_open() override {
    complain("tapping");
    return true;
  }
  bool on_message(const StreamMessage& message) override {
    const auto object = nlohmann::json::parse(message.data, nullptr, false);
    if (message.event == "missed") {
      const uint64_t count = value_in(object, "count", uint64_t{0});
      complain(count > 0 ? std::to_string(count) + " more than a tap keeps were left out"
                         : std::string("some were left out: this end is too slow"));
      return true;
    }
    if (!object.is_object()) return true;
    const std::string event = value_in(object, "event", std::string());
    const std::string text =
        value_in(object, "text", std::string()) + (value_in(object, "is_cut", false) ? "..." : "");
    has_reader = print_line(is_json_ ? std::string(message.data)
                                     : message_text({{}, event, text}, is_terminal(STDOUT_FILENO)));
    is_complete = left_ > 0 && --left_ == 0;
    return has_reader && !is_complete;
  }

  bool is_complete = false;
  bool has_reader = true;

 private:
  const bool is_json_;
  uint64_t left_;  // messages still wanted; 0: all there are
};

int run_tap(const Invocation& invocation) {
  std::string error;
  const auto count = static_cast<uint64_t>(number_of(invocation, "--count", 0, 1, 1e15, error));
  if (!error.empty()) return usage_error("tap", error);
  const AdminTarget target = admin_target(
      invocation, "/debug/tap?channel=" + wire::percent_encode(invocation.operands.front()));
  if (!target.error.empty()) return usage_error("tap", target.error);
  StopSignals stop;
  StreamRequest request;
  request.url = target.url;
  request.headers = target.headers;
  request.goes_direct = !invocation.has("--url");
  Tap tap(invocation, count);
  const StreamEnd end = read_sse(request, tap, stop);
  if (!tap.has_reader) return lost_output_exit();
  if (tap.is_complete) return kExitOk;
  if (end.kind == StreamEnd::Kind::kStopped) return count > 0 ? kExitInterrupted : kExitOk;
  complain(target.url.origin() + ": " + end.sentence +
           (end.status == 401 || end.status == 403 ? "; set ADMIN_TOKEN" : ""));
  if (end.kind == StreamEnd::Kind::kRejected) return kExitRejected;
  return end.kind == StreamEnd::Kind::kUnreachable ? kExitUnreachable : kExitFailed;
}

constexpr std::array kOptions = {
    Option{.name = "--count", .value = "N", .help = "End after that many messages."},
    Option{.name = "--json",
           .help = "One JSON object a line: position, at_ms, bytes, event, text, is_cut."},
    Option{.name = "--url", .value = "URL", .help = "The admin port, if it is not the settings'."},
};

constexpr std::string_view kAbout = R"(
Shows each message of a channel as it passes, whoever subscribes; of live-data the channel is called
live. From elsewhere than the machine itself it needs ADMIN_TOKEN (or ADMIN_TOKEN_FILE). Payloads
are shown up to 16 KB.

Examples
  livehub tap live
  livehub tap live --json --count 1

Exit codes: 0 ended by --count or Ctrl-C, or nobody reads on; 1 connection or output ended; 2 not
understood; 3 nobody answers; 4 the server says no; 130 Ctrl-C before --count
)";

}  // namespace

const Command kTap = {.name = "tap",
                      .operands = "CHANNEL",
                      .summary = "Show what flows through a channel of a running server.",
                      .about = kAbout,
                      .options = kOptions,
                      .operands_least = 1,
                      .operands_most = 1,
                      .takes_settings = true,
                      .run = run_tap};

}  // namespace livehub::tool
