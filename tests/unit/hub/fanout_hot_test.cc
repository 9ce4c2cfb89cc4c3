// Sweeps over many subscribers that are interrupted, and streams that change between cold and hot.
#include "fanout_harness.h"

namespace livehub::hub {
namespace {

using testing::FanoutTest;

class FanoutSweep : public FanoutTest {
 protected:
  static Limits few_sends() {
    Limits limits = hot_limits();
    limits.sends_per_flush = 3;
    return limits;
  }
  FanoutSweep() : FanoutTest(few_sends()) {
    for (PeerId id = 0; id < 4; ++id) listen(id);
    append("a");
    fanout->flush(1);  // the sweep has served 0, 1 and 2
    fanout->check_invariants();
  }
  void expect_all(const std::string& expected, std::initializer_list<PeerId> peers) {
    flush();
    for (const PeerId id : peers) EXPECT_EQ(take(id), expected) << id;
  }
};

TEST_F(FanoutSweep, GoesOnWhereItStopped) {
  append("b");
  expect_all("[a][b]", {0, 1, 2, 3});
}

TEST_F(FanoutSweep, LeavingOfTheServedSkipsNobody) {
  close(0);
  append("b");
  expect_all("[a][b]", {1, 2, 3});
}

TEST_F(FanoutSweep, LeavingOfTheUnservedSkipsNobody) {
  close(3);
  append("b");
  expect_all("[a][b]", {0, 1, 2});
}

// The last served one is the last of the list: it fills the hole and must not be filed a second
// time.
TEST_F(FanoutSweep, LeavingOfAServedOneAfterAllTheUnservedKeepsEachInItsPlace) {
  close(3);
  close(0);
  close(2);
  append("b");
  expect_all("[a][b]", {1});
}

TEST_F(FanoutSweep, ComingAndGoingDuringASweepKeepsEverybodyExact) {
  listen(4);
  close(1);
  append("b");
  listen(5);
  close(3);
  append("c");
  flush();
  EXPECT_EQ(take(0), "[a][b][c]");
  EXPECT_EQ(take(2), "[a][b][c]");
  EXPECT_EQ(take(4), "[b][c]");
  EXPECT_EQ(take(5), "[c]");
}

TEST_F(FanoutSweep, WhoLeftAllAtOnceHoldsNothingBack) {
  for (PeerId id = 0; id < 4; ++id) close(id);
  flush();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(append("b"));
}

TEST_F(FanoutSweep, PeersWithBytesOfTheirOwnGetThemFirst) {
  fanout->push_own(3, "<own>");
  append("b");
  flush();
  EXPECT_EQ(take(3), "<own>[a][b]");
}

class FanoutConvert : public FanoutTest {
 protected:
  static Limits from_three() {
    Limits limits = tiny_limits();
    limits.hot_from_subscribers = 3;
    return limits;
  }
  FanoutConvert() : FanoutTest(from_three()) {}
  void cool() {
    std::vector<StreamId> unused;
    for (const int64_t now : {1, 12}) fanout->cool(now, unused);
    fanout->check_invariants();
  }
};

TEST_F(FanoutConvert, BlockedAndPartialSubscribersTakeTheirEntriesAlong) {
  listen(0);
  append("zero");
  sink.takes[0] = 2;
  flush();
  listen(1);
  append("one");
  sink.takes[1] = 0;
  flush();
  append("two");
  EXPECT_EQ(fanout->hot_streams(), 0U);
  listen(2);
  EXPECT_EQ(fanout->hot_streams(), 1U);
  fanout->check_invariants();
  append("three");
  writable(0);
  writable(1);
  flush();
  EXPECT_EQ(take(0), "[zero][one][two][three]");
  EXPECT_EQ(take(1), "[one][two][three]");
  EXPECT_EQ(take(2), "[three]");
}

TEST_F(FanoutConvert, TheRingHoldsWhatTheArenaHeldIncludingBlocks) {
  listen(0);
  const std::string large(1000, 'x');
  append("a");
  append(large);
  append("b", 0);
  flush();
  take(0);
  listen(1);
  listen(2);
  ASSERT_EQ(fanout->hot_streams(), 1U);
  fanout->open_peer(3);
  const SubscriptionId s = fanout->make_subscription(3, 0, 0, SlowReader::kDisconnect);
  ASSERT_TRUE(fanout->attach_after(s, stream, 0));
  flush();
  EXPECT_EQ(take(3), "[a][" + large + "][b]");
}

TEST_F(FanoutConvert, TheArenaForgetsAHotStreamsOldEntriesWithoutTouchingItsRing) {
  const StreamId other = fanout->make_stream(1, 0, 0);
  listen(0);
  append("a");
  flush();
  for (PeerId id = 1; id < 3; ++id) listen(id);
  ASSERT_EQ(fanout->hot_streams(), 1U);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(append_to(other, "other"));
  EXPECT_EQ(fanout->stream(stream).first(), 0U);
}

TEST_F(FanoutConvert, CoolsOnlyAfterAWhileAndOnlyWhenNobodyIsBehind) {
  const int64_t before = account.held();
  for (PeerId id = 0; id < 3; ++id) listen(id);
  EXPECT_EQ(account.held(), before + 4096);
  append("a");
  sink.takes[1] = 1;
  flush();
  close(2);
  cool();
  EXPECT_EQ(fanout->hot_streams(), 1U) << "one is blocked";
  writable(1);
  cool();
  EXPECT_EQ(fanout->hot_streams(), 1U) << "its remainder is still in the ring";
  flush();
  EXPECT_EQ(take(1), "[a]");
  cool();
  EXPECT_EQ(fanout->hot_streams(), 0U);
  EXPECT_EQ(account.held(), before);
  append("b");
  flush();
  EXPECT_EQ(take(0), "[a][b]");
  EXPECT_EQ(take(1), "[b]");
  take(2);
  listen(2);
  append("c");
  flush();
  EXPECT_EQ(take(2), "[c]");
  EXPECT_EQ(take(1), "[c]");
}

TEST_F(FanoutConvert, WithoutRoomForRingsItStaysColdAndWorks) {
  Limits limits = from_three();
  limits.rings_bytes_max = 4095;
  Fanout cold(limits, account, sink);
  cold.add_encoding(&encoding);
  const StreamId id = cold.make_stream(0, 0, 0);
  for (PeerId peer = 0; peer < 10; ++peer) {
    cold.open_peer(peer);
    cold.attach_at_head(cold.make_subscription(peer, 0, 0, SlowReader::kSkip), id);
  }
  EXPECT_EQ(cold.hot_streams(), 0U);
}

TEST_F(FanoutConvert, TinyFramesDoNotGrowTheIndexWithoutBound) {
  for (PeerId id = 0; id < 3; ++id) listen(id);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(append(""));
    flush();
  }
  EXPECT_LE(fanout->stream(stream).next - fanout->stream(stream).first(), 4096U / 64);
}

}  // namespace
}  // namespace livehub::hub
