// Who is connected to profile `pg-updates` on one shard: each WebSocket from its opening to its
// end, found by the tag of its session. shard-local. Tests: tests/unit/profile/pg_updates_test.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "livehub/profile.h"

namespace livehub::profile {

struct Visitor {
  Session session = {};
  std::string user = {};   // as the address says; the token must agree
  int64_t expires_at = 0;  // of the newest token; 0: none yet
  uint32_t generation = 0;
  uint16_t owed_answers = 0;  // `authenticated`, once the subscription is live
  bool is_here = false;
  bool is_authenticated = false;
  bool is_live = false;
};

class Visitors {
 public:
  // The new one's tag; never 0.
  uint64_t add(std::string user) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(all_.size()));
      all_.emplace_back();
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    Visitor& visitor = all_[index];
    visitor = {.user = std::move(user), .generation = visitor.generation + 1, .is_here = true};
    if (visitor.generation == 0) visitor.generation = 1;
    return static_cast<uint64_t>(visitor.generation) << 32 | index;
  }
  // nullptr: gone, or never one. Valid until the next add().
  Visitor* find(uint64_t tag) {
    const auto index = static_cast<uint32_t>(tag);
    if (index >= all_.size() || all_[index].generation != tag >> 32) return nullptr;
    return all_[index].is_here ? &all_[index] : nullptr;
  }
  void remove(uint64_t tag) {
    Visitor* visitor = find(tag);
    if (!visitor) return;
    *visitor = {.generation = visitor->generation};
    free_.push_back(static_cast<uint32_t>(tag));
  }

 private:
  std::vector<Visitor> all_;
  std::vector<uint32_t> free_;
};

}  // namespace livehub::profile
