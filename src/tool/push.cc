// livehub push: lines from standard input, one push each.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <set>

#include "base/clock.h"
#include "tool/backoff.h"
#include "tool/commands.h"
#include "tool/http.h"
#include "tool/line_reader.h"
#include "tool/printer.h"
#include "tool/secret.h"

namespace livehub::tool {
namespace {

constexpr int64_t kWaitLeastMs = 200;
constexpr int64_t kWaitMostMs = 10'000;
constexpr int64_t kProgressMs = 250;
constexpr int kRefusalsShown = 10;
constexpr int64_t kStampsTried = 120;  // of the 300 s that the server allows

struct Counts {
  uint64_t accepted = 0;
  uint64_t refused = 0;
  uint64_t unsent = 0;  // given up after all retries
  uint64_t retries = 0;
};

// What became of one line; kUnread: of the rest of them, which cannot be read.
enum class Fate : uint8_t { kAccepted, kRefused, kRejected, kGivenUp, kStopped, kUnread };

class Push {
 public:
  explicit Push(const Invocation& invocation) : invocation_(invocation) {}
  std::string prepare();  // a sentence about the command line, or nothing
  int run();

 private:
  Fate push_line(const std::string& line);
  bool sign(const std::string& line);
  bool wait_for_turn();
  void show_refusal(const HttpReply& reply);
  void show_progress(bool is_last);
  int finish(Fate fate);

  const Invocation& invocation_;
  StopSignals stop_;
  HttpClient client_{&stop_};
  HttpRequest request_;
  Url url_;
  std::vector<std::string> headers_;
  std::string hmac_secret_;
  std::set<std::string> signatures_;  // sent lately: the server takes each once
  int64_t signatures_since_ = 0;
  double rate_ = 0;  // pushes a second; 0: as fast as they are answered
  int64_t retries_ = 5;
  Counts counts_;
  uint64_t line_number_ = 0;
  int64_t begin_ms_ = 0;
  int64_t shown_ms_ = 0;
  bool shows_progress_ = false;
};

std::string Push::prepare() {
  url_ = parse_url(invocation_.operands.front());
  if (!url_.error.empty()) return url_.error + ".";
  if (url_.is_websocket) return "pushes go over http:// or https://.";
  if (url_.path.empty() || url_.path == "/") url_.path = "/api/live/push";
  std::string error;
  rate_ = number_of(invocation_, "--rate", 0, 0.001, 1e6, error);
  retries_ = static_cast<int64_t>(number_of(invocation_, "--retries", 5, 0, 1e6, error));
  request_.silence_ms =
      static_cast<int64_t>(1000 * number_of(invocation_, "--timeout", 30, 0.1, 3600, error));
  if (!error.empty()) return error;
  const Secret token = read_secret(invocation_, "LIVE_PUSH_TOKEN");
  const Secret secret = read_secret(invocation_, "LIVE_PUSH_HMAC_SECRET");
  if (!token.error.empty() || !secret.error.empty())
    return token.error.empty() ? secret.error : token.error;
  hmac_secret_ = secret.text;
  request_.method = "POST";
  request_.url = url_.whole();
  request_.skips_verification = invocation_.has("--insecure");
  headers_ = {"Content-Type: " + invocation_.text("--content-type", "application/json"), "Expect:"};
  if (!token.text.empty()) headers_.push_back("Authorization: Bearer " + token.text);
  for (const std::string& header : headers_)
    if (header.find_first_of("\r\n") != header.npos) return "a token is one line.";
  shows_progress_ = is_terminal(STDERR_FILENO) && !invocation_.has("--quiet");
  return {};
}

// Equal lines in one second would have equal signatures, which a server refuses as a replay; an
// older second is as good, and when all of those are used the next one is waited for. False: it was
// asked to stop meanwhile.
bool Push::sign(const std::string& line) {
  for (;;) {
    const int64_t now = base::unix_ms() / 1000;
    if (now - signatures_since_ > 600) {
      signatures_.clear();
      signatures_since_ = now;
    }
    for (int64_t age = 0; age < kStampsTried; ++age) {
      const std::string signature = push_signature(hmac_secret_, now - age, line);
      if (!signatures_.insert(signature).second) continue;
      request_.headers.push_back("X-Timestamp: " + std::to_string(now - age));
      request_.headers.push_back("X-Signature: " + signature);
      return true;
    }
    show_progress(false);
    if (stop_.wait_ms(static_cast<int>(kProgressMs))) return false;
  }
}

// False: it was asked to stop.
bool Push::wait_for_turn() {
  if (rate_ <= 0) return !stop_.was_asked();
  const int64_t due_ms =
      begin_ms_ + static_cast<int64_t>(1000.0 * static_cast<double>(line_number_ - 1) / rate_);
  for (;;) {
    const int64_t left_ms = due_ms - base::monotonic_ms();
    if (left_ms <= 0) return !stop_.was_asked();
    if (stop_.wait_ms(static_cast<int>(std::min(left_ms, kProgressMs)))) return false;
    show_progress(false);
  }
}

void Push::show_refusal(const HttpReply& reply) {
  if (counts_.refused > kRefusalsShown) return;
  if (shows_progress_) std::fputs("\r\x1b[K", stderr);
  std::string text = reply.body.substr(0, 200);
  for (char& c : text)
    if (c >= 0 && c < ' ') c = ' ';
  complain("line " + std::to_string(line_number_) + ": status " + std::to_string(reply.status) +
           (text.empty() ? "" : ": " + text) +
           (counts_.refused == kRefusalsShown ? " (further ones are only counted)" : ""));
}

void Push::show_progress(bool is_last) {
  if (!shows_progress_ || (!is_last && base::monotonic_ms() - shown_ms_ < kProgressMs)) return;
  shown_ms_ = base::monotonic_ms();
  const double seconds = std::max(0.001, static_cast<double>(shown_ms_ - begin_ms_) / 1000);
  std::fprintf(stderr, "\r\x1b[K%llu accepted, %llu refused, %.0f/s",
               static_cast<unsigned long long>(counts_.accepted),
               static_cast<unsigned long long>(counts_.refused),
               static_cast<double>(counts_.accepted) / seconds);
  if (is_last) std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

Fate Push::push_line(const std::string& line) {
  Backoff backoff(kWaitLeastMs, kWaitMostMs, random_fraction);
  request_.body = line;
  for (int64_t attempt = 0;; ++attempt) {
    request_.headers = headers_;
    if (!hmac_secret_.empty() && !sign(line)) return Fate::kStopped;
    const HttpReply reply = client_.ask(request_);
    if (reply.end == HttpReply::End::kStopped) return Fate::kStopped;
    const bool is_answered = reply.end == HttpReply::End::kWhole;
    if (is_answered && reply.status / 100 == 2) {
      ++counts_.accepted;
      return Fate::kAccepted;
    }
    const bool may_pass = !is_answered || reply.status == 429 || reply.status == 502 ||
                          reply.status == 503 || reply.status == 504;
    if (!may_pass) {
      ++counts_.refused;
      show_refusal(reply);
      return reply.status == 401 || reply.status == 403 || reply.status == 404 ? Fate::kRejected
                                                                               : Fate::kRefused;
    }
    if (attempt >= retries_) {
      ++counts_.unsent;
      complain("line " + std::to_string(line_number_) + ": given up: " +
               (is_answered ? "status " + std::to_string(reply.status) : reply.error));
      return Fate::kGivenUp;
    }
    ++counts_.retries;
    const std::string after = reply.header("retry-after");
    if (after.size() == 1 && after[0] >= '0' && after[0] <= '9')
      backoff.start_at(1000 * (after[0] - '0'));
    if (stop_.wait_ms(static_cast<int>(backoff.next_ms()))) return Fate::kStopped;
  }
}

int Push::run() {
  LineReader reader(STDIN_FILENO, stop_);
  begin_ms_ = base::monotonic_ms();
  std::string line;
  Fate fate = Fate::kAccepted;
  for (;;) {
    const auto got = reader.next(line, static_cast<int>(kProgressMs));
    show_progress(false);
    if (got == LineReader::Got::kNothing) continue;
    if (got == LineReader::Got::kEnd) break;
    if (got != LineReader::Got::kLine) {
      fate = got == LineReader::Got::kStopped ? Fate::kStopped : Fate::kUnread;
      if (fate == Fate::kUnread)
        complain(got == LineReader::Got::kTooLong ? "a line is longer than 64 MB"
                                                  : "standard input cannot be read");
      break;
    }
    if (line.empty()) continue;
    ++line_number_;
    fate = wait_for_turn() ? push_line(line) : Fate::kStopped;
    if (fate == Fate::kRejected || fate == Fate::kGivenUp || fate == Fate::kStopped) break;
  }
  return finish(fate);
}

int Push::finish(Fate fate) {
  show_progress(true);
  const double seconds = static_cast<double>(base::monotonic_ms() - begin_ms_) / 1000;
  std::array<char, 256> text{};
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  if (invocation_.has("--json")) {
    std::snprintf(text.data(), text.size(),
                  R"({"accepted":%llu,"refused":%llu,"unsent":%llu,"retries":%llu,"seconds":%.3f})",
                  number(counts_.accepted), number(counts_.refused), number(counts_.unsent),
                  number(counts_.retries), seconds);
    (void)print_line(text.data());
  } else if (!invocation_.has("--quiet")) {
    std::snprintf(text.data(), text.size(),
                  "%llu accepted, %llu refused, %llu not sent, %llu retries in %.1f s",
                  number(counts_.accepted), number(counts_.refused), number(counts_.unsent),
                  number(counts_.retries), seconds);
    complain(text.data());
  }
  if (fate == Fate::kStopped) return kExitInterrupted;
  if (fate == Fate::kRejected) return kExitRejected;
  if (fate == Fate::kGivenUp) return kExitUnreachable;
  return counts_.refused == 0 && fate != Fate::kUnread ? kExitOk : kExitFailed;
}

int run_push(const Invocation& invocation) {
  Push push(invocation);
  if (const std::string error = push.prepare(); !error.empty()) return usage_error("push", error);
  return push.run();
}

constexpr std::array kOptions = {
    Option{.name = "--rate", .value = "N", .help = "At most that many pushes a second."},
    Option{.name = "--retries",
           .value = "N",
           .help = "How often a push is tried again while the server is away or busy [5]."},
    Option{.name = "--timeout", .value = "SECONDS", .help = "How long an answer may take [30]."},
    Option{.name = "--content-type", .value = "TYPE", .help = "[application/json]"},
    Option{.name = "--json", .help = "The summary as one JSON object on standard output."},
    Option{.name = "--insecure", .help = "Do not check the TLS certificate."},
    Option{.name = "--quiet", .help = "No progress and no summary."},
};

constexpr std::string_view kAbout = R"(
Each line of standard input is the body of one push, in their order; empty lines are passed over.
A URL without a path means /api/live/push. While the server is away or busy (no answer, 429, 502,
503, 504) a push is tried again, later each time; one whose answer was lost may so arrive twice.
Progress is shown on a terminal only.

The token comes from LIVE_PUSH_TOKEN or the file in LIVE_PUSH_TOKEN_FILE; with LIVE_PUSH_HMAC_SECRET
(or LIVE_PUSH_HMAC_SECRET_FILE) each push is signed.

Examples
  echo '{"activeUsers": 1234}' | livehub push http://localhost:8787
  livehub push https://hub.example --rate 20 < events.ndjson

Exit codes
  0 all accepted; 1 some were refused, or could not be read; 2 not understood;
  3 nobody answers, or busy for too long; 4 the server says no to all of them (401, 403, 404);
  130 Ctrl-C
)";

}  // namespace

const Command kPush = {.name = "push",
                       .operands = "URL",
                       .summary = "Push the lines of standard input, one message each.",
                       .about = kAbout,
                       .options = kOptions,
                       .operands_least = 1,
                       .operands_most = 1,
                       .run = run_push};

}  // namespace livehub::tool
