#include "profile/expiries.h"

#include <gtest/gtest.h>

#include <utility>

namespace livehub::profile {
namespace {

TEST(Expiries, EndInTheirOrder) {
  Expiries expiries;
  expiries.set(1, 0, 30);
  expiries.set(2, 0, 10);
  expiries.set(3, 0, 10);
  EXPECT_EQ(expiries.take_ended(9), std::nullopt);
  EXPECT_EQ(expiries.take_ended(10), 2u);
  EXPECT_EQ(expiries.take_ended(10), 3u);
  EXPECT_EQ(expiries.take_ended(29), std::nullopt);
  EXPECT_EQ(expiries.take_ended(1000), 1u);
}

TEST(Expiries, TheNewestTokenCountsWhetherItEndsLaterOrSooner) {
  Expiries expiries;
  expiries.set(1, 0, 10);
  expiries.set(1, 10, 20);
  EXPECT_EQ(expiries.take_ended(19), std::nullopt);
  expiries.set(1, 20, 15);
  EXPECT_EQ(expiries.take_ended(15), 1u);
  EXPECT_EQ(expiries.take_ended(1000), std::nullopt);
}

// Whoever brings tokens without end, or comes and goes without end, takes no more than its place.
TEST(Expiries, OneEntryForEachConnectionThatIsOpen) {
  Expiries expiries;
  int64_t before = 0;
  for (int64_t end = 1; end <= 1000; ++end)
    expiries.set(7, std::exchange(before, end % 5), end % 5);
  EXPECT_EQ(expiries.size(), 1u);
  expiries.remove(7, before);
  expiries.remove(7, before);
  expiries.remove(8, 0);
  EXPECT_EQ(expiries.size(), 0u);
}

}  // namespace
}  // namespace livehub::profile
