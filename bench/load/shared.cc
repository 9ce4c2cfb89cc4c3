#include "load/shared.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace livehub::bench {

void* map_shared(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::runtime_error("no memory for the counters");
  return at;
}

void unmap_shared(void* at, size_t bytes) { munmap(at, bytes); }

Child::Child(const std::function<void(int control_fd)>& body) {
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    throw std::runtime_error("no socket pair for a client process");
  }
  std::fflush(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("a client process could not be started");
  control_fd_ = pair[0];
  if (pid_ > 0) {
    close(pair[1]);
    return;
  }
  close(pair[0]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  if (getppid() != parent) _exit(1);  // it ended before we asked to be told
  int status = 0;
  try {
    body(pair[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "livehub-bench: %s\n", error.what());
    status = 1;
  }
  _exit(status);
}

Child::~Child() {
  if (pid_ <= 0) return;
  close(control_fd_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::send_bytes(const void* bytes, size_t count) const {
  if (send(control_fd_, bytes, count, MSG_NOSIGNAL) != static_cast<ssize_t>(count)) {
    throw std::runtime_error("a client process has died");
  }
}

void Child::receive_bytes(void* bytes, size_t count) const {
  if (recv(control_fd_, bytes, count, 0) != static_cast<ssize_t>(count)) {
    throw std::runtime_error("a client process has died");
  }
}

}  // namespace livehub::bench
