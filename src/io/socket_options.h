// What drivers and listeners ask of single sockets: options, addresses, what a send's result means.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "io/io.h"

namespace livehub::io {

// Big enough for IPv4 and IPv6.
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct InheritedOptions {
  uint32_t user_timeout_ms = 0;
  uint32_t notsent_lowat_bytes = 0;
};

// Sets on a listening socket what the sockets accepted from it inherit. 0 or an errno. No
// SO_KEEPALIVE: with TCP_USER_TIMEOUT set, its first probe that is lost ends the connection
// (docs/decisions/2026-12-01-no-keepalive.md).
[[nodiscard]] int set_inherited_options(int fd, const InheritedOptions& options);

// Its close() sends RST and drops what is still to be sent.
void set_reset_on_close(int fd);

// Throws away the bytes that have arrived and were not received. close() of a socket with such
// bytes sends RST, and RST makes the peer's kernel drop what it has not handed to its program yet:
// the tail of our last response. MSG_TRUNC discards without copying (tcp(7)), all in one call.
void discard_received(int fd);

// Text of an address; an IPv4 address mapped into IPv6 is unmapped. Empty text where there is none.
PeerAddress to_peer_address(const SocketAddress& address);
PeerAddress peer_address_of(int fd);

// Writes a send's outcome from its result: bytes taken, or a negative errno.
void settle_send(SendRequest& request, int64_t result);

}  // namespace livehub::io
