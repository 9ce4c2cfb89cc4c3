// What all shards and the Redis thread know in common: which messages were seen, and how many
// clients each room has here. mailbox: behind a lock, held for a look-up; a message takes it once
// and a connection twice. Tests: tests/unit/profile/chat_repeats_test.cc.
#pragma once

// tidy: pure-rooms: a message that came through Redis must not come again from another shard
#include <mutex>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profile/chat_repeats.h"

namespace livehub::profile {

class ChatLedger {
 public:
  // As ChatRepeats::remember().
  [[nodiscard]] bool is_new(std::string_view room, std::string_view id, int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    return repeats_.remember(room, id, now_ms);
  }
  void enter(const std::string& room) {
    const std::lock_guard lock(mutex_);
    ++clients_;
    ++rooms_[room];
  }
  void leave(const std::string& room) {
    const std::lock_guard lock(mutex_);
    const auto found = rooms_.find(room);
    if (found == rooms_.end()) return;
    --clients_;
    if (--found->second == 0) rooms_.erase(found);
  }
  struct Census {
    uint64_t clients = 0;
    std::vector<std::pair<std::string, uint64_t>> rooms;  // at most so many as asked for
  };
  [[nodiscard]] Census census(size_t rooms_max) const {
    const std::lock_guard lock(mutex_);
    Census census = {clients_, {}};
    for (const auto& room : rooms_) {
      if (census.rooms.size() >= rooms_max) break;
      census.rooms.push_back(room);
    }
    return census;
  }

 private:
  mutable std::mutex mutex_;
  ChatRepeats repeats_;
  std::map<std::string, uint64_t> rooms_;
  uint64_t clients_ = 0;
};

}  // namespace livehub::profile
