// When the tokens of open connections end, soonest first: one entry for each connection, whatever
// it has brought since, and gone with it. shard-local. Tests: tests/unit/profile/expiries_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace livehub::profile {

class Expiries {
 public:
  // `before`: what was set for the tag last; 0: nothing.
  void set(uint64_t tag, int64_t before, int64_t unix_seconds) {
    remove(tag, before);
    ends_.emplace(unix_seconds, tag);
  }
  void remove(uint64_t tag, int64_t unix_seconds) { ends_.erase({unix_seconds, tag}); }
  // One whose token has ended; it is not set any more.
  std::optional<uint64_t> take_ended(int64_t now_unix_seconds) {
    if (ends_.empty() || ends_.begin()->first > now_unix_seconds) return std::nullopt;
    return ends_.extract(ends_.begin()).value().second;
  }
  size_t size() const { return ends_.size(); }

 private:
  std::set<std::pair<int64_t, uint64_t>> ends_;  // (when, tag)
};

}  // namespace livehub::profile
