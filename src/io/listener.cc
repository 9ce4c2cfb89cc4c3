#include "io/listener.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "io/port_holder.h"
#include "io/socket_options.h"

namespace livehub::io {
namespace {

constexpr int kFreePortTries = 16;
constexpr int kGivenPortTries = 40;  // 2 s

SocketAddress any_v6() {
  SocketAddress address{};
  address.v6.sin6_family = AF_INET6;
  return address;
}

SocketAddress any_v4() {
  SocketAddress address{};
  address.v4.sin_family = AF_INET;
  return address;
}

// Literals only (and "localhost"): a name that resolves to several addresses would leave open
// which.
bool parse_host(std::string host, SocketAddress& address) {
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  address = any_v4();
  if (::inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) return true;
  address = any_v6();
  return ::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1;
}

int max_backlog() {
  int backlog = 0;
  std::ifstream("/proc/sys/net/core/somaxconn") >> backlog;
  return backlog > 0 ? backlog : SOMAXCONN;
}

// Opens, and hands back, a listening socket; else -errno. The port is written into `address` if it
// was 0.
int open_one(SocketAddress& address, bool share_port, const ListenOptions& options) {
  const bool is_v6 = address.any.sa_family == AF_INET6;
  const int fd = ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1, off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = is_v6 ? sizeof address.v6 : sizeof address.v4;
  int error = 0;
  // Without it IPv4 clients would find nobody, and nothing would say so.
  if (is_v6 && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) error = errno;
  if (!error && share_port && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    error = errno;
  if (!error)
    error = set_inherited_options(fd, {options.user_timeout_ms, options.notsent_lowat_bytes});
  if (!error && ::bind(fd, &address.any, size) != 0) error = errno;
  if (!error && ::listen(fd, options.backlog > 0 ? options.backlog : max_backlog()) != 0)
    error = errno;
  if (!error && ::getsockname(fd, &address.any, &size) != 0) error = errno;
  if (!error) return fd;
  ::close(fd);
  return -error;
}

// 0, or why nobody may listen on this address and port now: an errno.
int check_free(SocketAddress& address, const ListenOptions& options) {
  const int fd = open_one(address, false, options);
  if (fd < 0) return -fd;
  ::close(fd);
  return 0;
}

void set_port(SocketAddress& address, uint16_t port) {
  // Both families have it at the same place, in network order.
  address.v4.sin_port = htons(port);
}
uint16_t port_of(const SocketAddress& address) { return ntohs(address.v4.sin_port); }

bool is_any(const SocketAddress& address) {
  return address.any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr)
                                           : address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool lacks_ipv6(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == EPROTONOSUPPORT;
}

// Finds `address` (and its port, where that is 0) free, by listening there for a moment. An errno
// or 0.
int find_free(SocketAddress& address, const ListenOptions& options) {
  int error = check_free(address, options);
  if (error || !is_any(address) || address.any.sa_family != AF_INET6) return error;
  // A listener on 0.0.0.0 would take all IPv4 clients from ours on [::], without any error.
  // (Linux 6.18 refuses [::] beside it already; nothing promises that, and asking costs nothing.)
  SocketAddress v4 = any_v4();
  set_port(v4, port_of(address));
  return check_free(v4, options);
}

int open_all(SocketAddress& address, const ListenOptions& options, std::vector<int>& fds) {
  for (uint32_t i = 0; i < options.listeners; ++i) {
    const int fd = open_one(address, true, options);
    if (fd < 0) {
      for (const int opened : std::exchange(fds, {})) ::close(opened);
      return -fd;
    }
    fds.push_back(fd);
  }
  return 0;
}

int find_free_and_open(SocketAddress& address, const ListenOptions& options,
                       std::vector<int>& fds) {
  const int error = find_free(address, options);
  return error ? error : open_all(address, options, fds);
}

std::string explain(int error, const ListenOptions& options) {
  const std::string port = std::to_string(options.port);
  switch (error) {
    case EADDRINUSE: {
      const std::string holder = find_port_holder(options.port);
      return "port " + port + " is in use" +
             (holder.empty() ? " by another program" : " by " + holder) +
             ": stop it or choose another port";
    }
    case EACCES:
      return "port " + port + " may not be opened by this user: choose one above 1023";
    case EADDRNOTAVAIL:
      return "port " + port + " cannot be opened on " + options.host +
             ": this machine has no such address";
    case EMFILE:
    case ENFILE:
      return "port " + port + " cannot be opened: out of descriptors, raise the limit (ulimit -n)";
    default:
      return "port " + port + " cannot be opened: " + strerrordesc_np(error);
  }
}

}  // namespace

Listeners open_listeners(const ListenOptions& options) {
  Listeners result;
  SocketAddress wanted = any_v6();
  if (!options.host.empty() && !parse_host(options.host, wanted)) {
    result.error = "port " + std::to_string(options.port) + " cannot be opened on \"" +
                   options.host + "\": give an IPv4 or IPv6 address";
    return result;
  }
  int error = 0;
  // A free port can be taken by somebody between finding and opening it; then another one will do.
  // A given one may still be held by a process that has ended (io_uring's hold on its files goes
  // with a worker of the kernel, some milliseconds later): nobody is to be seen, so look again.
  for (int tries = options.port == 0 ? kFreePortTries : kGivenPortTries; tries > 0; --tries) {
    set_port(wanted, options.port);
    error = find_free_and_open(wanted, options, result.fds);
    if (options.host.empty() && wanted.any.sa_family == AF_INET6 && lacks_ipv6(error)) {
      wanted = any_v4();
      set_port(wanted, options.port);
      error = find_free_and_open(wanted, options, result.fds);
    }
    if (error != EADDRINUSE) break;
    if (options.port == 0) continue;
    if (!find_port_holder(options.port).empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (error) {
    result.error = explain(error, options);
    return result;
  }
  result.port = port_of(wanted);
  result.ipv6 = wanted.any.sa_family == AF_INET6;
  return result;
}

}  // namespace livehub::io
