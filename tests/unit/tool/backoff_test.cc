#include "tool/backoff.h"

#include <gtest/gtest.h>

namespace livehub::tool {
namespace {

TEST(Backoff, DoublesUpToItsMost) {
  Backoff backoff(100, 1000, [] { return 0.0; });
  for (const int64_t half : {50, 100, 200, 400, 500, 500}) EXPECT_EQ(backoff.next_ms(), half);
  backoff.reset();
  EXPECT_EQ(backoff.next_ms(), 50);
}

TEST(Backoff, IsDrawnFromTheUpperHalf) {
  double draw = 0.999;
  Backoff backoff(1000, 8000, [&] { return draw; });
  EXPECT_EQ(backoff.next_ms(), 999);
  draw = 0.5;
  EXPECT_EQ(backoff.next_ms(), 1500);
}

TEST(Backoff, BeginsWhereTheServerSays) {
  Backoff backoff(100, 1000, [] { return 0.0; });
  backoff.start_at(600);
  EXPECT_EQ(backoff.next_ms(), 300);
  backoff.start_at(5);
  EXPECT_EQ(backoff.next_ms(), 50);
  backoff.start_at(99'999);
  EXPECT_EQ(backoff.next_ms(), 500);
}

}  // namespace
}  // namespace livehub::tool
