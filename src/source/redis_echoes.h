// What this process has published lately and will hear again from its own subscription: each is
// recognised once, by a hash.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread. Limits: 5 s, 65,536 of
// them. Tests: tests/unit/source/redis_pubsub_test.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/siphash.h"

namespace livehub::source {

class RedisEchoes {
 public:
  explicit RedisEchoes(base::HashKey key) : key_(key) {}

  void remember(std::string_view channel, std::string_view payload, int64_t now_ns) {
    forget_old(now_ns);
    if (order_.size() >= kMost) return;
    const uint64_t hash = hash_of(channel, payload);
    untils_[hash].push_back(now_ns + kKeptNs);
    order_.emplace_back(now_ns + kKeptNs, hash);
  }
  // True once for each time it was remembered; then that is forgotten.
  bool take(std::string_view channel, std::string_view payload, int64_t now_ns) {
    if (untils_.empty()) return false;
    forget_old(now_ns);
    const auto found = untils_.find(hash_of(channel, payload));
    if (found == untils_.end()) return false;
    pop(found);
    return true;
  }

 private:
  static constexpr size_t kMost = 65'536;
  static constexpr int64_t kKeptNs = 5'000'000'000;
  using Untils = std::unordered_map<uint64_t, std::deque<int64_t>>;

  uint64_t hash_of(std::string_view channel, std::string_view payload) const {
    return base::siphash13(key_, channel) * 31 + base::siphash13(key_, payload);
  }
  void pop(Untils::iterator found) {
    found->second.pop_front();
    if (found->second.empty()) untils_.erase(found);
  }
  void forget_old(int64_t now_ns) {
    while (!order_.empty() && order_.front().first <= now_ns) {
      const auto [until, hash] = order_.front();
      order_.pop_front();
      const auto found = untils_.find(hash);
      if (found != untils_.end() && found->second.front() == until) pop(found);
    }
  }

  const base::HashKey key_;
  Untils untils_;
  std::deque<std::pair<int64_t, uint64_t>> order_;  // (until, hash), taken or not
};

}  // namespace livehub::source
