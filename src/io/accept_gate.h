// When a driver accepts: while it has a listener, and not for a while after descriptors or memory
// ran out (an accept that fails with EMFILE leaves the client in the queue, so that trying on would
// spin). shard-local; owned by its driver.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace livehub::io {

class AcceptGate {
 public:
  static constexpr int64_t kRetryNs = 100'000'000;

  void open(int listening_fd) { fd_ = listening_fd, retry_at_ns_ = 0; }
  void shut() { fd_ = -1; }
  int fd() const { return fd_; }

  bool is_open(int64_t now_ns) const { return fd_ >= 0 && now_ns >= retry_at_ns_; }
  void note_shortage(int64_t now_ns) { retry_at_ns_ = now_ns + kRetryNs; }
  // A socket was closed: there is a descriptor again.
  void note_close() { retry_at_ns_ = 0; }

  // Shortens a wait (< 0: for ever) so that it ends when the gate opens again.
  int64_t bound_wait(int64_t wait_ns, int64_t now_ns) const {
    if (fd_ < 0 || now_ns >= retry_at_ns_) return wait_ns;
    const int64_t left_ns = retry_at_ns_ - now_ns;
    return wait_ns < 0 ? left_ns : std::min(wait_ns, left_ns);
  }

  // Errors that are about one client (it gave up, the network broke): the next one may be fine.
  // Linux hands pending network errors of the new socket to accept() (accept(2)). All others are a
  // shortage.
  static bool concerns_one_client(int error) {
    switch (error) {
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH:
      case ETIMEDOUT:
      case EPERM:
        return true;
      default:
        return false;
    }
  }

 private:
  int fd_ = -1;
  int64_t retry_at_ns_ = 0;
};

}  // namespace livehub::io
