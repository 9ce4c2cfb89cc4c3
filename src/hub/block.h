// A large frame: one immutable allocation per shard and encoding, counted by a plain counter,
// because only its shard ever sees it. shard-local.
#pragma once

#include <cstdint>
#include <new>

#include "base/memory_budget.h"

namespace livehub::hub {

struct Block {
  uint32_t references;
  uint32_t bytes;
  base::MemoryAccount* account;
  char* data() { return reinterpret_cast<char*>(this + 1); }

  static Block* make(uint32_t bytes, base::MemoryAccount& account) {
    account.charge(bytes);
    return new (::operator new(sizeof(Block) + bytes)) Block{1, bytes, &account};
  }
  Block* hold() {
    ++references;
    return this;
  }
  void let_go() {
    if (--references > 0) return;
    account->release(bytes);
    ::operator delete(this);
  }
};

}  // namespace livehub::hub
