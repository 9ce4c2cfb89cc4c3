// A broker's client as the owner of a channel sees it: it is told which channels are wanted here,
// and sends what comes for them as mail (kFeed …). mailbox: called on shards, never blocks; the
// answers come later, through a lane.
#pragma once

#include <cstdint>
#include <string_view>

#include "hub/position.h"

namespace livehub::hub {

class Feed {
 public:
  virtual ~Feed() = default;
  virtual bool feeds(std::string_view channel) const = 0;  // immutable rule
  virtual void want(std::string_view channel) = 0;         // answered by kFeedReady or kFeedRefused
  virtual void unwant(std::string_view channel) = 0;
  virtual int64_t wait_ns() const = 0;  // how long joins wait for that answer
  // Messages in (after, until] of a channel that the feed numbers; answered by kFetched.
  virtual void fetch(std::string_view channel, Position after, Position until, size_t bytes_max,
                     uint64_t token) = 0;
};

}  // namespace livehub::hub
