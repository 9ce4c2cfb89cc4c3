#include "session/closed_log.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::session {
namespace {

Ended numbered(uint16_t code) {
  Ended ended;
  ended.code = code;
  ended.cause = Cause::kTooSlow;
  ended.kind = EndKind::kWebSocket;
  return ended;
}

TEST(ClosedLog, KeepsTheLastAndCountsAll) {
  ClosedLog log;
  EXPECT_TRUE(log.newest(10).empty());
  for (uint16_t n = 0; n < 1000; ++n) log.note(numbered(n));
  const auto newest = log.newest(3);
  ASSERT_EQ(newest.size(), 3u);
  EXPECT_EQ(newest[0].code, 999);
  EXPECT_EQ(newest[2].code, 997);
  const auto all = log.newest(10'000);
  ASSERT_EQ(all.size(), ClosedLog::kKept);
  EXPECT_EQ(all.back().code, 1000 - ClosedLog::kKept);
  const auto& of_websockets = log.counts()[static_cast<size_t>(EndKind::kWebSocket)];
  EXPECT_EQ(of_websockets[static_cast<size_t>(Cause::kTooSlow)], 1000u);
  EXPECT_EQ(of_websockets[static_cast<size_t>(Cause::kNoPong)], 0u);
}

TEST(ClosedLog, AReasonIsCutAtACharacter) {
  Ended ended;
  ended.set_reason("short");
  EXPECT_EQ(ended.reason_view(), "short");
  std::string umlauts = "a";
  for (int n = 0; n < 40; ++n) umlauts += "ä";
  ended.set_reason(umlauts);
  EXPECT_EQ(ended.reason_view().size(), 59u);  // "a" and 29 of two bytes; half a one is left out
  EXPECT_EQ(ended.reason_view(), umlauts.substr(0, 59));
}

TEST(ClosedLog, AsksForAFewAddressesASecond) {
  ClosedLog log;
  uint32_t asked = 0;
  for (int n = 0; n < 1000; ++n) asked += log.may_ask_address(7);
  EXPECT_EQ(asked, ClosedLog::kAddressesASecond);
  EXPECT_TRUE(log.may_ask_address(8));
}

TEST(ClosedLog, EveryCauseHasAName) {
  for (size_t cause = 0; cause < kCauses; ++cause)
    EXPECT_FALSE(cause_name(static_cast<Cause>(cause)).empty());
  EXPECT_EQ(cause_name(Cause::kStopped), "stopped");
  EXPECT_EQ(cause_name(Cause::kClientLeft), "client left");
}

}  // namespace
}  // namespace livehub::session
