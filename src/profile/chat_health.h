// The body of chat's /health, in the words of the service it replaces. Pure but for the two that
// ask the machine. Tests: tests/unit/profile/chat_health_test.cc.
#pragma once

#include <cstdint>
#include <string>

#include "profile/chat_ledger.h"

namespace livehub::profile {

inline constexpr size_t kHealthRoomsMax = 1000;

struct ChatHealth {
  bool is_degraded = false;
  double uptime_seconds = 0;
  ChatLedger::Census census = {};
  uint64_t memory_used = 0;   // bytes
  uint64_t memory_total = 0;  // bytes
  int64_t unix_ms = 0;
};
[[nodiscard]] std::string health_body(const ChatHealth& health);

// This process's resident memory, and what the machine or its control group allows; 0: unknown.
[[nodiscard]] uint64_t resident_bytes();
[[nodiscard]] uint64_t allowed_bytes();

}  // namespace livehub::profile
