// A first-in first-out queue in one block that grows by doubling and is kept: no allocation once it
// is warm, unlike std::deque. shard-local. Tests: tests/unit/base/ring_queue_test.cc.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace livehub::base {

template <typename T>
class RingQueue {
 public:
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  T& front() { return items_[head_]; }
  const T& front() const { return items_[head_]; }
  void push(T item) {
    if (count_ == items_.size()) grow();
    items_[(head_ + count_) & (items_.size() - 1)] = std::move(item);
    ++count_;
  }
  T pop() {
    T item = std::move(items_[head_]);
    items_[head_] = T{};
    head_ = (head_ + 1) & (items_.size() - 1);
    --count_;
    return item;
  }
  // The i-th from the front; for walks and checks.
  T& at(size_t i) { return items_[(head_ + i) & (items_.size() - 1)]; }
  const T& at(size_t i) const { return items_[(head_ + i) & (items_.size() - 1)]; }

 private:
  void grow() {
    std::vector<T> larger(items_.empty() ? 4 : items_.size() * 2);
    for (size_t i = 0; i < count_; ++i) larger[i] = std::move(at(i));
    items_.swap(larger);
    head_ = 0;
  }

  std::vector<T> items_;  // a power of two
  size_t head_ = 0;
  size_t count_ = 0;
};

}  // namespace livehub::base
