// Finds out what io_uring does here by doing it on a loopback connection: accept into a direct
// descriptor, then more bytes than fit, so that the send is short, and count what arrives.
#include "io/uring_probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "io/socket_options.h"
#include "io/uring_ring.h"

namespace livehub::io {
namespace {

constexpr int kSocketBufferBytes = 16 * 1024;
constexpr size_t kTooMuchBytes = 1024 * 1024;  // more than both socket buffers take
constexpr int kShortSendsMax = 100;
constexpr int kPatienceMs = 1000;
constexpr int32_t kNoResult = INT32_MIN;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void take(int fd) { close(), fd_ = fd; }
  int get() const { return fd_; }
  void forget() { fd_ = -1; }

 private:
  int fd_ = -1;
};

class Prober final : private CompletionSink {
 public:
  UringProbe run() {
    UringProbe probe;
    if (!ring_.open(8, 16, true, probe.why)) return probe;
    probe.direct_descriptors = ring_.register_direct_table(4) == 0;
    if (!connect_loopback()) {
      probe.why = "io_uring could not be tried: there is no loopback to connect over";
      return probe;
    }
    if (probe.direct_descriptors) probe.direct_descriptors = accept_direct();
    if (!probe.direct_descriptors && !accept_ordinary()) {
      probe.why = "io_uring could not be tried: the loopback connection was not accepted";
      return probe;
    }
    is_direct_ = probe.direct_descriptors;
    if (!polls_and_receives()) {
      probe.why = "this kernel's io_uring lacks an operation (poll, receive or send)";
      return probe;
    }
    probe.usable = true;
    probe.skip_success_is_safe = skip_is_safe();
    probe.why = std::string("io_uring works, with ") +
                (probe.direct_descriptors ? "direct" : "ordinary") + " descriptors, " +
                (probe.skip_success_is_safe ? "successful sends are not reported"
                                            : "every send is reported");
    return probe;
  }

 private:
  void on_completion(uint64_t user_data, int32_t result, uint32_t) override {
    if (user_data < results_.size()) results_[user_data] = result;
  }

  // Submits what is queued as operation 1 (and 2), and waits for the completion `awaited`.
  int32_t complete(size_t awaited) {
    results_.fill(kNoResult);
    for (int tries = 0; tries < 2 && results_[awaited] == kNoResult; ++tries) {
      ring_.submit_and_wait(int64_t{kPatienceMs} * 1'000'000);
      ring_.reap(true);
    }
    return results_[awaited];
  }

  bool connect_loopback() {
    SocketAddress address{};
    address.v4.sin_family = AF_INET;
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address.v4;
    const int bytes = kSocketBufferBytes;
    listener_.take(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    peer_.take(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);  // inherited
    ::setsockopt(peer_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return ::bind(listener_.get(), &address.any, size) == 0 && ::listen(listener_.get(), 1) == 0 &&
           ::getsockname(listener_.get(), &address.any, &size) == 0 &&
           ::connect(peer_.get(), &address.any, size) == 0;
  }

  bool accept_direct() {
    io_uring_sqe& sqe = ring_.queue(IORING_OP_ACCEPT, 1);
    sqe.fd = listener_.get();
    sqe.file_index = IORING_FILE_INDEX_ALLOC;
    socket_ = complete(1);
    return socket_ >= 0;
  }

  bool accept_ordinary() {
    pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, kPatienceMs);
    accepted_.take(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    socket_ = accepted_.get();
    return socket_ >= 0;
  }

  io_uring_sqe& queue(uint8_t operation, uint64_t user_data) {
    io_uring_sqe& sqe = ring_.queue(operation, user_data);
    sqe.fd = socket_;
    if (is_direct_) sqe.flags = IOSQE_FIXED_FILE;
    return sqe;
  }

  bool polls_and_receives() {
    if (::send(peer_.get(), "?", 1, MSG_NOSIGNAL) != 1) return false;
    queue(IORING_OP_POLL_ADD, 1).poll32_events = POLLIN | POLLRDHUP;
    if (complete(1) <= 0) return false;
    char byte = 0;
    io_uring_sqe& sqe = queue(IORING_OP_RECV, 1);
    sqe.addr = reinterpret_cast<uint64_t>(&byte);
    sqe.len = 1;
    sqe.msg_flags = MSG_DONTWAIT;
    return complete(1) == 1 && byte == '?';
  }

  int32_t send_and_skip(const char* bytes, size_t size) {
    io_uring_sqe& sqe = queue(IORING_OP_SEND, 1);
    sqe.addr = reinterpret_cast<uint64_t>(bytes);
    sqe.len = static_cast<uint32_t>(size);
    sqe.msg_flags = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
    sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
    ring_.queue(IORING_OP_NOP, 2);  // so that there is a completion to wait for, and it comes later
    return complete(2) == 0 ? results_[1] : -EIO;
  }

  // What uring_send.cc relies on: all sent, no completion; part sent, its count; full, EAGAIN; at
  // once.
  bool skip_is_safe() {
    const std::vector<char> too_much(kTooMuchBytes);
    if (send_and_skip(too_much.data(), 1) != kNoResult) return false;
    size_t sent = 1;
    // Acknowledgements make room for a little more once or twice.
    for (int tries = 0; tries < kShortSendsMax; ++tries) {
      const int32_t result = send_and_skip(too_much.data(), too_much.size());
      if (result == -EAGAIN) return tries > 0 && close_and_count() == sent;
      if (result <= 0 || static_cast<size_t>(result) >= too_much.size()) return false;
      sent += static_cast<size_t>(result);
    }
    return false;
  }

  // Everything that the peer is given until the end of the stream.
  size_t close_and_count() {
    io_uring_sqe& sqe = ring_.queue(IORING_OP_CLOSE, 1);
    if (is_direct_)
      sqe.file_index = static_cast<uint32_t>(socket_) + 1;
    else
      sqe.fd = socket_;
    if (complete(1) != 0) return 0;
    if (!is_direct_) accepted_.forget();
    std::array<char, 16 * 1024> buffer;
    size_t count = 0;
    for (;;) {
      pollfd ready{.fd = peer_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, kPatienceMs) != 1) return 0;
      const ssize_t got = ::recv(peer_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got <= 0) return got == 0 ? count : 0;
      count += static_cast<size_t>(got);
    }
  }

  UringRing ring_{*this};
  std::array<int32_t, 3> results_{};
  Descriptor listener_, peer_, accepted_;
  int socket_ = -1;
  bool is_direct_ = false;
};

}  // namespace

UringProbe probe_uring() { return Prober().run(); }

const UringProbe& cached_uring_probe() {
  static const UringProbe kProbe = probe_uring();
  return kProbe;
}

}  // namespace livehub::io
