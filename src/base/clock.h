// The two clocks, for whoever waits or stamps a message off the hot path; a shard has its turn's
// (io::TurnClock). Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace livehub::base {

// Since an unspecified moment, and never set back.
inline int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
inline int64_t monotonic_ms() { return monotonic_ns() / 1'000'000; }

// Of the calendar, since 1970.
inline int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace livehub::base
