// Slow readers: partial frames wherever they stand, laps and their policies, leaving in the middle.
#include "fanout_harness.h"

namespace livehub::hub {
namespace {

using testing::cold_or_hot;
using testing::FanoutTest;
class FanoutSlow : public testing::ColdAndHot {
 protected:
  Subscription& only(PeerId peer) {
    return fanout->subscription(fanout->peer(peer).first_subscription);
  }
  // Peer 0 has "[fi" of "[first]" and is blocked; peer 1 keeps up.
  void cut_first(SlowReader policy) {
    listen(0, policy);
    listen(1);
    append("first");
    append("second");
    sink.takes[0] = 3;
    flush();
    EXPECT_EQ(take(0), "[fi");
  }
};
INSTANTIATE_TEST_SUITE_P(, FanoutSlow, ::testing::Bool(), cold_or_hot);

TEST_P(FanoutSlow, TheRestOfAFrameIsCopiedWhenItsBytesAreOverwritten) {
  cut_first(SlowReader::kDisconnect);
  const int64_t before = account.held();
  EXPECT_EQ(fanout->oldest_remainder(), kNoIndex);
  lap(stream);
  EXPECT_EQ(fanout->counters().remainders_copied, 1U);
  EXPECT_EQ(fanout->oldest_remainder(), 0U);
  EXPECT_EQ(account.held(), before + 4);
  EXPECT_EQ(sink.lapped, std::vector<PeerId>{0});
  writable(0);
  fanout->push_own(0, "<bye>");
  flush();
  EXPECT_EQ(take(0), "rst]<bye>") << "and nothing after the gap";
  EXPECT_EQ(account.held(), before);
  EXPECT_EQ(fanout->oldest_remainder(), kNoIndex);
}

// Found by reading: between on_writable() and the flush the peer is in neither list.
TEST_P(FanoutSlow, TheRestOfAFrameSurvivesAppendsBetweenWritableAndFlush) {
  listen(0);
  listen(1);
  append("first");
  sink.takes[0] = 3;
  flush();
  writable(0);
  while (append("filler")) {
  }
  flush();
  const std::string got = take(0);
  EXPECT_EQ(got.substr(0, 20), "[first][filler][fill");
  EXPECT_EQ(got, take(1));
}

TEST_P(FanoutSlow, ALappedReaderThatBecameWritableIsNeitherSentToNorWaitedFor) {
  cut_first(SlowReader::kDisconnect);
  lap(stream);
  take(1);
  writable(0);
  // Its session takes its time to end it; meanwhile it must not hold the others back.
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(append("more")) << i;
    if (i % 10 == 0) flush();
  }
  flush();
  EXPECT_EQ(take(0), "rst]");
  EXPECT_EQ(take(1).size(), 500 * 6U);
}

TEST_P(FanoutSlow, SkippingGoesOnAtTheHeadWithANoticeInBetween) {
  cut_first(SlowReader::kSkip);
  lap(stream);
  const uint64_t newest = offset;
  writable(0);
  EXPECT_EQ(sink.skipped, (std::vector<std::pair<PeerId, uint64_t>>{{0, newest}}));
  fanout->push_own(0, "<gap>");
  append("next");
  flush();
  EXPECT_EQ(take(0), "rst]<gap>[next]");
}

TEST_P(FanoutSlow, NewestGoesOnWithTheNewestEntry) {
  cut_first(SlowReader::kNewest);
  lap(stream);
  append("newest");
  writable(0);
  flush();
  EXPECT_EQ(take(0), "rst][newest]");
  append("next");
  flush();
  EXPECT_EQ(take(0), "[next]");
}

// In the arena other streams' entries may overwrite the newest one of this stream.
TEST_F(FanoutTest, NewestIsToldWhenEvenTheNewestIsGone) {
  listen(0, SlowReader::kNewest);
  append("value");
  sink.takes[0] = 0;
  flush();
  const StreamId other = fanout->make_stream(1, 0, 0);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(append_to(other, "other"));
  writable(0);
  flush();
  EXPECT_EQ(take(0), "");
  EXPECT_EQ(sink.skipped, (std::vector<std::pair<PeerId, uint64_t>>{{0, 1}}));
}

TEST_P(FanoutSlow, WhoIsBlockedButNotOvertakenMissesNothing) {
  cut_first(SlowReader::kSkip);
  append("third");
  flush();
  writable(0);
  flush();
  EXPECT_EQ(take(0), "rst][second][third]");
  EXPECT_TRUE(sink.lapped.empty());
}

TEST_P(FanoutSlow, LeavingDuringAPartialFrameStillSendsItsRest) {
  cut_first(SlowReader::kDisconnect);
  fanout->remove_subscription(fanout->peer(0).first_subscription);
  lap(stream);
  writable(0);
  flush();
  EXPECT_EQ(take(0), "rst]");
}

TEST_P(FanoutSlow, APartialBlockOutlivesItsEntry) {
  const std::string large(2000, 'x');
  listen(0);
  listen(1);
  append(large);
  sink.takes[0] = 500;
  flush();
  const int64_t with_block = account.held();
  lap(stream);
  EXPECT_EQ(account.held(), with_block) << "the peer still holds it";
  EXPECT_EQ(fanout->counters().remainders_copied, 0U);
  writable(0);
  flush();
  EXPECT_TRUE(take(0).starts_with("[" + large + "][filler]"));
  EXPECT_EQ(account.held(), with_block - 2002);
}

TEST_P(FanoutSlow, ACopiedRemainderThatGoesOutByteByByteStaysOne) {
  cut_first(SlowReader::kSkip);
  lap(stream);
  for (const char* expected : {"r", "s", "t"}) {
    writable(0);
    sink.takes[0] = 1;
    flush();
    EXPECT_EQ(take(0), expected);
    EXPECT_EQ(fanout->oldest_remainder(), 0U);
  }
  writable(0);
  flush();
  EXPECT_EQ(take(0), "]");
}

TEST_P(FanoutSlow, TheOldestRemainderIsTheOneCopiedFirst) {
  for (PeerId id = 0; id < 5; ++id) listen(id, SlowReader::kSkip);
  const auto cut = [&](PeerId id) {
    append("message");
    sink.takes[id] = 2;
    flush();
    lap(stream);
  };
  cut(3);
  cut(1);
  cut(2);
  EXPECT_EQ(fanout->oldest_remainder(), 3U);
  close(3);
  EXPECT_EQ(fanout->oldest_remainder(), 1U);
  writable(2);
  flush();
  EXPECT_EQ(fanout->oldest_remainder(), 1U);
  cut(3 - 1);
  writable(1);
  flush();
  EXPECT_EQ(fanout->oldest_remainder(), 2U);
  close(2);
  EXPECT_EQ(fanout->oldest_remainder(), kNoIndex);
}

TEST_P(FanoutSlow, JoiningWhileBlockedWaitsAndMissesNothing) {
  fanout->open_peer(0);
  fanout->push_own(0, "<head>");
  sink.takes[0] = 1;
  flush();
  listen(0);
  append("a");
  flush();
  EXPECT_EQ(take(0), "<");
  writable(0);
  flush();
  EXPECT_EQ(take(0), "head>[a]");
}

}  // namespace
}  // namespace livehub::hub
