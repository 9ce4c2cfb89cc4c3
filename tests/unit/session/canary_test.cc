#include "session/canary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace livehub::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kBegin = 1000 * kSecond;

// Two shards and the source "broker", looked at each second as the watch does; what a test cuts
// does not arrive any more.
class CanaryWays : public ::testing::Test {
 protected:
  void seconds(int count) {
    for (int second = 0; second < count; ++second) {
      now += kSecond;
      for (uint32_t shard = 0; shard < 2; ++shard) turn(shard);
      const Canaries::Step step = canaries.step(0, is_linked, now);
      rebuilds += step.is_to_rebuild;
      if (step.is_to_rebuild) is_linked = !mends_by_rebuild;
      if (step.is_to_rebuild && mends_by_rebuild) comes_back = true;
      sent += step.is_to_send;
      if (step.is_to_send && comes_back)
        for (uint32_t shard = 0; shard < 2; ++shard)
          if (shard != deaf) canaries.note_of_source(shard, 0, now);
      if (!is_linked && mends_by_rebuild) is_linked = true;
    }
  }
  void turn(uint32_t shard) {
    if (shard == stuck) return;
    canaries.note_turn(shard, now);
    if (canaries.owner_for(shard) != stuck && shard != cut) canaries.note_own(shard, now);
  }
  std::vector<std::string> wrong(bool is_local = false) const {
    return canaries.wrong(is_local, now);
  }

  static constexpr uint32_t kNone = 99;
  int64_t now = kBegin;
  bool is_linked = true;
  bool comes_back = true;
  bool mends_by_rebuild = false;
  uint32_t stuck = kNone;
  uint32_t cut = kNone;   // its own canary does not arrive
  uint32_t deaf = kNone;  // the source's do not arrive there
  int rebuilds = 0;
  int sent = 0;
  Canaries canaries{2, {"broker"}, CanaryTimes(), kBegin};
};

TEST_F(CanaryWays, AreQuietWhileAllArrive) {
  seconds(60);
  EXPECT_THAT(wrong(), IsEmpty());
  EXPECT_EQ(rebuilds, 0);
  EXPECT_EQ(sent, 12);  // one each 5 s
  ASSERT_TRUE(canaries.source_age_ns(0, now));
  EXPECT_LT(*canaries.source_age_ns(0, now), 5 * kSecond);
  EXPECT_LT(canaries.shard_age_ns(1, now), 5 * kSecond);
}

TEST_F(CanaryWays, NameTheShardThatDoesNotTurnAndNotTheOneThatItHoldsUp) {
  seconds(10);
  stuck = 1;
  seconds(11);
  EXPECT_THAT(wrong(), IsEmpty());
  seconds(3);
  EXPECT_THAT(wrong(), ElementsAre("shard 1 has not turned for 14 s"));
  EXPECT_THAT(wrong(true), ElementsAre("shard 1 has not turned for 14 s"));
  stuck = kNone;
  seconds(1);
  EXPECT_THAT(wrong(), IsEmpty());
}

TEST_F(CanaryWays, NameTheWayBetweenTwoShardsThatTurn) {
  seconds(10);
  cut = 0;
  seconds(13);
  EXPECT_THAT(wrong(), ElementsAre("canary: the newest that came to shard 0 by shard 1 was sent "
                                   "13 s ago"));
}

TEST_F(CanaryWays, NameASourceThatIsSilentWhileItsLinkIsUpWithin15Seconds) {
  seconds(10);
  comes_back = false;
  int passed = 0;
  for (; wrong().empty() && passed < 60; ++passed) seconds(1);
  EXPECT_LE(passed, 15);
  EXPECT_GE(passed, 7);  // one lost canary is no fault
  EXPECT_THAT(wrong(), ElementsAre(HasSubstr("nothing has come back through broker for 12 s")));
  EXPECT_THAT(wrong(true), IsEmpty());  // this process can serve
  comes_back = true;
  seconds(1);
  EXPECT_THAT(wrong(), IsEmpty());
}

TEST_F(CanaryWays, AreAsLateAsTheyWereSlow) {
  seconds(10);
  comes_back = false;
  const int64_t sent_ns = now;
  for (int second = 0; second < 20; ++second) {
    seconds(1);
    canaries.note_of_source(0, 0, sent_ns + second * kSecond - 30 * kSecond);  // half a minute old
    canaries.note_of_source(1, 0, sent_ns + second * kSecond - 30 * kSecond);
  }
  EXPECT_EQ(wrong().size(), 1u);
}

TEST_F(CanaryWays, NameASourceThatReachesOnlySomeShardsAndDoNotRebuildIt) {
  seconds(10);
  deaf = 1;
  seconds(60);
  EXPECT_EQ(wrong().size(), 1u);
  EXPECT_EQ(rebuilds, 0);  // its canaries do come back: the fault is here
}

TEST_F(CanaryWays, RebuildASourceOnceAndThenMoreAndMoreRarely) {
  seconds(10);
  comes_back = false;
  std::vector<int> at;
  for (int second = 1; second <= 400; ++second) {
    const int before = rebuilds;
    seconds(1);
    if (rebuilds > before) at.push_back(second);
  }
  ASSERT_GE(at.size(), 4u);
  EXPECT_GE(at[0], 17);  // it was late, and stayed so
  EXPECT_LE(at[0], 25);
  EXPECT_EQ(at[1] - at[0], 20);
  EXPECT_EQ(at[2] - at[1], 40);
  EXPECT_EQ(at[3] - at[2], 80);
  EXPECT_EQ(canaries.rebuilds(0), at.size());
}

TEST_F(CanaryWays, AreRedAfterARebuildUntilOneHasComeThrough) {
  seconds(10);
  comes_back = false;
  while (rebuilds == 0) seconds(1);
  is_linked = false;
  seconds(2);
  EXPECT_THAT(wrong(), IsEmpty());  // the link says it itself
  is_linked = true;
  seconds(1);
  EXPECT_EQ(wrong().size(), 1u);  // a link that is up again has proven nothing
  comes_back = true;
  seconds(1);
  EXPECT_THAT(wrong(), IsEmpty());
}

TEST_F(CanaryWays, BeginAnewWhenARebuildHasHelped) {
  seconds(10);
  for (int round = 0; round < 2; ++round) {
    const int before = rebuilds;
    comes_back = false;
    mends_by_rebuild = true;
    int passed = 0;
    for (; rebuilds == before && passed < 100; ++passed) seconds(1);
    EXPECT_LE(passed, 25);  // the second time as early as the first
    seconds(2);
    EXPECT_THAT(wrong(), IsEmpty());
    seconds(10);
  }
}

TEST_F(CanaryWays, SayNothingOfASourceWhoseLinkIsDown) {
  seconds(10);
  comes_back = is_linked = false;
  sent = 0;
  seconds(300);
  EXPECT_THAT(wrong(), IsEmpty());
  EXPECT_FALSE(canaries.source_age_ns(0, now));
  EXPECT_EQ(rebuilds, 0);
  EXPECT_EQ(sent, 0);
  comes_back = is_linked = true;
  seconds(1);
  EXPECT_EQ(sent, 1);  // at once
  EXPECT_THAT(wrong(), IsEmpty());
}

TEST_F(CanaryWays, DoNotRebuildForAShardThatIsStuckOrAProcessThatWas) {
  seconds(10);
  stuck = 0;
  comes_back = false;
  seconds(120);
  EXPECT_EQ(rebuilds, 0);
  stuck = kNone;
  comes_back = true;
  seconds(10);
  comes_back = false;
  now += 3600 * kSecond;  // the machine slept: looked at twice, it was late for an hour
  seconds(2);
  EXPECT_EQ(rebuilds, 0);
  EXPECT_EQ(wrong().size(), 1u);
}

TEST_F(CanaryWays, LeaveABrokerAloneThatRefusesThem) {
  comes_back = false;
  seconds(1);
  EXPECT_TRUE(canaries.refuse(0));
  EXPECT_FALSE(canaries.refuse(0));  // said once
  sent = 0;
  seconds(240);
  EXPECT_THAT(wrong(), IsEmpty());
  EXPECT_FALSE(canaries.source_age_ns(0, now));
  EXPECT_EQ(rebuilds, 0);
  EXPECT_EQ(sent, 4);  // one a minute
  comes_back = true;
  seconds(60);
  EXPECT_TRUE(canaries.source_age_ns(0, now));
}

TEST_F(CanaryWays, TryTheNextLinkAfterOneWhoseBrokerRefusedThem) {
  seconds(1);
  EXPECT_TRUE(canaries.refuse(0));
  is_linked = false;
  seconds(1);
  is_linked = true;
  comes_back = false;
  seconds(13);
  EXPECT_EQ(wrong().size(), 1u);
}

TEST(Canaries, OfOneShardGoByItself) {
  Canaries canaries(1, {}, CanaryTimes(), kBegin);
  EXPECT_EQ(canaries.owner_for(0), 0u);
  canaries.note_of_source(0, 3, kBegin);  // of nobody: passed over
  EXPECT_THAT(canaries.wrong(false, kBegin + 11 * kSecond), IsEmpty());
  EXPECT_EQ(canaries.wrong(false, kBegin + 12 * kSecond).size(), 1u);
}

}  // namespace
}  // namespace livehub::session
