// What interrupts a waiting driver from another thread: an eventfd, written to at most once per
// turn. mailbox.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace livehub::io {

class Waker {
 public:
  Waker() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker() { ::close(fd_); }

  int fd() const { return fd_; }

  // Any thread. What the caller wrote before is visible to the driver's thread after acknowledge().
  void wake() noexcept {
    if (pending_.exchange(true, std::memory_order_acq_rel)) return;
    const uint64_t one = 1;
    // The counter is far from its limit, and eventfds are not interruptible: this does not fail. If
    // it does, a wake believed to be on its way would be the last one ever.
    for (int tries = 0; tries < kTries; ++tries)
      if (::write(fd_, &one, sizeof one) == sizeof one) return;
    pending_.store(false, std::memory_order_release);
  }

  // The driver's thread, after the kernel reported the eventfd and (where `drain`) before it waits
  // again. The counter is read before pending_ falls: the other way round a wake() in between would
  // be swallowed by the read with pending_ left true, and no later one would be heard.
  void acknowledge(bool drain) noexcept {
    uint64_t count;
    if (drain) {
      [[maybe_unused]] const ssize_t read = ::read(fd_, &count, sizeof count);
    }
    pending_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  static constexpr int kTries = 3;

  const int fd_;
  std::atomic<bool> pending_{
      false};  // pairs wake() of any thread with acknowledge() of the driver's
};

}  // namespace livehub::io
