// Opens the listening sockets of all shards. startup.
//
// SO_REUSEPORT lets a second process of the same user bind the same port silently and take half of
// the clients, and a 0.0.0.0 listener takes all IPv4 clients from ours on [::]. So the port is
// first bound and listened on once without it (with SO_REUSEADDR, else TIME_WAIT refuses every
// restart), on [::], closed, then on 0.0.0.0, closed; only then the shards' listeners are opened,
// all before any accepts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace livehub::io {

struct ListenOptions {
  uint16_t port = 0;       // 0: a free one
  std::string host;        // empty: [::] dual stack, or 0.0.0.0 where the kernel has no IPv6
  uint32_t listeners = 1;  // one per shard
  int backlog = 0;         // 0: /proc/sys/net/core/somaxconn
  // TCP_USER_TIMEOUT, inherited by accepted sockets, as the next one. With the 15 s until something
  // is sent to who is silent, and the timers' steps, a peer that is gone is free in 45 s.
  uint32_t user_timeout_ms = 28'000;
  uint32_t notsent_lowat_bytes = 16'384;
};

struct Listeners {
  std::vector<int> fds;  // owned by the caller
  uint16_t port = 0;
  bool ipv6 = true;   // false: there is no IPv6 here, 0.0.0.0 was bound
  std::string error;  // not empty: nothing is open; the sentence names the port and, if it can be
                      // found, the program that holds it
};

Listeners open_listeners(const ListenOptions& options);

}  // namespace livehub::io
