// A queue of small values in one block of memory: no allocation once it has been as long as it
// gets. shard-local.
#pragma once

#include <cstddef>
#include <vector>

namespace livehub::io {

template <typename T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  size_t size() const { return items_.size() - head_; }

  void push(const T& item) {
    // Before it would grow: half of it or more may be what was popped already.
    if (items_.size() == items_.capacity() && head_ * 2 >= items_.size() && head_ > 0) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    items_.push_back(item);
  }
  T pop() {
    const T item = items_[head_++];
    if (empty()) items_.clear(), head_ = 0;
    return item;
  }

 private:
  std::vector<T> items_;
  size_t head_ = 0;
};

}  // namespace livehub::io
