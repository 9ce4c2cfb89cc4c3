// All timers of a shard: one wheel, one deadline per timer, nothing in the kernel. Adding, moving
// and removing are O(1); advancing touches what is due. shard-local.
//
// Time is in ticks (see kTickNs). A deadline further away than the wheel is long is put at its far
// end and looked at again there, so deadlines have no upper bound. A timer fires once, at or after
// its tick. Tests: tests/unit/shard/timer_wheel_test.cc.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/slab.h"

namespace livehub::shard {

// 134 ms: coarse enough to fire many timers in one turn, fine enough for heartbeats and 2 s waits.
inline constexpr int kTickShift = 27;
inline constexpr int64_t kTickNs = int64_t{1} << kTickShift;
inline uint32_t tick_of(int64_t now_ns) { return static_cast<uint32_t>(now_ns >> kTickShift); }
// Rounded up, so that nothing is early.
inline uint32_t ticks_of_ms(int64_t ms) {
  return static_cast<uint32_t>((ms * 1'000'000 + kTickNs - 1) >> kTickShift) + 1;
}
// Ticks wrap around; of two that are within half their range, whether the first is the later one.
inline bool is_after(uint32_t tick, uint32_t other) {
  return static_cast<int32_t>(tick - other) > 0;
}

// Its owner's own number: a timer has no number of its own to be remembered.
using TimerId = uint32_t;

class TimerWheel {
 public:
  explicit TimerWheel(uint32_t now_tick) : now_(now_tick) { heads_.fill(base::kNoIndex); }

  void prepare() { timers_.prepare(); }
  void add(TimerId id) { timers_.allocate_at(id); }
  void remove(TimerId id) {
    disarm(id);
    timers_.release(id);
  }
  void arm(TimerId id, uint32_t deadline_tick) {
    disarm(id);
    Timer& timer = timers_[id];
    timer.deadline = deadline_tick;
    // What is due already stands in the next slot to be looked at.
    uint32_t distance = is_after(deadline_tick, now_) ? deadline_tick - now_ : 1;
    if (distance >= kSlots) distance = kSlots - 1;
    link(id, (now_ + distance) % kSlots);
  }
  void disarm(TimerId id) {
    Timer& timer = timers_[id];
    if (timer.slot == kNoSlot) return;
    if (timer.previous != base::kNoIndex)
      timers_[timer.previous].next = timer.next;
    else
      heads_[timer.slot] = timer.next;
    if (timer.next != base::kNoIndex) timers_[timer.next].previous = timer.previous;
    if (heads_[timer.slot] == base::kNoIndex)
      occupied_[timer.slot / 64] &= ~(uint64_t{1} << (timer.slot % 64));
    timer.slot = kNoSlot;
  }
  bool is_armed(TimerId id) const { return timers_[id].slot != kNoSlot; }

  // Fires everything due up to now_tick: fire(id), which may add, arm, disarm and remove any
  // timer.
  template <typename Fire>
  void advance(uint32_t now_tick, Fire fire) {
    while (is_after(now_tick, now_)) {
      if (is_empty()) {
        now_ = now_tick;
        return;
      }
      ++now_;
      const uint32_t slot = now_ % kSlots;
      while (heads_[slot] != base::kNoIndex) {
        const TimerId id = heads_[slot];
        disarm(id);
        Timer& timer = timers_[id];
        if (is_after(timer.deadline, now_))
          arm(id, timer.deadline);  // was beyond the wheel
        else
          fire(id);
      }
    }
  }

  // Ticks until something may be due; kSlots if nothing is armed.
  uint32_t ticks_to_next() const {
    for (uint32_t distance = 1; distance < kSlots;) {
      const uint32_t slot = (now_ + distance) % kSlots;
      const uint64_t rest = occupied_[slot / 64] >> (slot % 64);
      if (rest != 0) {
        const uint32_t found = distance + static_cast<uint32_t>(std::countr_zero(rest));
        return found < kSlots ? found : kSlots;
      }
      distance += 64 - slot % 64;
    }
    return kSlots;
  }
  uint32_t now_tick() const { return now_; }
  uint32_t armed_or_idle() const { return timers_.live(); }

  static constexpr uint32_t kSlots = 1024;

 private:
  static constexpr uint32_t kNoSlot = base::kNoIndex;
  struct Timer {
    uint32_t deadline = 0;
    uint32_t slot = kNoSlot;
    uint32_t previous = base::kNoIndex;
    uint32_t next = base::kNoIndex;
  };
  static_assert(base::Slab<Timer>::item_bytes() <= 16, "memory per connection is a feature");

  bool is_empty() const {
    for (const uint64_t word : occupied_)
      if (word != 0) return false;
    return true;
  }
  void link(TimerId id, uint32_t slot) {
    Timer& timer = timers_[id];
    timer.slot = slot;
    timer.previous = base::kNoIndex;
    timer.next = heads_[slot];
    if (timer.next != base::kNoIndex) timers_[timer.next].previous = id;
    heads_[slot] = id;
    occupied_[slot / 64] |= uint64_t{1} << (slot % 64);
  }

  base::Slab<Timer> timers_;
  std::array<uint32_t, kSlots> heads_;
  std::array<uint64_t, kSlots / 64> occupied_{};
  uint32_t now_;
};

}  // namespace livehub::shard
