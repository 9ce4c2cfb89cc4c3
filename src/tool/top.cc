// livehub top: the hub's state on the terminal, each second.
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "tool/admin_client.h"
#include "tool/backoff.h"
#include "tool/commands.h"
#include "tool/printer.h"
#include "tool/secret.h"
#include "tool/stream.h"
#include "tool/top_view.h"

namespace livehub::tool {
namespace {

constexpr std::string_view kEnterScreen = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeaveScreen = "\x1b[?25h\x1b[?1049l";
constexpr size_t kPipeColumns = 160;
constexpr size_t kPipeRows = 1000;

void write_out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

class Top : public StreamSink {
 public:
  explicit Top(const Invocation& invocation)
      : is_json_(invocation.has("--json")),
        is_once_(invocation.has("--once")),
        has_screen_(is_terminal(STDOUT_FILENO) && !is_json_ && !is_once_) {
    if (has_screen_) write_out(kEnterScreen);
  }
  ~Top() override {
    if (has_screen_) write_out(kLeaveScreen);
  }
  Top(const Top&) = delete;
  Top& operator=(const Top&) = delete;

  bool on_message(const StreamMessage& message) override {
    was_shown = true;
    if (is_json_)
      has_reader = print_line(message.data);
    else if (has_screen_)
      draw(render_top(message.data, screen()));
    else
      has_reader = print_line(render_top(message.data, {kPipeColumns, kPipeRows}) + "\n");
    return has_reader && !is_once_;
  }
  // What went wrong, where it can be read.
  void say(const std::string& sentence) const {
    if (has_screen_)
      write_out("\x1b[H\x1b[2K" + sentence);
    else
      complain(sentence);
  }

  bool was_shown = false;
  bool has_reader = true;

 private:
  static Screen screen() {
    winsize size{};
    Screen screen;
    screen.has_colors = true;
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return screen;
    screen.columns = size.ws_col;
    screen.rows = size.ws_row;
    return screen;
  }
  static void draw(const std::string& text) {
    std::string out = "\x1b[H";
    for (const char c : text) out += c == '\n' ? std::string("\x1b[K\r\n") : std::string(1, c);
    write_out(out + "\x1b[K\x1b[J");
  }

  const bool is_json_;
  const bool is_once_;
  const bool has_screen_;
};

// Shows until it is ended; the sentence and the code of what ended it.
int show(const AdminTarget& target, const Invocation& invocation, std::string& last_words) {
  StopSignals stop;
  StreamRequest request;
  request.url = target.url;
  request.headers = target.headers;
  request.goes_direct = !invocation.has("--url");
  request.silence_ms = 10'000;
  Top top(invocation);
  Backoff backoff(250, 5'000, random_fraction);
  for (;;) {
    const StreamEnd end = read_sse(request, top, stop);
    if (!top.has_reader) return lost_output_exit();
    if (end.kind == StreamEnd::Kind::kStopped) return kExitOk;
    last_words = target.url.origin() + ": " + end.sentence;
    if (end.kind == StreamEnd::Kind::kRejected && end.status != 503) {
      if (end.status == 401 || end.status == 403) last_words += "; set ADMIN_TOKEN";
      return kExitRejected;
    }
    if (!top.was_shown) return kExitUnreachable;  // it was never there
    top.say(last_words + "; trying again");
    if (stop.wait_ms(static_cast<int>(backoff.next_ms()))) return kExitOk;
  }
}

int run_top(const Invocation& invocation) {
  const AdminTarget target = admin_target(invocation, "/debug/stream");
  if (!target.error.empty()) return usage_error("top", target.error);
  std::string last_words;
  const int code = show(target, invocation, last_words);
  if (code != kExitOk && !last_words.empty()) complain(last_words);
  return code;
}

constexpr std::array kOptions = {
    Option{.name = "--once", .help = "Print the state once and end."},
    Option{.name = "--json", .help = "One JSON object a second instead (docs/ADMIN_API.md)."},
    Option{.name = "--url", .value = "URL", .help = "The admin port, if it is not the settings'."},
};

constexpr std::string_view kAbout = R"(
Shows connections, rates, latencies, memory, links to brokers, shards, the busiest channels and why
connections ended, from the admin port that these settings name. Ctrl-C ends it. From elsewhere than
the machine itself it needs ADMIN_TOKEN (or ADMIN_TOKEN_FILE); on Fly:

  fly proxy 9091 & livehub top

Exit codes: 0 ended by Ctrl-C or --once; 1 standard output cannot be written; 2 not understood;
3 nobody answers; 4 the server says no
)";

}  // namespace

const Command kTop = {.name = "top",
                      .summary = "Watch a running server on the terminal.",
                      .about = kAbout,
                      .options = kOptions,
                      .takes_settings = true,
                      .run = run_top};

}  // namespace livehub::tool
