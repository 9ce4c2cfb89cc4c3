// What all shards of a process agree on: who owns a channel, and whose positions these are.
// immutable.
#pragma once

#include <string_view>
#include <vector>

#include "base/siphash.h"
#include "hub/feed.h"
#include "hub/mail.h"

namespace livehub::hub {

struct Identity {
  uint64_t epoch = 0;      // random per process: positions of another process are recognised
  base::HashKey hash_key;  // random: nobody outside can aim names at one shard
  ShardId shard_count = 1;
  std::vector<Feed*> feeds = {};  // they outlive the shards

  uint64_t hash(std::string_view channel) const { return base::siphash13(hash_key, channel); }
  Feed* feed_of(std::string_view channel) const {
    for (Feed* feed : feeds)
      if (feed->feeds(channel)) return feed;
    return nullptr;
  }
  // The high half chooses the owner, the low half the place in the tables.
  ShardId owner_of(uint64_t hash) const { return static_cast<ShardId>((hash >> 32) % shard_count); }
};

}  // namespace livehub::hub
