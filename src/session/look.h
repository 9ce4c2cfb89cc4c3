// What the admin port asks of a shard's connections and channels, and what it gets: values that go
// from one thread to the other. A look at connections is bounded work: it stops after kLookSteps
// slots and is then gone on with, so that the loop is not held up. Tests:
// tests/integration/admin_debug.test.mjs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "session/closed_log.h"

namespace livehub::session {

inline constexpr uint32_t kLookSteps = 4096;
inline constexpr uint32_t kLookAddressSteps = 256;  // an address costs system calls
inline constexpr size_t kChannelsNamed = 8;

struct LookFilter {
  std::string channel;  // empty: any
  std::string address;  // begins with; empty: any
  bool any_kind = true;
  EndKind kind = EndKind::kSse;
  size_t most = 100;
};

struct SeenConnection {
  uint32_t shard = 0;
  uint32_t index = 0;
  uint32_t generation = 0;
  EndKind kind = EndKind::kHttp;
  std::string_view phase;  // static
  bool is_http_1_0 = false;
  bool is_blocked = false;
  std::string address;
  uint32_t age_ms = 0;
  uint32_t quiet_ms = 0;
  uint32_t subscriptions = 0;
  uint64_t lag_messages = 0;
  uint32_t waiting_bytes = 0;
  uint32_t sent_bytes = 0;
  uint32_t received_bytes = 0;
  std::string_view error = {};  // static
  std::vector<std::string> channels;
};

struct Look {
  uint32_t next_index = 0;
  bool is_done = false;
  uint64_t looked_at = 0;
  bool is_cut = false;  // there are more than asked for
  std::vector<SeenConnection> seen;
};

struct SeenChannel {
  std::string channel;
  uint32_t shard = 0;  // its owner
  uint32_t subscribers = 0;
};

struct ChannelsLook {
  uint32_t next_index = 0;
  bool is_done = false;
  uint64_t looked_at = 0;
  std::vector<SeenChannel> seen;
  bool is_cut = false;
};

}  // namespace livehub::session
