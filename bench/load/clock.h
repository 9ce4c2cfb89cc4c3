// One clock for everything that is measured: monotonic, in nanoseconds, the same in all processes
// of a run.
#pragma once

#include <time.h>

#include <cstdint>

namespace livehub::bench {

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMs = 1'000'000;

inline int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

inline void sleep_until_ns(int64_t when_ns) {
  const timespec when{.tv_sec = when_ns / kNsPerSecond, .tv_nsec = when_ns % kNsPerSecond};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr);
}

inline void sleep_ms(int64_t ms) { sleep_until_ns(now_ns() + ms * kNsPerMs); }

inline int64_t seconds_to_ns(double seconds) {
  return static_cast<int64_t>(seconds * static_cast<double>(kNsPerSecond));
}
inline double ns_to_seconds(int64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kNsPerSecond);
}

}  // namespace livehub::bench
