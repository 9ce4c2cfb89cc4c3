#include "io/socket_options.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

namespace livehub::io {
namespace {

int set_option(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : errno;
}

}  // namespace

int set_inherited_options(int fd, const InheritedOptions& options) {
  const struct {
    int level, option, value;
  } all[] = {
      {IPPROTO_TCP, TCP_NODELAY, 1},
      {IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(options.notsent_lowat_bytes)},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout_ms)},
  };
  for (const auto& one : all)
    if (const int error = set_option(fd, one.level, one.option, one.value)) return error;
  return 0;
}

void set_reset_on_close(int fd) {
  const linger off{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

void discard_received(int fd) {
  // The length only has to exceed any receive buffer; nothing is written to the null address.
  [[maybe_unused]] const ssize_t thrown_away =
      ::recv(fd, nullptr, size_t{1} << 30, MSG_DONTWAIT | MSG_TRUNC);
}

PeerAddress to_peer_address(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  PeerAddress peer;
  if (address.any.sa_family == AF_INET) {
    ::inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof text);
    peer.port = ntohs(address.v4.sin_port);
  } else if (address.any.sa_family == AF_INET6) {
    const in6_addr& v6 = address.v6.sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6))
      ::inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof text);
    else
      ::inet_ntop(AF_INET6, &v6, text, sizeof text);
    peer.port = ntohs(address.v6.sin6_port);
  }
  peer.text = text;
  return peer;
}

PeerAddress peer_address_of(int fd) {
  SocketAddress address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, &address.any, &size) != 0) return {};
  return to_peer_address(address);
}

void settle_send(SendRequest& request, int64_t result) {
  request.error = 0;
  request.bytes_sent = result > 0 ? static_cast<uint32_t>(result) : 0;
  if (result >= request.bytes) {
    request.outcome = SendOutcome::kAll;
  } else if (result > 0) {
    request.outcome = SendOutcome::kPart;
  } else if (result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ENOMEM) {
    // A kernel that is short of memory took nothing and the connection lives: as good as full.
    request.outcome = SendOutcome::kBlocked;
  } else {
    request.outcome = SendOutcome::kFailed;
    request.error = static_cast<int>(-result);
  }
}

}  // namespace livehub::io
