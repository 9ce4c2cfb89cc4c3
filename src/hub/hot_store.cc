#include "hub/hot_store.h"

namespace livehub::hub {

void HotStore::push(const Entry& e) {
  if (next_ - first_ == entries_.size()) {
    std::vector<Entry> larger(entries_.size() * 2);
    for (uint64_t s = first_; s < next_; ++s) larger[s & (larger.size() - 1)] = entry(s);
    entries_.swap(larger);
  }
  entries_[next_ & mask()] = e;
  ++next_;
  if (e.block || e.skip_serial != base::kNoIndex) irregular_end_ = next_;
}

}  // namespace livehub::hub
