// Readiness, as one truth for the public port and the admin port. mailbox (reads atomics only).
#pragma once

#include <string_view>

#include "livehub/profile.h"
#include "session/shared.h"

namespace livehub::session {

inline constexpr std::string_view kReadyPath = "/_livehub/ready";

// 200 or 503 with a JSON body that names what is wrong. `is_local`: only whether this process can
// serve (not draining, memory and slots left, every shard turns); brokers and the number of
// machines are left out.
Reply ready_reply(const Shared& shared, bool is_local);

}  // namespace livehub::session
