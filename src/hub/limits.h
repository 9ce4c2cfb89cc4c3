// The hub's limits, each a setting (docs/OPERATING.md). immutable after start-up.
#pragma once

#include <cstddef>
#include <cstdint>

namespace livehub::hub {

enum class SlowReader : uint8_t { kDisconnect, kSkip, kNewest };

struct Limits {
  size_t ring_bytes = 1 << 20;        // one hot ring, a power of two
  size_t rings_bytes_max = 64 << 20;  // all hot rings of the shard
  size_t arena_bytes = 4 << 20;       // the shard's arena, a power of two
  uint32_t hot_from_subscribers = 64;
  int64_t hot_until_ns = 60'000'000'000;  // below that for so long, a hot stream becomes cold again
  size_t blocks_bytes_max = 4 << 20;      // large frames one stream keeps for those behind
  size_t history_count = 1000;            // per channel, at its owner
  size_t history_bytes = 4 << 20;
  int64_t history_ns = 300'000'000'000;
  size_t replay_window_bytes = 64 << 10;
  int64_t push_wait_ns = 2'000'000'000;
  uint32_t subscriptions_per_peer_max = 1024;
  uint32_t sends_per_flush = 1024;  // budget of one turn

  // A frame larger than this is a block of its own.
  size_t large_frame_bytes(size_t ring) const { return ring / 16 < 16384 ? ring / 16 : 16384; }
};

}  // namespace livehub::hub
