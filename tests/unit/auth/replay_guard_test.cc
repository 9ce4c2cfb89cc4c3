#include "auth/replay_guard.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace livehub::auth {
namespace {

constexpr int64_t kNow = 1'700'000'000;

SignatureDigest digest(unsigned number) {
  SignatureDigest out{};
  std::memcpy(out.data() + 20, &number, sizeof number);
  return out;  // all of them share their first bytes, so their hashes collide
}

TEST(ReplayGuard, RemembersEachSignatureOnce) {
  ReplayGuard guard;
  for (unsigned i = 0; i < 100; ++i) EXPECT_TRUE(guard.remember(digest(i), kNow, kNow));
  for (unsigned i = 0; i < 100; ++i) EXPECT_FALSE(guard.remember(digest(i), kNow, kNow + 1));
  EXPECT_EQ(guard.size(), 100u);
}

TEST(ReplayGuard, RefusesAReplayAsLongAsItsTimestampIsFresh) {
  // Signed by a clock 300 s ahead of ours: fresh for 600 s after it was accepted.
  ReplayGuard guard;
  EXPECT_TRUE(guard.remember(digest(1), kNow + 300, kNow));
  for (int64_t later = 0; later <= 601; ++later)
    EXPECT_FALSE(guard.remember(digest(1), kNow + 300, kNow + later)) << later;
}

TEST(ReplayGuard, ForgetsWhatIsStale) {
  ReplayGuard guard;
  for (unsigned i = 0; i < 1000; ++i) EXPECT_TRUE(guard.remember(digest(i), kNow + i, kNow + i));
  EXPECT_EQ(guard.size(), 301u);
  EXPECT_TRUE(guard.remember(digest(5000), kNow + 5000, kNow + 5000));
  EXPECT_EQ(guard.size(), 1u);
}

TEST(ReplayGuard, AClockThatJumpsForthAndBackLetsNoReplayIn) {
  ReplayGuard guard;
  EXPECT_TRUE(guard.remember(digest(1), kNow, kNow));
  EXPECT_TRUE(guard.remember(digest(2), kNow + 100'000, kNow + 100'000));  // forgets the first
  EXPECT_FALSE(guard.remember(digest(1), kNow, kNow));
  EXPECT_FALSE(guard.remember(digest(3), kNow, kNow)) << "it cannot be told from a replay";
  EXPECT_TRUE(guard.remember(digest(4), kNow + 1, kNow + 1)) << "fresh pushes go on";
}

TEST(ReplayGuard, AFullGuardShortensTheWindowAndStaysClosed) {
  ReplayGuard guard(10);
  for (unsigned i = 0; i < 100; ++i) {
    EXPECT_TRUE(guard.remember(digest(i), kNow + i, kNow + i));
    EXPECT_LE(guard.size(), 10u);
  }
  for (unsigned i = 0; i < 100; ++i)
    EXPECT_FALSE(guard.remember(digest(i), kNow + i, kNow + 100)) << i;
  EXPECT_FALSE(guard.remember(digest(1000), kNow + 89, kNow + 100)) << "below the floor";
}

TEST(ReplayGuard, AGuardFullOfOneSecondWaitsForTheNext) {
  ReplayGuard guard(10);
  for (unsigned i = 0; i < 10; ++i) EXPECT_TRUE(guard.remember(digest(i), kNow, kNow));
  EXPECT_FALSE(guard.remember(digest(10), kNow, kNow));
  EXPECT_FALSE(guard.remember(digest(11), kNow - 1, kNow)) << "older than all that is held";
  EXPECT_EQ(guard.size(), 10u);
  EXPECT_TRUE(guard.remember(digest(12), kNow + 1, kNow + 1));
  EXPECT_EQ(guard.size(), 1u);
  EXPECT_FALSE(guard.remember(digest(0), kNow, kNow + 1));
}

TEST(ReplayGuard, BeginsWithTheFloorItIsGiven) {
  ReplayGuard guard(10, kNow);
  EXPECT_FALSE(guard.remember(digest(1), kNow - 200, kNow));
  EXPECT_FALSE(guard.remember(digest(1), kNow, kNow));
  EXPECT_TRUE(guard.remember(digest(1), kNow + 1, kNow));
}

// Whatever the clock, the order and the load: nothing is accepted twice, and never more is held.
TEST(ReplayGuard, NeverAcceptsTwice) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    ReplayGuard guard(1 + random() % 40);
    std::set<std::pair<unsigned, int64_t>> accepted;
    int64_t now = kNow;
    for (int step = 0; step < 2000; ++step) {
      if (random() % 50 == 0) now += static_cast<int64_t>(random() % 2000) - 1000;
      if (random() % 4 == 0) ++now;
      const auto number = static_cast<unsigned>(random() % 500);
      const int64_t timestamp = kNow + static_cast<int64_t>(number) * 7 % 601;
      if (timestamp < now - 300 || timestamp > now + 300) continue;
      if (guard.remember(digest(number), timestamp, now)) {
        EXPECT_TRUE(accepted.emplace(number, timestamp).second) << "seed " << seed;
      }
      EXPECT_LE(guard.size(), 40u);
    }
    EXPECT_FALSE(accepted.empty());
  }
}

// With room enough and a clock that only runs forward, every new signature in the window is
// accepted.
TEST(ReplayGuard, AcceptsEveryNewOneWhereThereIsRoom) {
  std::mt19937 random(11);
  ReplayGuard guard;
  for (unsigned number = 0; number < 5000; ++number) {
    const int64_t now = kNow + number / 3;
    const int64_t timestamp = now - 300 + static_cast<int64_t>(random() % 601);
    EXPECT_TRUE(guard.remember(digest(number), timestamp, now)) << number;
    EXPECT_FALSE(guard.remember(digest(number), timestamp, now)) << number;
  }
}

}  // namespace
}  // namespace livehub::auth
