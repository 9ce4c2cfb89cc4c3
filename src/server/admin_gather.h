// One question to every shard of the hub, and the answers as they come: nobody waits. The answers
// are values, made on each shard's own thread and taken on the admin listener's. mailbox: its lock
// is held for a move only. Tests: tests/unit/server/admin_gather_test.cc.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "livehub/profile.h"

namespace livehub::server {

// Tells the admin profile that an answer is complete; cut() when it goes away.
class Waker {
 public:
  explicit Waker(std::function<void()> wake) : wake_(std::move(wake)) {}
  void wake() {
    const std::lock_guard guard(mutex_);
    if (wake_) wake_();
  }
  void cut() {
    const std::lock_guard guard(mutex_);
    wake_ = {};
  }

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
};

template <typename Part>
class Gather {
 public:
  explicit Gather(std::shared_ptr<Waker> waker = {}) : waker_(std::move(waker)) {}

  // How many will answer; called once, by whoever asked.
  void expect(size_t shards) {
    const std::lock_guard guard(mutex_);
    expected_ = shards;
  }
  // By a shard, once.
  void add(Part part) {
    {
      const std::lock_guard guard(mutex_);
      parts_.push_back(std::move(part));
    }
    if (waker_ && is_complete()) waker_->wake();
  }
  bool is_complete() const {
    const std::lock_guard guard(mutex_);
    return expected_ != kUnknown && parts_.size() >= expected_;
  }
  // What has come so far; what comes later is dropped with this object.
  std::vector<Part> take() {
    const std::lock_guard guard(mutex_);
    return std::exchange(parts_, {});
  }
  size_t expected() const {
    const std::lock_guard guard(mutex_);
    return expected_ == kUnknown ? 0 : expected_;
  }

 private:
  static constexpr size_t kUnknown = ~size_t{0};
  const std::shared_ptr<Waker> waker_;
  mutable std::mutex mutex_;
  std::vector<Part> parts_;
  size_t expected_ = kUnknown;
};

}  // namespace livehub::server
