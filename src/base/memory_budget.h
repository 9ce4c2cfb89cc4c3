// One count of what the process holds for its clients: rings, arenas, history, blocks, bytes
// waiting to be sent, bodies being received, connections. New work is refused when it is used up,
// before harm is done.
//
// Thread rule: mailbox (relaxed atomic; each shard adds in its own steps of kStepBytes, so the hot
// path touches the shared line rarely).
#pragma once

#include <atomic>
#include <cstdint>

namespace livehub::base {

class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t bytes_max) : bytes_max_(bytes_max) {}
  int64_t bytes_max() const { return bytes_max_; }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  bool is_over() const { return used() > bytes_max_; }
  // What is only kept in case gives way from here on, before anything new is refused.
  bool is_tight() const { return used() > bytes_max_ - bytes_max_ / 8; }
  void add(int64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  const int64_t bytes_max_;
  std::atomic<int64_t> used_{0};  // pairs with other shards' add(); a sum, no order needed
};

// A shard's own view: counts exactly for itself, tells the budget in steps. shard-local.
class MemoryAccount {
 public:
  explicit MemoryAccount(MemoryBudget& budget) : budget_(&budget) {}
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;
  ~MemoryAccount() { budget_->add(-told_); }

  void charge(int64_t bytes) { settle(held_ + bytes); }
  void release(int64_t bytes) { settle(held_ - bytes); }
  int64_t held() const { return held_; }
  bool is_over() const { return budget_->is_over(); }
  bool is_tight() const { return budget_->is_tight(); }

 private:
  static constexpr int64_t kStepBytes = 64 * 1024;
  void settle(int64_t held) {
    held_ = held;
    const int64_t untold = held_ - told_;
    if (untold < kStepBytes && untold > -kStepBytes) return;
    budget_->add(untold);
    told_ = held_;
  }

  MemoryBudget* budget_;
  int64_t held_ = 0;
  int64_t told_ = 0;
};

}  // namespace livehub::base
