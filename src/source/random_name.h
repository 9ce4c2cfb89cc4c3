// Random numbers, and a name that is this process's own, of all that share a broker. pure but for
// the randomness.
// Tests: tests/unit/source/random_name_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::source {

// 64 bits that nobody can guess, or the time where the machine has no randomness.
[[nodiscard]] uint64_t random_u64();

// `begin` and 16 hex digits of 64 random bits.
[[nodiscard]] std::string random_name(std::string_view begin);

}  // namespace livehub::source
