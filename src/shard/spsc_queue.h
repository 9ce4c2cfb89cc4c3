// A bounded queue between exactly two threads, without locks. mailbox: one thread pushes, one pops.
// Tests: tests/unit/shard/mailbox_test.cc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace livehub::shard {

template <typename T>
class SpscQueue {
 public:
  explicit SpscQueue(size_t capacity_power_of_two)
      : mask_(capacity_power_of_two - 1), items_(new T[capacity_power_of_two]) {}

  // Producer. False, and `item` untouched, if there is no room.
  bool push(T& item) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (!has_room_at(tail)) return false;
    items_[tail & mask_] = std::move(item);
    tail_.store(tail + 1, std::memory_order_release);  // pairs with front()'s acquire
    return true;
  }
  bool has_room() { return has_room_at(tail_.load(std::memory_order_relaxed)); }

  // Consumer. Null if empty.
  T* front() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == seen_tail_) {
      seen_tail_ = tail_.load(std::memory_order_acquire);  // pairs with push()'s release
      if (head == seen_tail_) return nullptr;
    }
    return &items_[head & mask_];
  }
  void pop() {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    items_[head & mask_] = T{};
    head_.store(head + 1, std::memory_order_release);  // pairs with has_room_at()'s acquire
  }

 private:
  bool has_room_at(uint64_t tail) {
    if (tail - seen_head_ <= mask_) return true;
    seen_head_ = head_.load(std::memory_order_acquire);  // pairs with pop()'s release
    return tail - seen_head_ <= mask_;
  }

  const size_t mask_;
  const std::unique_ptr<T[]> items_;
  alignas(64) std::atomic<uint64_t> tail_{0};  // producer's line
  uint64_t seen_head_ = 0;
  alignas(64) std::atomic<uint64_t> head_{0};  // consumer's line
  uint64_t seen_tail_ = 0;
};

}  // namespace livehub::shard
