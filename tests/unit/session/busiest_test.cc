#include "session/busiest.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::session {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(Busiest, RatesAreOfTheLastSecond) {
  Busiest busiest;
  busiest.roll(kSecond);
  for (int n = 0; n < 100; ++n) busiest.note("live", 10);
  for (int n = 0; n < 30; ++n) busiest.note("room", 1000);
  busiest.roll(3 * kSecond);  // two seconds later
  const auto top = busiest.top(10);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].channel, "live");
  EXPECT_DOUBLE_EQ(top[0].messages, 50);
  EXPECT_DOUBLE_EQ(top[0].bytes, 500);
  EXPECT_EQ(top[1].channel, "room");
  EXPECT_EQ(busiest.top(1).size(), 1u);
  busiest.roll(4 * kSecond);
  EXPECT_TRUE(busiest.top(10).empty());  // quiet for a second
}

TEST(Busiest, TheBusyStayAmongAnyNumberOfOthers) {
  Busiest busiest;
  for (int second = 1; second <= 5; ++second) {
    for (int n = 0; n < 20'000; ++n) {
      busiest.note("seldom-" + std::to_string(second * 20'000 + n), 1);
      if (n % 20 == 0) busiest.note("busy-a", 1);
      if (n % 25 == 0) busiest.note("busy-b", 1);
    }
    busiest.roll(second * kSecond);
  }
  const auto top = busiest.top(2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].channel, "busy-a");
  EXPECT_EQ(top[1].channel, "busy-b");
  EXPECT_DOUBLE_EQ(top[0].messages, 1000);
}

TEST(Busiest, LongNamesAreCutAtACharacter) {
  Busiest busiest;
  const std::string name = std::string(Busiest::kNameBytes - 1, 'x') + "ä";
  busiest.note(name, 1);
  busiest.roll(kSecond);
  ASSERT_EQ(busiest.top(1).size(), 1u);
  EXPECT_EQ(busiest.top(1)[0].channel, std::string(Busiest::kNameBytes - 1, 'x'));
}

}  // namespace
}  // namespace livehub::session
