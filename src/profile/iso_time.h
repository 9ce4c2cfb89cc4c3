// A moment as JavaScript's Date.prototype.toISOString() writes it. Pure.
// Tests: tests/unit/profile/iso_time_test.cc.
#pragma once

#include <cstdint>
#include <string>

namespace livehub::profile {

// Milliseconds since 1970 as "2026-11-20T12:34:56.789Z"; years 0 to 9999.
[[nodiscard]] std::string iso_time(int64_t unix_ms);

}  // namespace livehub::profile
