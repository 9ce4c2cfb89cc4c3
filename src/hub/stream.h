// A stream: one channel in one encoding on one shard, the unit whose bytes are contiguous.
// shard-local.
//
// Hot (many subscribers): a ring of its own, served by sweeps over the subscriber list.
// Cold: a chain of entries in the shard's arena, served peer by peer through the ready queue. What
// only a hot stream needs stands apart (Hot), so that a million quiet channels stay small.
#pragma once

#include <cstdint>
#include <memory>

#include "base/short_list.h"
#include "hub/encoding.h"
#include "hub/hot_store.h"
#include "hub/peer.h"

namespace livehub::hub {

struct Hot {
  explicit Hot(size_t ring_bytes) : store(ring_bytes) {}
  HotStore store;
  bool is_dirty = false;  // in the dirty queue
  bool is_sweeping = false;
  uint32_t sweep_index = 0;
  uint64_t swept = 0;            // no unblocked, not-behind cursor stands below this
  uint64_t sweep_goal = 0;       // what a finished sweep will guarantee
  int64_t cooling_since_ns = 0;  // too few subscribers since; 0: not
};

struct Stream {
  // Of local indexes; more channels than that would take 50 GB of one shard's memory.
  static constexpr uint32_t kChannelsMax = 1u << 28;

  uint64_t next = 0;         // entries [first(), next) are kept
  uint64_t base_offset = 0;  // every message of the channel after this offset is kept
  std::unique_ptr<Hot> hot;
  // Cold, and while there are entries: Arena::place_of() the first and the last.
  uint32_t cold_first = 0;
  uint32_t cold_last = 0;
  base::ShortList<SubscriptionId> subscribers;

  uint32_t channel : 28 = kChannelsMax - 1;  // local index
  uint32_t encoding : 4 = 0;
  uint32_t tenancy = 0;  // whose entries in the arena are ours
  SubscriptionId blocked_head = kNoIndex;
  uint32_t behind_count = 0;
  StreamId next_of_channel = kNoIndex;  // the same channel in another encoding

  uint64_t first() const { return place(first_); }
  void set_first(uint64_t sequence) { first_ = static_cast<uint32_t>(sequence); }
  // A lower bound of the cursors of those behind; while there are any.
  uint64_t behind_min() const { return place(behind_min_); }
  // A lower bound of what those blocked still need; while there are any.
  uint64_t blocked_min() const { return place(blocked_min_); }
  void set_blocked_min(uint64_t sequence) { blocked_min_ = static_cast<uint32_t>(sequence); }

  void add_behind(uint64_t need) {
    if (behind_count++ == 0 || need < behind_min()) behind_min_ = static_cast<uint32_t>(need);
  }
  bool is_empty() const { return first_ == static_cast<uint32_t>(next); }
  bool has_blocked() const { return blocked_head != kNoIndex; }

  // Entries from here on may not be dropped: someone who can be sent to has not been.
  uint64_t needed_from() const {
    const uint64_t swept = hot ? hot->swept : next;
    return behind_count > 0 && behind_min() < swept ? behind_min() : swept;
  }

 private:
  // Sequence numbers at or below next, by their low halves: no stream keeps 2^32 entries.
  uint64_t place(uint32_t low) const { return next - (static_cast<uint32_t>(next) - low); }

  uint32_t first_ = 0;
  uint32_t behind_min_ = 0;
  uint32_t blocked_min_ = 0;
};
static_assert(kEncodingsMax <= 1u << 4, "Stream::encoding holds them all");
static_assert(base::Slab<Stream>::item_bytes() <= 80, "memory per channel is a feature");

}  // namespace livehub::hub
