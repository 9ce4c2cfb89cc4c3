#include "load/loopback_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>

namespace livehub::bench {

int listen_on_loopback(bool ipv4_only, uint16_t& port) {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  if (ipv4_only) {
    sockaddr_in in4{};
    in4.sin_family = AF_INET;
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&storage, &in4, bytes = sizeof in4);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr);
    std::memcpy(&storage, &in6, bytes = sizeof in6);
  }
  const int fd =
      socket(ipv4_only ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  const int off = 0;
  if (!ipv4_only) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (fd < 0 || bind(fd, address, bytes) != 0 || listen(fd, 4096) != 0) {
    throw std::runtime_error("the bare loop cannot listen");
  }
  getsockname(fd, address, &bytes);
  sockaddr_in6 bound{};
  std::memcpy(&bound, &storage, sizeof bound);  // the port lies at the same place in both families
  port = ntohs(bound.sin6_port);
  return fd;
}

}  // namespace livehub::bench
