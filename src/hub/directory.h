// The names of one shard's channels, each once: a channel may be here because somebody here listens
// to it (Hub), because this shard owns it (Owner), or both. shard-local. Tests:
// tests/unit/hub/directory_test.cc.
//
// Invariants: 1. an entry is there as long as one of its two sides is; 2. a name has one entry.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/name.h"
#include "base/name_table.h"
#include "base/slab.h"

namespace livehub::hub {

using base::kNoIndex;

class Directory {
 public:
  struct Entry {
    base::Name name;
    uint32_t local = kNoIndex;  // Hub's number of the channel, kNoIndex: nobody here listens
    uint32_t owned = kNoIndex;  // Owner's, kNoIndex: another shard's, or nothing is kept of it
  };

  // `hash` is Identity::hash() of the name, here and below. kNoIndex: not there.
  uint32_t find(uint64_t hash, std::string_view name) const {
    return names_.find(static_cast<uint32_t>(hash),
                       [&](uint32_t id) { return entries_[id].name.view() == name; });
  }
  // A new one has neither side, and is the caller's to give one.
  uint32_t find_or_make(uint64_t hash, std::string_view name) {
    uint32_t id = find(hash, name);
    if (id != kNoIndex) return id;
    id = entries_.allocate();
    entries_[id].name = base::Name(name);
    names_.insert(static_cast<uint32_t>(hash), id);
    return id;
  }
  void release_if_unused(uint32_t id, uint64_t hash) {
    if (entries_[id].local != kNoIndex || entries_[id].owned != kNoIndex) return;
    names_.erase(static_cast<uint32_t>(hash), id);
    entries_.release(id);
  }

  Entry& operator[](uint32_t id) { return entries_[id]; }
  const Entry& operator[](uint32_t id) const { return entries_[id]; }
  std::string_view name(uint32_t id) const { return entries_[id].name.view(); }

  uint32_t live() const { return entries_.live(); }
  size_t names() const { return names_.count(); }

 private:
  base::Slab<Entry> entries_;
  base::NameTable names_;
};
static_assert(base::Slab<Directory::Entry>::item_bytes() <= 16, "memory per channel is a feature");

}  // namespace livehub::hub
