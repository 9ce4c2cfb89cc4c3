// Ctrl-C and SIGTERM as something to wait for, beside sockets and standard input. startup: one
// object, made by the command's only thread before it waits. SIGPIPE is ignored from then on: a
// reader that has gone shows as a failed write.
// Tests: tests/integration/tools_stream.test.mjs.
#pragma once

#include <csignal>

namespace livehub::tool {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int fd() const { return fd_; }  // readable once it was asked to stop
  // Waits that long, or less: true if it was asked to stop.
  bool wait_ms(int ms);
  bool was_asked() { return wait_ms(0); }

 private:
  int fd_ = -1;
  bool was_asked_ = false;
  sigset_t before_{};
};

}  // namespace livehub::tool
