#include "tool/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace livehub::tool {

StopSignals::StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : std::array{SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  fd_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  ::signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  // What was heard is done with: it must not strike once it is let through again.
  signalfd_siginfo heard;
  while (::read(fd_, &heard, sizeof(heard)) == sizeof(heard)) {
  }
  if (fd_ >= 0) ::close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool StopSignals::wait_ms(int ms) {
  if (was_asked_) return true;
  pollfd one{fd_, POLLIN, 0};
  was_asked_ = ::poll(&one, 1, ms) > 0;
  return was_asked_;
}

}  // namespace livehub::tool
