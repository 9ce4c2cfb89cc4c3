// A shard's own plain counters; added up at the scrape, never shared. shard-local.
#pragma once

#include <array>
#include <cstdint>
#include <map>

namespace livehub::session {

struct Counters {
  uint64_t accepted = 0;
  uint64_t refused_slots = 0;
  uint64_t refused_memory = 0;
  uint64_t address_too_many = 0;  // over MAX_CONNECTIONS_PER_IP, refused or only counted
  uint64_t address_too_fast = 0;  // over CONNECT_RATE_PER_IP, likewise
  uint64_t address_uncounted = 0;
  uint64_t closed = 0;
  uint64_t streams_sse = 0;  // opened
  uint64_t streams_ws = 0;
  uint64_t open_sse = 0;  // now
  uint64_t open_ws = 0;
  uint64_t http_requests = 0;
  uint64_t http_bad = 0;  // 400, 408, 413, 414, 417, 431, 505
  uint64_t bytes_in = 0;
  uint64_t ws_messages_in = 0;
  uint64_t ws_compressed_in = 0;
  uint64_t compressions = 0;
  uint64_t compressions_in_vain = 0;  // the message would not have been smaller
  uint64_t compressed_from_bytes = 0;
  uint64_t compressed_to_bytes = 0;
  uint64_t streams_compressed = 0;  // opened, with compression agreed to
  uint64_t ws_bad = 0;              // 1002, 1007, 1008, 1009
  uint64_t pings_sent = 0;
  uint64_t heartbeats_sent = 0;
  uint64_t dead_peers = 0;  // no answer to a ping
  uint64_t slow_heads = 0;
  uint64_t publishes_accepted = 0;
  uint64_t publishes_busy = 0;
  uint64_t publishes_refused = 0;  // not one line of UTF-8, or too large
  uint64_t gaps_told = 0;
  std::array<uint64_t, 4> gaps_by_reason{};  // by livehub::Gap
  uint64_t lapped_closed = 0;
  uint64_t memory_resets = 0;
  uint64_t drained = 0;
  std::map<uint16_t, uint64_t> ws_closes_by_code;  // cold
  std::map<int, uint64_t> http_by_status;          // one per status this server sends
};

}  // namespace livehub::session
