// A line of the log as it is written, and how many of them. Pure (time is an argument).
// Tests: tests/unit/base/log_line_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::base {

inline constexpr size_t kLogLineBytesMax = 2048;

// {"time":"…","level":"warn","message":"…"}, with "request_id" where there is one. Always one line
// of ASCII and valid UTF-8; a message over the limit is cut.
[[nodiscard]] std::string log_json(std::string_view time, std::string_view level,
                                   std::string_view message, std::string_view request_id);
// The message on one line, without control characters, which a terminal would obey.
[[nodiscard]] std::string log_text(std::string_view message, std::string_view request_id);
// What may stand in a log as a request's id: letters, digits and -_. of it, at most 64.
[[nodiscard]] std::string log_request_id(std::string_view header);

// Lets bursts pass and holds floods back: `burst` lines at once, then `per_second` of them.
class LogLimiter {
 public:
  LogLimiter(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Whether a line may be written now. If so, `left_out` says how many were not since the last one.
  bool admit(int64_t now_ns, uint64_t& left_out);

 private:
  const double per_second_;
  const double burst_;
  double tokens_;
  int64_t last_ns_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace livehub::base
