#include "hub/position.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace livehub::hub {
namespace {

std::string text_of(Position position) {
  char text[kPositionTextMax];
  return {text, write_position(text, position)};
}

TEST(Position, HasOneTextAndBack) {
  EXPECT_EQ(text_of({0, 0}), "0000000000000000-0");
  EXPECT_EQ(text_of({0xabc, 0x10}), "0000000000000abc-10");
  EXPECT_EQ(text_of({~uint64_t{0}, ~uint64_t{0}}), "ffffffffffffffff-ffffffffffffffff");
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const Position position{random(), random() >> random() % 64};
    ASSERT_EQ(parse_position(text_of(position)), position);
  }
}

TEST(Position, RefusesWhatItWouldNotHaveWritten) {
  for (const char* text : {"", "-", "0000000000000000", "0000000000000000-", "000000000000000-0",
                           "0000000000000000-00", "0000000000000000-01", "0000000000000000-0g",
                           "000000000000000A-1", "0000000000000000-A", "0000000000000000_1",
                           "00000000000000000-1", "0000000000000000-11111111111111111",
                           "0000000000000000- 1", "+000000000000000-1", "0000000000000000-1\n"})
    EXPECT_FALSE(parse_position(text)) << text;
}

TEST(Position, TimesReadAsTheirBrokerWritesThem) {
  const Position position{kTimeEpoch, (uint64_t{1'763'034'564'622} << kTimeCountBits) + 7};
  EXPECT_EQ(text_of(position), "1763034564622-7");
  EXPECT_EQ(parse_position("1763034564622-7"), position);
  EXPECT_EQ(text_of({kTimeEpoch, 0}), "0-0");
  EXPECT_EQ(parse_position("0-0"), (Position{kTimeEpoch, 0}));
  EXPECT_LE(text_of({kTimeEpoch, ~uint64_t{0}}).size(), kPositionTextMax);
  for (const char* text : {"1-", "-1", "01-1", "1-01", "a-1", "1-a", "1-4194304", "4398046511104-0",
                           "1 -1", "+1-1", "1--1"})
    EXPECT_FALSE(parse_position(text)) << text;
}

TEST(Position, OrdersWithinAnEpoch) {
  EXPECT_LT((Position{5, 1}), (Position{5, 2}));
  EXPECT_EQ((Position{5, 1}), (Position{5, 1}));
}

}  // namespace
}  // namespace livehub::hub
