// Listening sockets: what others hold is refused, with a sentence; what is ours is reachable over
// IPv4 and IPv6; options are inherited.
#include "io/listener.h"

#include <sys/wait.h>

#include "io/port_holder.h"
#include "io_test_util.h"
#include "refusal_test_util.h"

namespace livehub::io {
namespace {

using testing::Client;
using testing::connect_to;

struct Opened {
  explicit Opened(const ListenOptions& options) : all(open_listeners(options)) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() { close(); }
  void close() {
    for (const int fd : std::exchange(all.fds, {})) ::close(fd);
  }
  Listeners all;
};

ListenOptions on_port(uint16_t port, uint32_t listeners = 1) {
  ListenOptions options;
  options.port = port;
  options.listeners = listeners;
  return options;
}
ListenOptions on_host(std::string host, uint16_t port = 0) {
  ListenOptions options = on_port(port);
  options.host = std::move(host);
  return options;
}

Client accept_from(int listening_fd) {
  pollfd ready{.fd = listening_fd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
  return Client(::accept4(listening_fd, nullptr, nullptr, SOCK_CLOEXEC));
}

// A listener as another program might open it.
Client listen_plainly(uint32_t address, uint16_t& port, bool share_port) {
  Client socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share_port) ::setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(address);
  socklen_t size = sizeof name;
  EXPECT_EQ(::bind(socket.fd(), reinterpret_cast<sockaddr*>(&name), size), 0)
      << std::strerror(errno);
  EXPECT_EQ(::listen(socket.fd(), 5), 0);
  ::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&name), &size);
  port = ntohs(name.sin_port);
  return socket;
}

int option_of(int fd, int level, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, option, &value, &size), 0);
  return value;
}

TEST(Listener, IPv4AndIPv6ReachTheSamePort) {
  Opened opened(on_port(0));
  ASSERT_EQ(opened.all.error, "");
  ASSERT_NE(opened.all.port, 0);
  int error = -1;
  Client v4 = connect_to(opened.all.port, {}, &error);
  EXPECT_EQ(error, 0);
  EXPECT_GE(accept_from(opened.all.fds[0]).fd(), 0);
  if (!opened.all.ipv6) GTEST_SKIP() << "no IPv6 here";
  Client v6 = connect_to(opened.all.port, {.ipv6 = true}, &error);
  EXPECT_EQ(error, 0);
  EXPECT_GE(accept_from(opened.all.fds[0]).fd(), 0);
}

TEST(Listener, AllShardsShareOnePort) {
  Opened opened(on_port(0, 4));
  ASSERT_EQ(opened.all.error, "");
  ASSERT_EQ(opened.all.fds.size(), 4u);
  for (const int fd : opened.all.fds) {
    sockaddr_in6 name{};
    socklen_t size = sizeof name;
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
    EXPECT_EQ(ntohs(name.sin6_port), opened.all.port);
    EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 1);
  }
}

TEST(Listener, ASecondInstanceIsRefusedAndTheFirstNamed) {
  Opened first(on_port(0, 2));
  ASSERT_EQ(first.all.error, "");
  Opened second(on_port(first.all.port, 2));
  EXPECT_TRUE(second.all.fds.empty());
  EXPECT_NE(second.all.error.find("port " + std::to_string(first.all.port) +
                                  " is in use by io_test (pid " + std::to_string(::getpid()) + ")"),
            std::string::npos)
      << second.all.error;
}

TEST(Listener, AnotherProcessIsNamed) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready) + ::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Opened held(on_port(0));
    if (::write(ready[1], &held.all.port, 2) != 2) ::_exit(1);
    ::close(done[1]);
    char byte;
    [[maybe_unused]] const ssize_t ended = ::read(done[0], &byte, 1);
    ::_exit(0);
  }
  uint16_t port = 0;
  ASSERT_EQ(::read(ready[0], &port, 2), 2);
  EXPECT_EQ(find_port_holder(port), "io_test (pid " + std::to_string(child) + ")");
  EXPECT_NE(Opened(on_port(port)).all.error, "");
  for (const int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(find_port_holder(port), "");
}

TEST(Listener, AThiefOnAllIPv4AddressesIsRefused) {
  for (const bool share_port : {false, true}) {
    uint16_t port = 0;
    Client thief = listen_plainly(INADDR_ANY, port, share_port);
    Opened opened(on_port(port));
    EXPECT_TRUE(opened.all.fds.empty());
    EXPECT_NE(opened.all.error.find(std::to_string(port)), std::string::npos) << opened.all.error;
  }
}

TEST(Listener, AThiefOnOneAddressIsRefused) {
  uint16_t port = 0;
  Client thief = listen_plainly(INADDR_LOOPBACK, port, true);
  EXPECT_NE(Opened(on_port(port)).all.error, "");
  EXPECT_NE(Opened(on_host("127.0.0.1", port)).all.error, "");
}

TEST(Listener, ARestartIsNotRefusedByConnectionsInTimeWait) {
  Opened first(on_port(0, 2));
  ASSERT_EQ(first.all.error, "");
  const uint16_t port = first.all.port;
  // The side that closes first keeps the port in TIME_WAIT; and one connection outlives the
  // listener.
  std::vector<Client> clients, served;
  for (int i = 0; i < 4; ++i) clients.push_back(connect_to(port));
  for (const int fd : first.all.fds) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int accepted; (accepted = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      served.push_back(Client(accepted));
  }
  ASSERT_EQ(served.size(), 4u);
  served.resize(1);
  for (Client& client : clients) client.shutdown_send();
  first.close();
  Opened second(on_port(port, 2));
  EXPECT_EQ(second.all.error, "");
  EXPECT_EQ(second.all.port, port);
}

TEST(Listener, OptionsAreInherited) {
  ListenOptions options;
  options.user_timeout_ms = 12'345;
  options.notsent_lowat_bytes = 23'456;
  Opened opened(options);
  ASSERT_EQ(opened.all.error, "");
  Client client = connect_to(opened.all.port);
  Client accepted = accept_from(opened.all.fds[0]);
  ASSERT_GE(accepted.fd(), 0);
  EXPECT_NE(option_of(accepted.fd(), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(option_of(accepted.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT), 12'345);
  EXPECT_EQ(option_of(accepted.fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT), 23'456);
  // Beside TCP_USER_TIMEOUT one lost probe would end a connection on which all is well.
  EXPECT_EQ(option_of(accepted.fd(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(Listener, AGivenHost) {
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0"}) {
    Opened opened(on_host(host));
    ASSERT_EQ(opened.all.error, "") << host;
    EXPECT_FALSE(opened.all.ipv6);
    int error = -1;
    connect_to(opened.all.port, {}, &error);
    EXPECT_EQ(error, 0) << host;
    connect_to(opened.all.port, {.ipv6 = true}, &error);
    EXPECT_NE(error, 0) << host;
  }
  for (const char* host : {"::1", "[::1]"}) {
    Opened opened(on_host(host));
    if (!opened.all.error.empty()) GTEST_SKIP() << "no IPv6 here: " << opened.all.error;
    int error = -1;
    connect_to(opened.all.port, {.ipv6 = true}, &error);
    EXPECT_EQ(error, 0) << host;
    connect_to(opened.all.port, {}, &error);
    EXPECT_NE(error, 0) << host;
  }
}

TEST(Listener, WithoutIPv6InTheKernelIPv4IsOpened) {
  const int status = testing::run_in_child([] {
    if (!testing::refuse_system_call(SYS_socket, AF_INET6, EAFNOSUPPORT)) return 10;
    Opened opened(on_port(0, 2));
    if (!opened.all.error.empty() || opened.all.ipv6 || opened.all.fds.size() != 2) return 11;
    int error = -1;
    connect_to(opened.all.port, {}, &error);
    if (error != 0) return 12;
    return Opened(on_port(opened.all.port)).all.error.empty() ? 13 : 0;
  });
  EXPECT_EQ(status, 0);
}

TEST(Listener, AHostThatCannotBeIsRefusedWithASentence) {
  Opened nonsense(on_host("no such host", 4711));
  EXPECT_TRUE(nonsense.all.fds.empty());
  EXPECT_NE(nonsense.all.error.find("4711"), std::string::npos) << nonsense.all.error;
  EXPECT_NE(nonsense.all.error.find("no such host"), std::string::npos);
  Opened foreign(on_host("192.0.2.1"));  // RFC 5737: nobody's
  EXPECT_TRUE(foreign.all.fds.empty());
  EXPECT_NE(foreign.all.error.find("192.0.2.1"), std::string::npos) << foreign.all.error;
}

TEST(Listener, NothingStaysOpenAfterARefusal) {
  const int before = ::dup(0);
  ::close(before);
  uint16_t port = 0;
  {
    Client holder = listen_plainly(INADDR_ANY, port, false);
    EXPECT_NE(Opened(on_port(port, 3)).all.error, "");
  }
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after) << "a descriptor was left open";
}

}  // namespace
}  // namespace livehub::io
