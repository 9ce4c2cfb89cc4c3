// The time of day in milliseconds, for messages that carry it. any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace livehub::source {

inline int64_t unix_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace livehub::source
