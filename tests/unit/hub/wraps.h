// Where the low halves wrap that streams and subscriptions keep of larger numbers.
#pragma once

#include <cstdint>

namespace livehub::hub::testing {

inline constexpr uint64_t kSequencesWrap = uint64_t{1} << 32;
inline constexpr uint64_t kPlacesWrap = uint64_t{8} << 32;  // an entry there has the place 0

}  // namespace livehub::hub::testing
