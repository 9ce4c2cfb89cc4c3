// One hub that owns its own channels: what is hard to meet by chance. Many of them:
// cluster_test.cc.
#include "hub/hub.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <string>

#include "cluster_model.h"
#include "fanout_harness.h"

namespace livehub::hub {
namespace {

using testing::LanePost;
using testing::Lanes;
using testing::PlainEncoding;

struct Events : HubEvents {
  void send_batch(std::span<PeerSend> sends) override { sink.send_batch(sends); }
  void want_writable(PeerId peer) override { sink.want_writable(peer); }
  void on_drained(PeerId peer) override { sink.on_drained(peer); }
  void on_failed(PeerId peer, int error) override { sink.on_failed(peer, error); }
  void on_lapped(PeerId peer, SubscriptionId id) override { sink.on_lapped(peer, id); }
  void on_skipped(PeerId peer, SubscriptionId id, uint64_t offset) override {
    sink.on_skipped(peer, id, offset);
  }
  void on_subscribed(PeerId peer, SubscriptionId id, Position start, bool gap) override {
    subscribed.push_back({id, start.offset, gap});
    if (then) std::exchange(then, nullptr)(peer);
  }
  void on_replay_gap(PeerId, SubscriptionId, Position start) override {
    replay_gaps.push_back(start.offset);
  }
  void on_source_gap(PeerId peer, SubscriptionId, Position) override { gaps_told.push_back(peer); }
  void on_published(uint64_t, PublishResult result, Position) override {
    results.push_back(result);
  }
  uint32_t peer_generation(PeerId) const override { return 7; }

  struct Subscribed {
    SubscriptionId id;
    uint64_t start;
    bool gap;
  };
  testing::ScriptedSink sink;
  std::vector<Subscribed> subscribed;
  std::vector<uint64_t> replay_gaps;
  std::vector<PublishResult> results;
  std::vector<PeerId> gaps_told;
  std::function<void(PeerId)> then;
};

class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    limits.ring_bytes = 4096;
    limits.arena_bytes = 4096;
    limits.hot_from_subscribers = 2;
    limits.hot_until_ns = 10;
    limits.replay_window_bytes = 1000;
    hub = std::make_unique<Hub>(0, identity, limits, account, post, events);
    hub->fanout().add_encoding(&encoding);
    hub->fanout().add_encoding(&encoding);
    for (PeerId id = 0; id < 4; ++id) hub->fanout().open_peer(id);
  }
  ~HubTest() override {
    hub.reset();
    EXPECT_EQ(account.held(), 0);
  }

  // Everything that can move does.
  void settle() {
    for (bool is_moving = true; is_moving;) {
      is_moving = hub->flush(1);
      while (!lanes.requests[0].empty() && hub->on_request(lanes.requests[0].front(), now)) {
        lanes.requests[0].pop_front();
        is_moving = true;
      }
      while (!lanes.answers[0].empty() && hub->on_answer(lanes.answers[0].front())) {
        lanes.answers[0].pop_front();
        is_moving = true;
      }
      hub->check_invariants();
    }
  }
  SubscriptionId subscribe(PeerId peer, std::string_view channel,
                           std::optional<uint64_t> after = {}, EncodingId encoding_id = 0) {
    std::optional<Position> resume;
    if (after) resume = Position{identity.epoch, *after};
    return hub->subscribe(peer, channel, encoding_id, SlowReader::kDisconnect, resume);
  }
  void publish(std::string_view channel, std::string_view payload, uint64_t skip = kNobody) {
    MessagePtr message = MessagePtr::make(channel, payload);
    message->published_ns = now;
    message->skip = skip;
    ASSERT_TRUE(hub->publish(message, 1));
    settle();
  }
  std::string take(PeerId peer) { return std::exchange(events.sink.received[peer], {}); }
  size_t windows_asked() const {
    return static_cast<size_t>(
        std::count_if(lanes.requests[0].begin(), lanes.requests[0].end(),
                      [](const Mail& m) { return m.kind == MailKind::kReplay; }));
  }

  Identity identity{0xabc, {3, 4}, 1};
  Limits limits;
  base::MemoryBudget budget{1 << 30};
  base::MemoryAccount account{budget};
  Lanes lanes{1};
  LanePost post{lanes, 0, 1};
  PlainEncoding encoding;
  Events events;
  std::unique_ptr<Hub> hub;
  int64_t now = 1;
};

TEST_F(HubTest, ResumesFromTheLocalStreamOrElseFromTheOwner) {
  publish("news", "a");
  publish("news", "b");
  subscribe(0, "news", 1);
  settle();
  EXPECT_EQ(hub->counters().replay_windows, 1U);
  EXPECT_EQ(take(0), "[b]");
  publish("news", "c");
  publish("news", "d");
  subscribe(1, "news", 3);
  EXPECT_EQ(hub->counters().local_resumes, 1U);
  settle();
  EXPECT_EQ(take(1), "[d]");
  EXPECT_EQ(take(0), "[c][d]");
  EXPECT_EQ(events.subscribed.back().start, 3U);
}

TEST_F(HubTest, JoiningLeavingAndJoiningAgainBeforeTheAnswers) {
  const SubscriptionId first = subscribe(0, "news");
  hub->unsubscribe(first);
  hub->check_invariants();
  const SubscriptionId second = subscribe(0, "news");
  hub->check_invariants();
  EXPECT_TRUE(events.subscribed.empty());
  settle();
  ASSERT_EQ(events.subscribed.size(), 1U);
  EXPECT_EQ(events.subscribed[0].id, second);
  publish("news", "a");
  EXPECT_EQ(take(0), "[a]");
  hub->unsubscribe(second);
  settle();
  EXPECT_EQ(hub->channels(), 0U);
}

// Crowds that come to hundreds of channels, most of them for one, in two encodings or to watch, and
// leave before or after they were let in: nobody gets another channel's, or what came before.
TEST_F(HubTest, ManyChannelsComeAndGo) {
  std::mt19937 engine(3);
  const auto below = [&](uint32_t end) { return static_cast<uint32_t>(engine()) % end; };
  const auto name_of = [](uint32_t channel) { return "room-" + std::to_string(channel); };
  std::map<SubscriptionId, std::pair<uint32_t, PeerId>> here;
  std::map<PeerId, std::string> owed;
  for (int step = 0; step < 6000; ++step) {
    const bool is_growing = step / 1000 % 2 == 0;
    const uint32_t dice = below(100);
    const uint32_t channel = below(300);
    if (dice < (is_growing ? 60U : 15U)) {
      const PeerId peer = below(4);
      const SubscriptionId id =
          below(5) == 0 ? hub->watch(peer, name_of(channel))
                        : subscribe(peer, name_of(channel), {}, static_cast<EncodingId>(below(2)));
      here[id] = {channel,
                  hub->fanout().subscription(id).encoding == kNoEncoding ? kNoIndex : peer};
    } else if (dice < 80 && !here.empty()) {
      auto chosen = here.lower_bound(below(here.rbegin()->first + 1));
      hub->unsubscribe(chosen->first);
      here.erase(chosen);
    } else {
      hub->tick(now += 20);
      settle();  // all are let in
      publish(name_of(channel), std::to_string(channel));
      for (const auto& [id, place] : here)
        if (place.first == channel) owed[place.second] += "[" + std::to_string(channel) + "]";
      for (PeerId peer = 0; peer < 4; ++peer) ASSERT_EQ(take(peer), owed[peer]) << step;
      owed.clear();
    }
  }
  while (!here.empty()) hub->unsubscribe(here.extract(here.begin()).key());
  settle();
  hub->tick(now + limits.hot_until_ns);
  hub->tick(now + 2 * limits.hot_until_ns);
  hub->tick(now + limits.history_ns);
  settle();
  EXPECT_EQ(hub->channels(), 0U);
  EXPECT_EQ(hub->fanout().streams_live(), 0U);
  EXPECT_EQ(hub->fanout().subscriptions_live(), 0U);
  EXPECT_EQ(hub->owner().channels(), 0U);
}

// Both streams of the channel cool in one tick, and leaving the channel frees both.
TEST_F(HubTest, ATickThatCoolsTwoStreamsOfOneChannel) {
  for (PeerId peer = 0; peer < 4; ++peer) subscribe(peer, "news", {}, peer % 2);
  settle();
  EXPECT_EQ(hub->fanout().hot_streams(), 2U);
  for (PeerId peer = 0; peer < 4; ++peer) hub->close_peer(peer);
  settle();
  EXPECT_EQ(hub->channels(), 1U) << "a hot stream that cools keeps us in";
  hub->tick(100);
  hub->tick(200);
  settle();
  EXPECT_EQ(hub->fanout().streams_live(), 0U);
  EXPECT_EQ(hub->channels(), 0U);
}

TEST_F(HubTest, APeerThatDoesNotReadMakesUsHoldOneWindow) {
  const std::string payload(400, 'x');
  for (const char* channel : {"a", "b", "c", "d"})
    for (int i = 0; i < 8; ++i) publish(channel, payload);
  for (const char* channel : {"a", "b", "c", "d"}) subscribe(0, channel);
  settle();
  events.sink.takes[1] = 0;
  for (const char* channel : {"a", "b", "c", "d"}) subscribe(1, channel, 0);
  EXPECT_EQ(windows_asked(), 1U);
  settle();
  EXPECT_EQ(hub->counters().replay_windows, 1U);
  EXPECT_LE(hub->fanout().peer(1).own_bytes(), 3 * 402U);
  events.sink.takes.clear();
  hub->fanout().on_writable(1);
  settle();
  EXPECT_EQ(take(1).size(), 4 * 8 * 402U);
  EXPECT_EQ(hub->counters().replay_windows, 4 * 3U);
}

TEST_F(HubTest, LeavingOneReplayLetsTheNextOneGoOn) {
  for (const char* channel : {"a", "b"}) publish(channel, "x");
  for (const char* channel : {"a", "b"}) subscribe(0, channel);
  settle();
  const SubscriptionId first = subscribe(1, "a", 0);
  subscribe(1, "b", 0);
  hub->unsubscribe(first);
  settle();
  EXPECT_EQ(take(1), "[x]");
  publish("b", "y");
  EXPECT_EQ(take(1), "[y]");
}

TEST_F(HubTest, AReplaySkipsTheConnectionThatTheMessageNames) {
  publish("news", "a");
  publish("news", "typing", peer_name(0, 7, 2));
  publish("news", "b");
  subscribe(2, "news", 0);
  subscribe(3, "news", 0);
  settle();
  EXPECT_EQ(take(2), "[a][b]");
  EXPECT_EQ(take(3), "[a][typing][b]");
}

// The list of replays grows while a window is being handed over.
TEST_F(HubTest, SubscribingToMoreFromWithinOnSubscribed) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) names.push_back("channel-" + std::to_string(i));
  for (const std::string& name : names) {
    publish(name, name);
    subscribe(0, name);
  }
  settle();
  events.then = [&](PeerId peer) {
    for (size_t i = 1; i < names.size(); ++i) subscribe(peer, names[i], 0);
  };
  subscribe(1, names[0], 0);
  settle();
  std::string expected;
  for (const std::string& name : names) expected += "[" + name + "]";
  EXPECT_EQ(take(1), expected);
}

TEST_F(HubTest, AGapWhileReplayingIsTold) {
  limits.history_count = 4;
  Hub small(0, identity, limits, account, post, events);
  hub.reset();
  small.fanout().add_encoding(&encoding);
  small.fanout().open_peer(0);
  const auto run = [&] {
    for (bool is_moving = true; is_moving;) {
      is_moving = small.flush(1);
      for (const bool is_request : {true, false})
        for (auto& lane = lanes.lane(is_request, 0, 0, 1); !lane.empty();
             lane.pop_front(), is_moving = true)
          ASSERT_TRUE(is_request ? small.on_request(lane.front(), now)
                                 : small.on_answer(lane.front()));
    }
  };
  const auto publish_large = [&] {
    MessagePtr message = MessagePtr::make("news", std::string(600, 'x'));
    message->published_ns = now;
    ASSERT_TRUE(small.publish(message, 1));
    run();
  };
  for (int i = 0; i < 4; ++i) publish_large();
  events.sink.takes[0] = 10;
  small.subscribe(0, "news", 0, SlowReader::kDisconnect, Position{identity.epoch, 0});
  run();
  for (int i = 0; i < 4; ++i) publish_large();
  events.sink.takes.clear();
  small.fanout().on_writable(0);
  run();
  EXPECT_EQ(events.replay_gaps, std::vector<uint64_t>{4});
  EXPECT_EQ(take(0).size(), (2 + 4) * 602U);
}

// Found by the simulator: the notice overtook messages that were older than it.
TEST_F(HubTest, AGapComesBehindWhatCanBeSentAndTheBlockedMissWhatCannot) {
  const SubscriptionId blocked = subscribe(0, "news");
  subscribe(1, "news", {}, 1);
  settle();
  events.sink.takes[0] = 3;
  publish("news", "first");
  lanes.requests[0].clear();
  MessagePtr message = MessagePtr::make("news", "second");
  message->published_ns = now;
  ASSERT_TRUE(hub->publish(message, 1));
  ASSERT_TRUE(hub->on_request(lanes.requests[0].front(), now));
  lanes.requests[0].clear();
  for (Mail& mail : lanes.answers[0]) ASSERT_TRUE(hub->on_answer(mail));
  lanes.answers[0].clear();
  Mail gap;
  gap.kind = MailKind::kGap;
  gap.channel = hub->fanout().subscription(blocked).channel;
  gap.position = {identity.epoch, 2};
  EXPECT_FALSE(hub->on_answer(gap)) << "peer 1 can be sent the second message before";
  EXPECT_TRUE(events.gaps_told.empty());
  settle();
  EXPECT_EQ(take(1), "[first][second]");
  EXPECT_TRUE(hub->on_answer(gap));
  EXPECT_EQ(events.gaps_told.size(), 2U);
  events.sink.takes.clear();
  hub->fanout().on_writable(0);
  settle();
  EXPECT_EQ(take(0), "[first]") << "the rest of a frame is always sent";
  publish("news", "third");
  EXPECT_EQ(take(0), "[third]");
  EXPECT_EQ(take(1), "[third]");
}

// Found by the simulator: who joined while the broker was away stood in the hub's own numbers.
TEST_F(HubTest, AGapInAnotherNumberingBeginsWithItsOwnPlaces) {
  publish("other", "so that our numbers are ahead of theirs");
  const SubscriptionId id = subscribe(0, "news");
  settle();
  Mail gap;
  gap.kind = MailKind::kGap;
  gap.channel = hub->fanout().subscription(id).channel;
  gap.position = {kTimeEpoch, 0};
  ASSERT_TRUE(hub->on_answer(gap));
  hub->check_invariants();
  const StreamId stream = hub->fanout().subscription(id).stream;
  EXPECT_EQ(hub->fanout().stream(stream).base_offset, 0U);
}

TEST_F(HubTest, APublishWithoutRoomIsRefusedAndUntouched) {
  lanes.capacity = 0;
  MessagePtr message = MessagePtr::make("news", "a");
  EXPECT_FALSE(hub->publish(message, 1));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload(), "a");
}

}  // namespace
}  // namespace livehub::hub
