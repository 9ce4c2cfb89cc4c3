// Channel names that are the process's own: they begin with a byte that no profile lets into a
// name. Clients can neither subscribe to them nor publish there (session/front_*.cc), they have no
// history, and figures about channels leave them out. pure. Tests: tests/unit/hub/owner_test.cc,
// tests/unit/server/canary_test.cc.
#pragma once

#include <string_view>

namespace livehub::hub {

inline constexpr char kReservedMark = '\x01';

inline bool is_reserved(std::string_view channel) {
  return !channel.empty() && channel.front() == kReservedMark;
}

}  // namespace livehub::hub
