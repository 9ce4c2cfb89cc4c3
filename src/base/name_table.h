// Finds a dense index by name: open addressing over (hash, index) pairs, eight bytes each, so that
// a million names cost little. The names live in the caller's table. shard-local. Tests:
// tests/unit/base/name_table_test.cc.
#pragma once

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
    for (size_t i = hash & mask(); slots_[i].index != kNoIndex; i = (i + 1) & mask())
      if (slots_[i].hash == hash && is_name(slots_[i].index)) return slots_[i].index;
    return kNoIndex;
  }

  void insert(uint32_t hash, uint32_t index) {
    if ((count_ + 1) * 4 > slots_.size() * 3) resize(slots_.empty() ? 16 : slots_.size() * 2);
    place({hash, index});
    ++count_;
  }

  void erase(uint32_t hash, uint32_t index) {
    size_t hole = hash & mask();
    while (slots_[hole].index != index) hole = (hole + 1) & mask();
    // Backward shift: whoever was pushed past the hole moves into it, so no tombstones pile up.
    for (size_t i = (hole + 1) & mask(); slots_[i].index != kNoIndex; i = (i + 1) & mask()) {
      const size_t home = slots_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    if (--count_ * 8 < slots_.size() && slots_.size() > 16) resize(slots_.size() / 2);
  }

  size_t count() const { return count_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t index = kNoIndex;
  };
  size_t mask() const { return slots_.size() - 1; }
  void place(Slot slot) {
    size_t i = slot.hash & mask();
    while (slots_[i].index != kNoIndex) i = (i + 1) & mask();
    slots_[i] = slot;
  }
  void resize(size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.index != kNoIndex) place(slot);
  }

  std::vector<Slot> slots_;  // a power of two, at most three quarters full
  size_t count_ = 0;
};

}  // namespace livehub::base
