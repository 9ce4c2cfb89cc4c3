// What reaches a peer and in which order, while nobody is overtaken.
#include "hub/fanout.h"

#include "fanout_harness.h"

namespace livehub::hub {
namespace {

using testing::cold_or_hot;
using testing::FanoutTest;
using testing::ScriptedSink;
class FanoutOrder : public testing::ColdAndHot {};
INSTANTIATE_TEST_SUITE_P(, FanoutOrder, ::testing::Bool(), cold_or_hot);

TEST_P(FanoutOrder, EverySubscriberGetsWhatIsAppendedAfterItsAttach) {
  listen(0);
  append("a");
  listen(1);
  append("b");
  flush();
  append("c");
  flush();
  EXPECT_EQ(take(0), "[a][b][c]");
  EXPECT_EQ(take(1), "[b][c]");
}

TEST_P(FanoutOrder, ThePartialFrameGoesFirstThenOwnBytesThenEntries) {
  listen(0);
  append("first");
  append("second");
  sink.takes[0] = 4;
  flush();
  EXPECT_EQ(take(0), "[fir");
  EXPECT_FALSE(fanout->is_idle(0));
  fanout->push_own(0, "<own>");
  fanout->push_own_static(0, "<static>");
  append("third");
  flush();
  EXPECT_EQ(take(0), "") << "a blocked peer is left alone";
  writable(0);
  flush();
  EXPECT_EQ(take(0), "st]<own><static>[second][third]");
  EXPECT_TRUE(fanout->is_idle(0));
}

TEST_P(FanoutOrder, EveryCutOfASendIsContinuedExactly) {
  const std::string all = "<own-1><own-2>[a][bcd][][efghijk]";
  listen(0);
  for (size_t first = 0; first < all.size(); ++first)
    for (size_t second = 0; first + second < all.size(); second += 3) {
      fanout->push_own(0, "<own-1>");
      fanout->push_own(0, "<own-2>");
      for (const char* payload : {"a", "bcd", "", "efghijk"}) append(payload);
      for (const size_t cut : {first, second}) {
        sink.takes[0] = cut;
        flush();
        if (!sink.waiting.contains(0)) continue;
        writable(0);
      }
      flush();
      ASSERT_EQ(take(0), all) << first << " then " << second;
    }
}

TEST_P(FanoutOrder, OnePeerIsSkippedAndNotTheNextTenantOfItsSlot) {
  listen(0);
  listen(1);
  append("a");
  append("typing", 0);
  append("b");
  flush();
  EXPECT_EQ(take(0), "[a][b]");
  EXPECT_EQ(take(1), "[a][typing][b]");
  close(0);
  fanout->open_peer(0);
  const SubscriptionId s = fanout->make_subscription(0, 0, 0, SlowReader::kDisconnect);
  ASSERT_TRUE(fanout->attach_after(s, stream, 1));
  flush();
  EXPECT_EQ(take(0), "[typing][b]");
}

TEST_P(FanoutOrder, EntriesThatAllSkipThePeerMakeNoSend) {
  listen(0);
  append("typing", 0);
  append("typing", 0);
  flush();
  EXPECT_TRUE(sink.batches.empty());
  EXPECT_FALSE(fanout->has_work());
  append("b");
  flush();
  EXPECT_EQ(take(0), "[b]");
}

TEST_P(FanoutOrder, ManySubscribersAreServedInBatchesThatNameEachOnce) {
  for (PeerId id = 0; id < 700; ++id) listen(id);
  append("a");
  append("b");
  flush();
  for (PeerId id = 0; id < 700; ++id) ASSERT_EQ(take(id), "[a][b]") << id;
  EXPECT_EQ(sink.batches, (std::vector<size_t>{256, 256, 188}));
}

TEST_P(FanoutOrder, AttachAfterBeginsBehindTheNamedOffset) {
  listen(0);
  for (const char* payload : {"a", "b", "c"}) append(payload);
  flush();
  const char* expected[] = {"[a][b][c]", "[b][c]", "[c]", "", ""};
  for (PeerId id = 1; id <= 5; ++id) {
    fanout->open_peer(id);
    const SubscriptionId s = fanout->make_subscription(id, 0, 0, SlowReader::kDisconnect);
    ASSERT_TRUE(fanout->attach_after(s, stream, id - 1));
    flush();
    EXPECT_EQ(take(id), expected[id - 1]);
  }
  lap(stream);
  fanout->open_peer(6);
  const SubscriptionId s = fanout->make_subscription(6, 0, 0, SlowReader::kDisconnect);
  EXPECT_FALSE(fanout->attach_after(s, stream, 1)) << "what follows is gone";
  EXPECT_TRUE(fanout->attach_after(s, stream, fanout->stream(stream).base_offset));
}

// Found by the simulator: what is dropped later is older than the gap.
TEST_P(FanoutOrder, AttachAfterNeverReachesBackOverAGap) {
  listen(0);
  for (const char* payload : {"a", "b", "c"}) append(payload);
  flush();
  fanout->raise_base(stream, 3);
  while (fanout->stream(stream).first() == 0) ASSERT_TRUE(append("filler")), flush();
  fanout->open_peer(1);
  const SubscriptionId s = fanout->make_subscription(1, 0, 0, SlowReader::kDisconnect);
  EXPECT_FALSE(fanout->attach_after(s, stream, 2));
  EXPECT_TRUE(fanout->attach_after(s, stream, 3));
}

TEST_P(FanoutOrder, LargeFramesAreOneBlockForAllAndFreedWhenOvertaken) {
  const int64_t before = account.held() + (GetParam() ? 4096 : 0);
  listen(0);
  listen(1);
  const std::string large(3000, 'x');
  append("a");
  append(large);
  append("b");
  EXPECT_EQ(account.held(), before + 3002);
  sink.takes[1] = 1000;
  flush();
  EXPECT_TRUE(take(0) == "[a][" + large + "][b]");
  EXPECT_EQ(fanout->oldest_remainder(), 1U) << "who holds a block holds memory";
  writable(1);
  flush();
  EXPECT_TRUE(take(1) == "[a][" + large + "][b]");
  EXPECT_EQ(fanout->oldest_remainder(), kNoIndex);
  append(large);  // two do not fit into blocks_bytes_max
  flush();
  EXPECT_EQ(account.held(), before + 3002);
  lap(stream);
  EXPECT_EQ(account.held(), before);
}

TEST_P(FanoutOrder, ALargeFrameOverTheLimitOfBlocksStillPassesAlone) {
  listen(0);
  const std::string larger(10'000, 'y');
  ASSERT_TRUE(append(larger));
  flush();
  EXPECT_TRUE(take(0) == "[" + larger + "]");
}

TEST_P(FanoutOrder, AppendWaitsForWhoCanBeSentToAndForNobodyElse) {
  listen(0);
  listen(1);
  append("a");
  sink.takes[1] = 0;
  flush();
  int count = 0;
  while (append("b")) ++count;
  EXPECT_GT(count, 10);
  EXPECT_GT(fanout->counters().append_waits, 0U);
  flush();
  EXPECT_TRUE(append("c"));
  EXPECT_TRUE(fanout->subscription(fanout->peer(1).first_subscription).has(Subscription::kLapped));
}

TEST_F(FanoutTest, EntriesOfSeveralStreamsComeInAppendOrderAndAtMost64Pieces) {
  std::vector<StreamId> streams;
  for (uint32_t i = 0; i < 7; ++i) streams.push_back(fanout->make_stream(i + 1, 0, 0));
  for (const StreamId id : streams) listen_to(id, 0);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string payload = std::to_string(i);
    append_to(streams[static_cast<size_t>(i * i) % streams.size()], payload);
    expected += "[" + payload + "]";
  }
  flush();
  EXPECT_EQ(take(0), expected);
  EXPECT_EQ(sink.pieces_most, 64U);
  EXPECT_EQ(sink.batches.size(), 2U);
}

TEST_F(FanoutTest, ManyOwnChunksTakeSeveralSends) {
  fanout->open_peer(0);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string bytes = "<" + std::to_string(i) + ">";
    fanout->push_own(0, bytes);
    expected += bytes;
  }
  fanout->tell_drained(0);
  flush();
  EXPECT_EQ(take(0), expected);
  EXPECT_EQ(sink.batches.size(), 4U);
  EXPECT_EQ(sink.drained, std::vector<PeerId>{0});
}

TEST_F(FanoutTest, TellsDrainedOnceAndOnlyWhenNothingWaits) {
  fanout->open_peer(0);
  fanout->tell_drained(0);
  flush();
  EXPECT_EQ(sink.drained, std::vector<PeerId>{0});
  fanout->push_own(0, "abc");
  fanout->tell_drained(0);
  sink.takes[0] = 2;
  flush();
  EXPECT_EQ(sink.drained.size(), 1U);
  writable(0);
  flush();
  EXPECT_EQ(sink.drained.size(), 2U);
  EXPECT_EQ(take(0), "abc");
}

TEST_F(FanoutTest, ADrainedPeerThatIsGivenMoreBeforeItIsToldKeepsItsWish) {
  struct Pusher : ScriptedSink {
    Fanout* fanout = nullptr;
    void on_drained(PeerId peer) override {
      if (peer == 0 && drained.empty()) fanout->push_own(1, "more");
      ScriptedSink::on_drained(peer);
    }
  } pusher;
  Fanout other(tiny_limits(), account, pusher);
  pusher.fanout = &other;
  for (PeerId id = 0; id < 2; ++id) {
    other.open_peer(id);
    other.tell_drained(id);
  }
  while (other.flush(1)) other.check_invariants();
  EXPECT_EQ(pusher.drained, (std::vector<PeerId>{0, 1}));
  EXPECT_EQ(pusher.received[1], "more");
}

TEST_F(FanoutTest, AFailedSendIsToldAtTheEndAndNothingMoreIsSent) {
  listen(0);
  listen(1);
  sink.takes[0] = ScriptedSink::kFails;
  append("a");
  flush();
  EXPECT_EQ(sink.failed, std::vector<PeerId>{0});
  fanout->push_own(0, "x");
  append("b");
  sink.takes.clear();
  flush();
  EXPECT_EQ(take(0), "");
  EXPECT_EQ(take(1), "[a][b]");
  EXPECT_TRUE(sink.waiting.empty());
  close(0);
}

TEST_F(FanoutTest, AStaleNameInTheReadyQueueSendsNothingTwice) {
  for (int i = 0; i < 3; ++i) {
    listen(0);
    append("a");
    if (i < 2) close(0);
  }
  flush();
  EXPECT_EQ(take(0), "[a]");
  EXPECT_EQ(sink.batches.size(), 1U);
}

TEST_F(FanoutTest, OneMessageInEveryEncodingFitsIntoTheSmallestArena) {
  Limits limits = tiny_limits();
  limits.arena_bytes = 4096;
  limits.ring_bytes = 1 << 20;
  Fanout small(limits, account, sink);
  std::vector<StreamId> streams;
  for (uint32_t i = 0; i < kEncodingsMax; ++i)
    streams.push_back(small.make_stream(0, small.add_encoding(&encoding), 0));
  for (const size_t bytes : {100u, 126u, 127u, 1000u, 20'000u}) {
    MessagePtr message = MessagePtr::make("channel", std::string(bytes, 'x'));
    message->position.offset = ++offset;
    Fanout::Claim claim;
    for (const StreamId id : streams) ASSERT_TRUE(small.make_room(id, *message, claim));
    for (const StreamId id : streams) small.append(id, *message, kNoIndex);
    small.check_invariants();
  }
}

}  // namespace
}  // namespace livehub::hub
