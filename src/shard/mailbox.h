// How shards reach each other: one lock-free lane for each ordered pair, made on first use, and a
// bell per shard that says which lanes have news. mailbox.
//
// A lane is bounded; what must never be refused (small control mail) waits in a spill at its
// sender, in order, and while it waits the lane counts as full. Beside the shards there may be
// other senders, threads that only send (numbers from `shards` on). Tests:
// tests/unit/shard/mailbox_test.cc.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/ring_queue.h"
#include "shard/doors.h"
#include "shard/spsc_queue.h"

namespace livehub::shard {

inline constexpr uint32_t kGuestsMax = 64;
inline constexpr uint32_t kSendersMax = kShardsMax + kGuestsMax;

inline constexpr uint32_t kPreparedShardsMax = 4;

enum class MailLeft : uint8_t {
  kNothing,
  kRefused,  // only what could not be taken now
  kMore,     // the budget ended first
};

template <typename T>
class Mailboxes {
 public:
  Mailboxes(uint32_t shards, size_t lane_capacity, Doors& doors, uint32_t guests = 0)
      : shards_(shards),
        senders_(shards + guests),
        capacity_(lane_capacity),
        doors_(doors),
        boxes_(senders_) {
    for (Box& box : boxes_) {
      box.lanes = std::make_unique<std::atomic<Lane*>[]>(senders_);
      box.spills.resize(shards);
    }
  }
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;
  ~Mailboxes() {
    for (Box& box : boxes_)
      for (uint32_t from = 0; from < senders_; ++from) delete box.lanes[from].load();
  }

  // These on the sender's thread. prepare() at its start: on a small hub every lane is used sooner
  // or later, so that its memory belongs to the start and not to the first clients. A large hub has
  // too many of them.
  void prepare(uint32_t from) {
    if (shards_ > kPreparedShardsMax) return;
    for (uint32_t to = 0; to < shards_; ++to) (void)lane(from, to);
  }
  bool has_room(uint32_t from, uint32_t to) {
    return boxes_[from].spills[to].empty() && lane(from, to).queue.has_room();
  }
  void send(uint32_t from, uint32_t to, T&& item) {
    base::RingQueue<T>& spill = boxes_[from].spills[to];
    if (!spill.empty() || !lane(from, to).queue.push(item)) {
      spill.push(std::move(item));
      ++boxes_[from].spilled;
      return;
    }
    ring(from, to);
  }
  // Moves what was spilled as far as there is room; true if some is left.
  bool drain_spills(uint32_t from) {
    if (boxes_[from].spilled == 0) return false;
    for (uint32_t to = 0; to < shards_; ++to) {
      base::RingQueue<T>& spill = boxes_[from].spills[to];
      while (!spill.empty() && lane(from, to).queue.push(spill.front())) {
        spill.pop();
        --boxes_[from].spilled;
        ring(from, to);
      }
    }
    return boxes_[from].spilled > 0;
  }

  bool has_spills(uint32_t from) const { return boxes_[from].spilled > 0; }

  // On the receiver's thread: offers each item to take(item), which says false for "not now"; its
  // lane then waits while others go on. At most `budget` items.
  template <typename Take>
  MailLeft receive(uint32_t to, uint32_t budget, Take take) {
    Box& box = boxes_[to];
    bool is_left = false;
    for (uint32_t word = 0; word < box.bell.size(); ++word) {
      // acq_rel pairs with ring(): news announced before is seen below.
      uint64_t news = box.waiting[word] | box.bell[word].exchange(0, std::memory_order_acq_rel);
      box.waiting[word] = 0;
      for (; news != 0; news &= news - 1) {
        const auto from = word * 64 + static_cast<uint32_t>(std::countr_zero(news));
        if (drain(*box.lanes[from].load(std::memory_order_acquire), budget, take)) continue;
        box.waiting[word] |= uint64_t{1} << (from % 64);
        is_left = true;
      }
    }
    if (!is_left) return MailLeft::kNothing;
    return budget == 0 ? MailLeft::kMore : MailLeft::kRefused;
  }
  // Receiver, before it sleeps: has anything come since the last receive()?
  bool has_news(uint32_t to) const {
    for (const auto& word : boxes_[to].bell)
      if (word.load(std::memory_order_seq_cst) != 0) return true;
    return false;
  }

 private:
  struct Lane {
    explicit Lane(size_t capacity) : queue(capacity) {}
    SpscQueue<T> queue;
  };
  struct alignas(64) Box {
    // Receiver's side. `bell` is set by senders (ring()), cleared by receive().
    std::array<std::atomic<uint64_t>, kSendersMax / 64> bell{};
    std::array<uint64_t, kSendersMax / 64> waiting{};  // lanes that said "not now"
    std::unique_ptr<std::atomic<Lane*>[]> lanes;  // by sender; published with release by lane()
    // Sender's side.
    std::vector<base::RingQueue<T>> spills;  // by receiver
    size_t spilled = 0;
  };

  Lane& lane(uint32_t from, uint32_t to) {
    std::atomic<Lane*>& place = boxes_[to].lanes[from];
    Lane* found = place.load(std::memory_order_relaxed);  // only this thread ever stores here
    if (!found) {
      found = new Lane(capacity_);  // tidy: new-delete: published by an atomic; freed by ~Mailboxes
      place.store(found, std::memory_order_release);
    }
    return *found;
  }
  void ring(uint32_t from, uint32_t to) {
    boxes_[to].bell[from / 64].fetch_or(uint64_t{1} << (from % 64), std::memory_order_seq_cst);
    if (to != from) doors_.knock(to);
  }
  template <typename Take>
  static bool drain(Lane& lane, uint32_t& budget, Take& take) {
    while (T* item = lane.queue.front()) {
      if (budget == 0 || !take(*item)) return false;
      --budget;
      lane.queue.pop();
    }
    return true;
  }

  const uint32_t shards_;
  const uint32_t senders_;
  const size_t capacity_;
  Doors& doors_;
  std::vector<Box> boxes_;
};

}  // namespace livehub::shard
