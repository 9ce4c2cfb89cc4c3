#include "runner_http.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <exception>
#include <optional>
#include <vector>

#include "runner_socket.h"

namespace livehub::conformance {
namespace {

// Behind every vector: answered where the connection is kept, never where it is not.
constexpr std::string_view kProbe = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

constexpr std::string_view kPushPath = "/api/live/push";
constexpr std::string_view kWebSocketPath = "/api/live/ws";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Answer {
  int status = 0;
  bool closes = false;
  bool plain = false;  // text/plain: refused by the server itself, not by a route
  bool operator==(const Answer&) const = default;
};

std::string to_string(const std::vector<Answer>& answers) {
  std::string text = "[";
  for (const Answer& answer : answers)
    text += " " + std::to_string(answer.status) + (answer.plain ? " plain" : "") +
            (answer.closes ? " close" : "");
  return text + " ]";
}

// What must come. Interim answers (100) are not among `answers`.
struct Expected {
  std::vector<Answer> answers;
  size_t continues_max = 0;  // interim answers that were asked for
  bool probe = true;         // whether the probe goes right behind the vector
  bool may_reset = false;    // the contract's end is a destroyed socket, with what came unread
  bool ends_input = false;   // the vector is a part of a request: our end shuts after it
};

bool is_body_route(std::string_view path) { return path == kPushPath; }

// The contract of live-data for a request that was read in full (sections 0.2 and 0.4).
Answer route_answer(const HttpVectorRequest& request) {
  if (request.method == "OPTIONS") return {204};
  if (request.method == "POST" && is_body_route(request.path))
    return {400};  // none of the vectors' bodies is JSON
  return {404};
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

HttpVector led_to_routes(HttpVector vector) {
  replace(vector.input, "POST /p HTTP/1.1\r\n", "POST /api/live/push HTTP/1.1\r\n");
  for (HttpVectorRequest& request : vector.requests)
    if (request.path == "/p") request.path = kPushPath;
  if (vector.end == HttpVectorEnd::kUpgraded) {
    const size_t at = vector.input.rfind("GET / HTTP/1.1\r\nHost: a\r\nC",
                                         vector.input.size() - vector.rest.size());
    const size_t other = vector.input.rfind("GET / HTTP/1.1\r\nHost: a\r\nC");
    const size_t found = at != std::string::npos ? at : other;
    if (found != std::string::npos) vector.input.replace(found + 4, 1, kWebSocketPath);
    vector.requests.back().path = kWebSocketPath;
  }
  return vector;
}

// Whether the head of that request announces a body, as far as a vector's text tells.
bool announces_body(const HttpVector& vector) {
  const std::string text = lower(vector.input);
  return text.find("\r\ncontent-length") != std::string::npos ||
         text.find("\r\ntransfer-encoding") != std::string::npos;
}

Expected expected(const HttpVector& vector) {
  Expected want;
  for (const HttpVectorRequest& request : vector.requests)
    want.answers.push_back(route_answer(request));
  switch (vector.end) {
    case HttpVectorEnd::kOpen:
      want.answers.push_back({200, true});
      break;
    case HttpVectorEnd::kPartial:
      want.probe = false;
      want.ends_input = true;
      break;
    case HttpVectorEnd::kClosed:
      want.answers.back().closes = true;
      break;
    case HttpVectorEnd::kUpgraded:
      want.answers.pop_back();
      // The vectors name no version of WebSocket. On another path the contract has no answer.
      if (vector.requests.back().path == kWebSocketPath)
        want.answers.push_back({426, true, true});
      else
        want.may_reset = true;
      break;
    case HttpVectorEnd::kRefused:
      want.answers.push_back({vector.status, true, true});
      break;
  }
  if (vector.input.find("Expect: 100-") != std::string::npos && !vector.requests.empty() &&
      is_body_route(vector.requests.front().path))
    want.continues_max = 1;
  return want;
}

// A route that wants no body answers at the head that announces one and closes: its body is not
// read, and so neither are the faults in it nor what is behind. Exactly one such answer, in the
// place of the rest.
bool is_answered_at_head(const HttpVector& vector, const std::vector<Answer>& answers,
                         const std::vector<Answer>& wanted) {
  if (answers.empty() || !announces_body(vector) || answers.size() > wanted.size() + 1)
    return false;
  const size_t last = answers.size() - 1;
  return std::equal(answers.begin(), answers.end() - 1, wanted.begin()) &&
         answers[last] == Answer{404, true} &&
         (last >= vector.requests.size() || !is_body_route(vector.requests[last].path));
}

// Reads the answers off the front of `bytes`. nullopt: these are no whole HTTP/1.1 answers.
std::optional<std::vector<Answer>> parse_answers(std::string_view bytes, const HttpVector& vector,
                                                 size_t& continues) {
  std::vector<Answer> answers;
  while (!bytes.empty()) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos || !bytes.starts_with("HTTP/1.1 ")) return std::nullopt;
    const std::string head = lower(bytes.substr(0, end + 2));
    bytes.remove_prefix(end + 4);
    Answer answer;
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    if (answer.status == 100) {
      ++continues;
      continue;
    }
    answer.closes = head.find("\r\nconnection: close\r\n") != std::string::npos;
    answer.plain = head.find("\r\ncontent-type: text/plain") != std::string::npos;
    size_t length = 0;
    if (const size_t at = head.find("\r\ncontent-length: "); at != std::string::npos) {
      std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
    } else if (answer.status != 204) {
      return std::nullopt;
    }
    const bool is_head =
        answers.size() < vector.requests.size() && vector.requests[answers.size()].method == "HEAD";
    if (is_head) length = 0;
    if (bytes.size() < length) return std::nullopt;
    bytes.remove_prefix(length);
    answers.push_back(answer);
  }
  return answers;
}

std::string run(const HttpVector& vector, const HttpOptions& options) {
  const Expected want = expected(vector);
  Socket socket(options.port, options.patience);
  const std::string bytes = vector.input + std::string(want.probe ? kProbe : "");
  (void)socket.write(bytes, options.piece_bytes);  // false where it was refused before its end
  if (want.ends_input) socket.end();
  const bool in_time = socket.read_until([&] { return socket.state() != Socket::State::kOpen; });

  size_t continues = 0;
  const auto answers = parse_answers(socket.input(), vector, continues);
  const std::string came = "\n  came: " + (answers ? to_string(*answers) : "no whole answers") +
                           ", raw: '" + socket.input().substr(0, 1500) + "'";
  if (!in_time) return "the connection did not end" + came;
  if (socket.state() == Socket::State::kReset && !want.may_reset)
    return "the connection was reset" + came;
  if (!answers) return "not answers of HTTP/1.1" + came;
  if (continues > want.continues_max) return "a 100 that nobody asked for" + came;
  if (*answers == want.answers || is_answered_at_head(vector, *answers, want.answers)) return {};
  return "should be " + to_string(want.answers) + came;
}

}  // namespace

std::string run_http_vector(const HttpVector& vector, const HttpOptions& options) {
  try {
    return run(options.routed ? led_to_routes(vector) : vector, options);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace livehub::conformance
