// Which messages a room has had lately, by their ids: the web app publishes what we publish too,
// and a message that went through the API comes twice. Pure; the time is an argument. Limits: 5 s
// and 256 ids a room. Tests: tests/unit/profile/chat_repeats_test.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace livehub::profile {

class ChatRepeats {
 public:
  static constexpr int64_t kKeptMs = 5000;
  static constexpr size_t kIdsMax = 256;

  // False, if the room has had it.
  [[nodiscard]] bool remember(std::string_view room, std::string_view id, int64_t now_ms) {
    forget_old(now_ms);
    auto found = rooms_.find(room);
    if (found == rooms_.end()) found = rooms_.emplace(std::string(room), Ids()).first;
    Ids& ids = found->second;
    const auto is_same = [id](const Entry& entry) { return entry.second == id; };
    if (std::any_of(ids.begin(), ids.end(), is_same)) return false;
    if (ids.size() >= kIdsMax) ids.pop_front();
    ids.emplace_back(now_ms + kKeptMs, id);
    order_.emplace_back(now_ms + kKeptMs, found->first);
    return true;
  }
  [[nodiscard]] size_t rooms() const { return rooms_.size(); }

 private:
  using Entry = std::pair<int64_t, std::string>;  // (until, id)
  using Ids = std::deque<Entry>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void forget_old(int64_t now_ms) {
    // A calendar clock may go back: what is later than anything can be kept is old too.
    const auto is_old = [now_ms](int64_t until) {
      return until <= now_ms || until > now_ms + kKeptMs;
    };
    while (!order_.empty() && is_old(order_.front().first)) {
      const auto found = rooms_.find(order_.front().second);
      order_.pop_front();
      if (found == rooms_.end()) continue;
      Ids& ids = found->second;
      while (!ids.empty() && is_old(ids.front().first)) ids.pop_front();
      if (ids.empty()) rooms_.erase(found);
    }
  }

  std::unordered_map<std::string, Ids, Hash, std::equal_to<>> rooms_;
  std::deque<Entry> order_;  // (until, room) of each id, also of those that gave way
};

}  // namespace livehub::profile
