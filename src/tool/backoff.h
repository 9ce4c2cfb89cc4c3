// How long to wait before the next attempt: longer each time, and drawn at random from the upper
// half, so that a thousand clients do not come back at once. One thread.
// Tests: tests/unit/tool/backoff_test.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace livehub::tool {

class Backoff {
 public:
  // `draw` gives numbers from 0 (inclusive) to 1.
  Backoff(int64_t least_ms, int64_t most_ms, std::function<double()> draw)
      : least_ms_(least_ms), most_ms_(most_ms), next_ms_(least_ms), draw_(std::move(draw)) {}

  int64_t next_ms() {
    const int64_t whole = next_ms_;
    next_ms_ = std::min(most_ms_, next_ms_ * 2);
    return whole / 2 + static_cast<int64_t>(draw_() * static_cast<double>(whole - whole / 2));
  }
  void reset() { next_ms_ = least_ms_; }
  // What the server asked for (retry:); later attempts wait longer from there.
  void start_at(int64_t ms) { next_ms_ = std::clamp(ms, least_ms_, most_ms_); }

 private:
  const int64_t least_ms_;
  const int64_t most_ms_;
  int64_t next_ms_;
  std::function<double()> draw_;
};

}  // namespace livehub::tool
