// What the tests of the io room share: a driver of each kind on a real loopback listener, a
// recorder of its events, and clients that are plain non-blocking sockets of the same thread (so
// that nothing races).
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "io/io.h"
#include "io/listener.h"
#include "io/uring_driver.h"

namespace livehub::io::testing {

// The last is what a kernel before 6.1 would get: ordinary descriptors, no deferred task work,
// every send reported.
enum class Backend { kEpoll, kUringDirect, kUringOrdinary, kUringOld };

inline std::string name_of(Backend backend) {
  switch (backend) {
    case Backend::kEpoll:
      return "epoll";
    case Backend::kUringDirect:
      return "uring_direct";
    case Backend::kUringOrdinary:
      return "uring_ordinary";
    case Backend::kUringOld:
      return "uring_old";
  }
  return "?";
}

inline void PrintTo(Backend backend, std::ostream* out) { *out << name_of(backend); }

inline bool uring_is_required() {
  const char* value = std::getenv("LIVEHUB_REQUIRE_URING");
  return value && std::string(value) == "1";
}

// Null and a reason where the kernel does not allow this kind.
inline std::unique_ptr<Driver> make_driver(Backend backend, Options options, std::string& why_not) {
  if (backend == Backend::kEpoll) return make_epoll_driver(options);
  options.direct_descriptors = backend == Backend::kUringDirect;
  if (backend == Backend::kUringOld)
    return UringDriver::make(options, {false, false, false}, why_not);
  std::unique_ptr<Driver> driver = make_uring_driver(options, why_not);
  if (!driver) return nullptr;
  if (static_cast<UringDriver&>(*driver).uses_direct_descriptors() == options.direct_descriptors)
    return driver;
  why_not = "the kernel refuses direct descriptors";
  return nullptr;
}

inline auto now() { return std::chrono::steady_clock::now(); }
// Generous: the machine may be frozen or shared. A test that passes never waits so long.
inline constexpr std::chrono::seconds kPatience{30};
inline constexpr int64_t kShortWaitNs = 2'000'000;

// Distinguishable bytes, so that a lost, doubled or moved one shows.
inline std::string pattern(size_t size, uint64_t seed_of_all = 1) {
  std::string bytes(size, '\0');
  auto seed = static_cast<uint32_t>(seed_of_all);
  for (char& byte : bytes) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

class Client {
 public:
  Client() = default;
  explicit Client(int fd) : fd_(fd) {}
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client& operator=(Client&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Client() { close(); }

  int fd() const { return fd_; }
  bool send(std::string_view bytes) {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Takes up to `size_max` bytes that are there into `bytes`: the count, 0 at the end, or -errno.
  ssize_t read_into(std::string& bytes, size_t size_max = 65'536) {
    std::string part(size_max, '\0');
    const ssize_t got = ::recv(fd_, part.data(), size_max, MSG_DONTWAIT);
    if (got > 0) bytes.append(part, 0, static_cast<size_t>(got));
    return got < 0 ? -errno : got;
  }
  void shutdown_send() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reset() {
    const linger off{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    close();
  }

 private:
  int fd_ = -1;
};

struct ClientOptions {
  int receive_buffer_bytes = 0;  // 0: the kernel's choice
  bool ipv6 = false;
};

// Connected, or an errno in `error`. The kernel completes loopback handshakes by itself, up to the
// backlog.
inline Client connect_to(uint16_t port, const ClientOptions& options = {}, int* error = nullptr) {
  const int family = options.ipv6 ? AF_INET6 : AF_INET;
  Client client(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (options.receive_buffer_bytes)
    ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof(int));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const auto* address =
      options.ipv6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
  const socklen_t size = options.ipv6 ? sizeof v6 : sizeof v4;
  const int result = ::connect(client.fd(), address, size) == 0 ? 0 : errno;
  if (error) *error = result;
  ::fcntl(client.fd(), F_SETFL, O_NONBLOCK);
  return client;
}

// Remembers all events; a test hangs its own reaction on the functions.
struct Recorder final : Events {
  struct Seen {
    std::string bytes;
    int ends = 0, error = -1, writables = 0, receives = 0;
    bool is_closed = false;  // the test closed it: whatever comes now is a breach
  };
  std::vector<Socket> accepted;
  std::vector<uint32_t> spare_slots;
  std::map<uint64_t, Seen> seen;
  std::vector<Socket> receive_order;
  int breaches = 0;
  bool keeps_bytes = true;
  std::function<void(Socket)> at_accept, at_writable;
  std::function<void(Socket, std::span<char>)> at_receive;
  std::function<void(Socket, int)> at_end;

  static uint64_t key(Socket s) { return uint64_t{s.generation} << 32 | s.index; }
  Seen& of(Socket s) { return seen[key(s)]; }
  void note(Seen& one) { breaches += one.is_closed || one.ends > 1; }

  void on_accept(Socket s, uint32_t spare) override {
    breaches += seen.contains(key(s)) || s.generation == 0;
    of(s);
    accepted.push_back(s);
    spare_slots.push_back(spare);
    if (at_accept) at_accept(s);
  }
  void on_receive(Socket s, std::span<char> bytes) override {
    Seen& one = of(s);
    breaches += one.is_closed || one.ends > 0 || bytes.empty();
    ++one.receives;
    if (keeps_bytes) one.bytes.append(bytes.data(), bytes.size());
    receive_order.push_back(s);
    if (at_receive) at_receive(s, bytes);
  }
  void on_receive_end(Socket s, int error) override {
    Seen& one = of(s);
    ++one.ends;
    one.error = error;
    note(one);
    if (at_end) at_end(s, error);
  }
  void on_writable(Socket s) override {
    ++of(s).writables;
    note(of(s));
    if (at_writable) at_writable(s);
  }
};

class ContractTest : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override {
    EXPECT_EQ(events.breaches, 0) << "events that the contract rules out";
    driver.reset();
    for (const int fd : listeners.fds) ::close(fd);
  }

  // Replaces the driver; the tests of limits call it again.
  void start(const Options& options, ListenOptions listen = {}) {
    driver.reset();
    for (const int fd : listeners.fds) ::close(fd);
    listeners = open_listeners(listen);
    ASSERT_TRUE(listeners.error.empty()) << listeners.error;
    std::string why_not;
    driver = make_driver(GetParam(), options, why_not);
    if (!driver && uring_is_required()) FAIL() << "LIVEHUB_REQUIRE_URING is set: " << why_not;
    if (!driver) GTEST_SKIP() << why_not;
    driver->listen(listeners.fds[0]);
  }

  Client connect(const ClientOptions& options = {}) { return connect_to(listeners.port, options); }

  // Turns until it is so; false after kPatience.
  [[nodiscard]] bool run_until(const std::function<bool()>& is_so) {
    for (const auto deadline = now() + kPatience; !is_so();) {
      if (now() > deadline) return false;
      driver->turn(kShortWaitNs, events);
    }
    return true;
  }
  // A while in which something must not happen.
  void run_for(int turns) {
    for (int i = 0; i < turns; ++i) driver->turn(kShortWaitNs, events);
  }
  // Nothing is going on: waits must last (some may be interrupted, as by an earlier test's ring).
  void expect_no_spin() {
    const auto start = now();
    for (int i = 0; i < 20; ++i) driver->turn(10'000'000, events);
    EXPECT_GT(now() - start, std::chrono::milliseconds(100)) << "turns return at once: it spins";
  }
  [[nodiscard]] bool accept_all(size_t count) {
    return run_until([&] { return events.accepted.size() >= count; });
  }
  Recorder::Seen& seen(size_t connection) { return events.of(events.accepted[connection]); }

  SendRequest send(Socket socket, std::string_view bytes) {
    iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    SendRequest request{.socket = socket,
                        .pieces = &piece,
                        .piece_count = 1,
                        .bytes = static_cast<uint32_t>(bytes.size())};
    driver->send_batch({&request, 1});
    request.pieces = nullptr;
    return request;
  }
  void close(Socket socket) {
    events.of(socket).is_closed = true;
    driver->close(socket);
  }

  // Reads until the end or an error: 0 or -errno; 1 if neither came in time.
  ssize_t read_to_end(Client& client, std::string& bytes) {
    return read_to_end_or(client, bytes, {});
  }
  // The same, but `enough` will do as well.
  ssize_t read_to_end_or(Client& client, std::string& bytes, std::string_view enough) {
    for (const auto deadline = now() + kPatience; now() < deadline;) {
      if (!enough.empty() && bytes == enough) return 1;
      const ssize_t got = client.read_into(bytes);
      if (got == -EAGAIN)
        driver->turn(kShortWaitNs, events);
      else if (got <= 0)
        return got;
    }
    return 1;
  }

  Listeners listeners;
  std::unique_ptr<Driver> driver;
  Recorder events;
};

#define LIVEHUB_IO_CONTRACT(suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(, suite,                                                        \
                           ::testing::Values(Backend::kEpoll, Backend::kUringDirect,       \
                                             Backend::kUringOrdinary, Backend::kUringOld), \
                           [](const auto& parameter) { return name_of(parameter.param); })

}  // namespace livehub::io::testing
