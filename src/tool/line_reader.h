// Lines from a descriptor, waiting for them and for Ctrl-C at once. One thread.
// Limits: a line of 64 MB. Tests: tests/integration/tools_push.test.mjs.
#pragma once

#include <cstdint>
#include <string>

#include "tool/stop_signals.h"

namespace livehub::tool {

class LineReader {
 public:
  enum class Got : uint8_t { kLine, kEnd, kStopped, kNothing, kTooLong, kFailed };

  LineReader(int fd, StopSignals& stop) : fd_(fd), stop_(stop) {}
  // Waits up to `wait_ms` (-1: without an end). The line comes without its end.
  Got next(std::string& line, int wait_ms);

 private:
  bool take(std::string& line);

  int fd_;
  StopSignals& stop_;
  std::string held_;
  size_t begin_ = 0;
  size_t searched_ = 0;  // up to here there is no line end
  bool is_over_ = false;
};

}  // namespace livehub::tool
