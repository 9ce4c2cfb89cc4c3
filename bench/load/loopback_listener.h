// A listening socket on 127.0.0.1 for the bare loops, of the family that servers use.
#pragma once

#include <cstdint>

namespace livehub::bench {

// Reached through IPv4, on a free port, non-blocking: a dual-stack socket (what servers use) unless
// `ipv4_only`. Accepted sockets inherit TCP_NODELAY. Throws std::runtime_error if it cannot listen.
int listen_on_loopback(bool ipv4_only, uint16_t& port);

}  // namespace livehub::bench
