// Finds a dense index by name: open addressing over (hash, index) pairs, eight bytes each, so that
// a million names cost little. The names live in the caller's table. shard-local. Tests:
// tests/unit/base/name_table_test.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/slab.h"

namespace livehub::base {

class NameTable {
 public:
  // `is_name(index)` compares the full name. kNoIndex if it is not there.
  template <typename IsName>
  uint32_t find(uint32_t hash, IsName is_name) const {
    if (slots_.empty()) return kNoIndex;
    for (size_t i = home_of(hash); slots_[i].index != kNoIndex; i = after(i))
      if (slots_[i].hash == hash && is_name(slots_[i].index)) return slots_[i].index;
    return kNoIndex;
  }

  void insert(uint32_t hash, uint32_t index) {
    if ((count_ + 1) * 6 > slots_.size() * 5) resize(std::max<size_t>(16, slots_.size() * 4 / 3));
    place({hash, index});
    ++count_;
  }

  void erase(uint32_t hash, uint32_t index) {
    size_t hole = home_of(hash);
    while (slots_[hole].index != index) hole = after(hole);
    // Backward shift: whoever was pushed past the hole moves into it, so no tombstones pile up.
    for (size_t i = after(hole); slots_[i].index != kNoIndex; i = after(i)) {
      if (distance(home_of(slots_[i].hash), i) < distance(hole, i)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    if (--count_ * 3 < slots_.size() && slots_.size() > 16)
      resize(std::max<size_t>(16, slots_.size() * 3 / 4));
  }

  size_t count() const { return count_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t index = kNoIndex;
  };
  // Any size will do, so that the table grows in small steps and is never half empty.
  size_t home_of(uint32_t hash) const { return uint64_t{hash} * slots_.size() >> 32; }
  size_t after(size_t i) const { return i + 1 == slots_.size() ? 0 : i + 1; }
  size_t distance(size_t from, size_t to) const {
    return to >= from ? to - from : to + slots_.size() - from;
  }
  void place(Slot slot) {
    size_t i = home_of(slot.hash);
    while (slots_[i].index != kNoIndex) i = after(i);
    slots_[i] = slot;
  }
  void resize(size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.index != kNoIndex) place(slot);
  }

  std::vector<Slot> slots_;  // a third to five sixths full
  size_t count_ = 0;
};

}  // namespace livehub::base
