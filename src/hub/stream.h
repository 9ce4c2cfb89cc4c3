// A stream: one channel in one encoding on one shard, the unit whose bytes are contiguous.
// shard-local.
//
// Hot (many subscribers): a ring of its own, served by sweeps over the subscriber list.
// Cold: a chain of entries in the shard's arena, served peer by peer through the ready queue.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hub/hot_store.h"
#include "hub/peer.h"

namespace livehub::hub {

struct Stream {
  uint32_t channel = kNoIndex;  // local index
  EncodingId encoding = 0;
  bool is_dirty = false;  // hot: in the dirty queue
  bool is_sweeping = false;
  uint32_t tenancy = 0;  // whose entries in the arena are ours

  uint64_t first = 0;  // entries [first, next) are kept
  uint64_t next = 0;
  uint64_t base_offset = 0;  // every message of the channel after this offset is kept

  std::unique_ptr<HotStore> hot;
  uint64_t cold_first = 0;  // arena positions, 0: none
  uint64_t cold_last = 0;
  int64_t cooling_since_ns = 0;  // hot with too few subscribers since; 0: not

  std::vector<SubscriptionId> subscribers;
  uint64_t swept = 0;       // no unblocked, not-behind cursor stands below this
  uint64_t sweep_goal = 0;  // what a finished sweep will guarantee
  uint32_t sweep_index = 0;

  uint32_t behind_count = 0;
  uint64_t behind_min = ~uint64_t{0};  // lower bound of the cursors of those behind
  uint32_t blocked_count = 0;
  SubscriptionId blocked_head = kNoIndex;
  uint64_t blocked_min = ~uint64_t{0};  // lower bound of what those blocked still need

  // Entries from here on may not be dropped: someone who can be sent to has not been.
  uint64_t needed_from() const {
    return behind_count > 0 && behind_min < swept ? behind_min : swept;
  }
};

}  // namespace livehub::hub
