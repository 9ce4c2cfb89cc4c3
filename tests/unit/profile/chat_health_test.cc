#include "profile/chat_health.h"
#include "base/clock.h"

#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

TEST(ChatHealth, IsPrettyPrintedAsTheOriginalDid) {
  const ChatHealth health = {.is_degraded = false,
                             .uptime_seconds = 12.5,
                             .census = {3, {{"0123456789abcdef", 2}, {"ééééééééé", 1}}},
                             .memory_used = 50,
                             .memory_total = 200,
                             .unix_ms = 1'763'733'909'007};
  EXPECT_EQ(health_body(health), R"({
  "status": "healthy",
  "uptime": 12.5,
  "connections": {
    "total": 3,
    "byChat": [
      {
        "chatId": "01234567...",
        "count": 2
      },
      {
        "chatId": "éééééééé...",
        "count": 1
      }
    ]
  },
  "memory": {
    "used": 50,
    "total": 200,
    "percentage": 25
  },
  "timestamp": "2025-11-21T14:05:09.007Z"
})");
}

TEST(ChatHealth, SaysDegradedAndEmpty) {
  const std::string body = health_body({.is_degraded = true});
  EXPECT_NE(body.find("\"status\": \"degraded\""), std::string::npos);
  EXPECT_NE(body.find("\"byChat\": []"), std::string::npos);
  EXPECT_NE(body.find("\"percentage\": 0"), std::string::npos);
}

TEST(ChatHealth, AsksTheMachine) {
  EXPECT_GT(resident_bytes(), 1u << 20);
  EXPECT_GT(allowed_bytes(), resident_bytes());
  EXPECT_GT(base::unix_ms(), 1'700'000'000'000);
}

}  // namespace
}  // namespace livehub::profile
