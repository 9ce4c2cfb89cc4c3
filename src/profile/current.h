// A value that every shard reads with each request and a reload may replace: the newest one. The
// ones before it stay to the end, since a shard may still be reading them; a reload is rare and
// they are small. mailbox: get() from any thread, set() from the one that reloads.
// Tests: tests/integration/reload.test.mjs.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace livehub::profile {

template <typename Value>
class Current {
 public:
  Current() = default;
  explicit Current(Value first) { set(std::make_unique<const Value>(std::move(first))); }
  const Value& get() const { return *newest_.load(std::memory_order_acquire); }  // after set()
  const Value* operator->() const { return &get(); }
  // release pairs with the acquire of get(): who finds it finds all of it.
  void set(std::unique_ptr<const Value> changed) {
    all_.push_back(std::move(changed));
    newest_.store(all_.back().get(), std::memory_order_release);
  }

 private:
  std::atomic<const Value*> newest_{nullptr};
  std::vector<std::unique_ptr<const Value>> all_;
};

}  // namespace livehub::profile
