#include "profile/chat_repeats.h"

#include <gtest/gtest.h>

#include "profile/chat_ledger.h"

namespace livehub::profile {
namespace {

TEST(ChatRepeats, ARoomKnowsAnIdForFiveSeconds) {
  ChatRepeats repeats;
  EXPECT_TRUE(repeats.remember("a", "1", 1000));
  EXPECT_FALSE(repeats.remember("a", "1", 1000));
  EXPECT_TRUE(repeats.remember("b", "1", 1000));
  EXPECT_TRUE(repeats.remember("a", "2", 3000));
  EXPECT_FALSE(repeats.remember("a", "1", 5999));
  EXPECT_TRUE(repeats.remember("a", "1", 6000));
  EXPECT_FALSE(repeats.remember("a", "2", 7999));
  EXPECT_TRUE(repeats.remember("a", "2", 8000));
}

TEST(ChatRepeats, TheOldestOfTooManyGivesWay) {
  ChatRepeats repeats;
  const auto id = [](size_t i) { return std::to_string(i); };
  for (size_t i = 0; i < ChatRepeats::kIdsMax + 10; ++i)
    EXPECT_TRUE(repeats.remember("a", id(i), 1000));
  EXPECT_FALSE(repeats.remember("a", id(10), 1000));
  EXPECT_TRUE(repeats.remember("a", id(9), 1000));
  EXPECT_FALSE(repeats.remember("a", id(ChatRepeats::kIdsMax + 9), 1000));
}

TEST(ChatRepeats, QuietRoomsCostNothing) {
  ChatRepeats repeats;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(repeats.remember("room " + std::to_string(i), "1", 1000 + i));
  EXPECT_EQ(repeats.rooms(), 1000u);
  EXPECT_TRUE(repeats.remember("last", "1", 10'000));
  EXPECT_EQ(repeats.rooms(), 1u);
}

TEST(ChatRepeats, AClockThatGoesBackForgets) {
  ChatRepeats repeats;
  EXPECT_TRUE(repeats.remember("a", "1", 1'000'000));
  EXPECT_TRUE(repeats.remember("a", "2", 1000));
  EXPECT_TRUE(repeats.remember("a", "1", 1000));
  EXPECT_FALSE(repeats.remember("a", "2", 1001));
}

TEST(ChatLedger, CountsClientsByRoom) {
  ChatLedger ledger;
  for (const char* room : {"b", "a", "b", "c"}) ledger.enter(room);
  ChatLedger::Census census = ledger.census(10);
  EXPECT_EQ(census.clients, 4u);
  const std::vector<std::pair<std::string, uint64_t>> rooms = {{"a", 1}, {"b", 2}, {"c", 1}};
  EXPECT_EQ(census.rooms, rooms);
  EXPECT_EQ(ledger.census(2).rooms.size(), 2u);
  ledger.leave("b");
  ledger.leave("a");
  ledger.leave("never there");
  census = ledger.census(10);
  EXPECT_EQ(census.clients, 2u);
  EXPECT_EQ(census.rooms.size(), 2u);
}

}  // namespace
}  // namespace livehub::profile
