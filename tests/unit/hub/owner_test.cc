#include "hub/owner.h"

#include <gtest/gtest.h>

#include <set>

namespace livehub::hub {
namespace {

constexpr uint64_t kEpoch = 0xe90c;
constexpr ShardId kSelf = 1;

struct RecordingPost : Post {
  bool has_room(ShardId to, bool request_lane) const override {
    return request_lane || !full.contains(to);
  }
  void send_request(ShardId, Mail&&) override { ADD_FAILURE() << "an owner only answers"; }
  void send_answer(ShardId to, Mail&& mail) override { sent.emplace_back(to, std::move(mail)); }
  std::vector<std::pair<ShardId, Mail>> take() { return std::exchange(sent, {}); }
  std::set<ShardId> full;
  std::vector<std::pair<ShardId, Mail>> sent;
};

class OwnerTest : public ::testing::Test {
 protected:
  OwnerTest() {
    limits.history_count = 4;
    limits.history_bytes = 2000;
    limits.history_ns = 100;
    limits.push_wait_ns = 50;
    limits.replay_window_bytes = 250;
  }
  ~OwnerTest() override {
    owner.check_invariants();
    EXPECT_EQ(account.held(), static_cast<int64_t>(owner.history_bytes()));
  }

  static Mail publish_mail(std::string_view channel, std::string_view payload, int64_t now) {
    Mail mail;
    mail.kind = MailKind::kPublish;
    mail.from = 2;
    mail.token = 77;
    mail.message = MessagePtr::make(channel, payload);
    mail.message->published_ns = now;
    return mail;
  }
  // The offset it got; 0 if it was refused.
  uint64_t publish(std::string_view channel, std::string_view payload = "p", int64_t now = 1) {
    Mail mail = publish_mail(channel, payload, now);
    EXPECT_TRUE(owner.on_publish(mail, now));
    const auto& answer = post.sent.back();
    EXPECT_EQ(answer.first, 2);
    EXPECT_EQ(answer.second.kind, MailKind::kPublished);
    EXPECT_EQ(answer.second.token, 77U);
    owner.check_invariants();
    return answer.second.result == PublishResult::kAccepted ? answer.second.position.offset : 0;
  }
  static Mail channel_mail(MailKind kind, std::string_view channel, ShardId from, uint32_t local) {
    Mail mail;
    mail.kind = kind;
    mail.from = from;
    mail.channel = local;
    mail.cargo = std::make_unique<Cargo>();
    mail.cargo->channel = channel;
    return mail;
  }
  void join(std::string_view channel, ShardId from, uint32_t local) {
    owner.on_join(channel_mail(MailKind::kJoin, channel, from, local), 1);
  }
  void leave(std::string_view channel, ShardId from, uint32_t local) {
    owner.on_leave(channel_mail(MailKind::kLeave, channel, from, local));
  }
  Mail replay(std::string_view channel, Position after) {
    Mail mail = channel_mail(MailKind::kReplay, channel, 3, 0);
    mail.token = 5;
    mail.position = after;
    post.take();
    owner.on_replay(mail, 1);
    EXPECT_EQ(post.sent.size(), 1U);
    EXPECT_EQ(post.sent[0].first, 3);
    EXPECT_EQ(post.sent[0].second.token, 5U);
    return std::move(post.sent[0].second);
  }
  static std::vector<uint64_t> offsets(const Mail& window) {
    std::vector<uint64_t> found;
    for (const MessagePtr& message : window.cargo->messages)
      found.push_back(message->position.offset);
    return found;
  }
  using Offsets = std::vector<uint64_t>;

  Identity identity{kEpoch, {1, 2}, 4};
  Limits limits;
  base::MemoryBudget budget{1 << 20};
  base::MemoryAccount account{budget};
  RecordingPost post;
  Directory directory;
  Owner owner{kSelf, identity, limits, account, post, directory};
};

TEST_F(OwnerTest, NumbersGrowOverAllChannels) {
  EXPECT_EQ(publish("a"), 1U);
  EXPECT_EQ(publish("b"), 2U);
  EXPECT_EQ(publish("a"), 3U);
  EXPECT_EQ(owner.channels(), 2U);
}

TEST_F(OwnerTest, EveryMemberHasTheMessageBeforeThePublisherIsTold) {
  join("a", 0, 10);
  join("a", 3, 30);
  auto sent = post.take();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].second.kind, MailKind::kJoined);
  EXPECT_EQ(sent[1].second.channel, 30U);
  EXPECT_EQ(sent[1].second.position, (Position{kEpoch, 0}));
  publish("a", "hello");
  sent = post.take();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].first, 0);
  EXPECT_EQ(sent[0].second.channel, 10U);
  EXPECT_EQ(sent[1].first, 3);
  EXPECT_EQ(sent[1].second.message->payload(), "hello");
  EXPECT_EQ(sent[1].second.message->position, (Position{kEpoch, 1}));
  EXPECT_EQ(sent[2].second.kind, MailKind::kPublished);
  leave("a", 0, 10);
  publish("a");
  sent = post.take();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_EQ(sent[0].second.kind, MailKind::kLeft);
  EXPECT_EQ(sent[1].first, 3);
}

TEST_F(OwnerTest, APublishWaitsWhileAMembersLaneIsFullAndIsRefusedInTheEnd) {
  join("a", 0, 10);
  join("a", 3, 30);
  post.take();
  post.full = {3};
  Mail mail = publish_mail("a", "p", 100);
  EXPECT_FALSE(owner.on_publish(mail, 100));
  EXPECT_FALSE(owner.on_publish(mail, 150));
  ASSERT_TRUE(mail.message) << "untouched";
  EXPECT_EQ(mail.message->position, Position{});
  EXPECT_TRUE(post.sent.empty()) << "no member has it while one cannot";
  EXPECT_TRUE(owner.on_publish(mail, 151));
  ASSERT_EQ(post.sent.size(), 1U);
  EXPECT_EQ(post.sent[0].second.result, PublishResult::kBusy);
  EXPECT_EQ(owner.counters().refused_busy, 1U);
  EXPECT_EQ(publish("b"), 1U) << "others do not wait, and no number was used";
  post.full.clear();
  EXPECT_EQ(publish("a"), 2U);
}

TEST_F(OwnerTest, HistoryIsBoundedByCount) {
  for (int i = 0; i < 10; ++i) publish("a");
  EXPECT_EQ(owner.history_messages(), 4U);
  EXPECT_EQ(offsets(replay("a", {kEpoch, 6})), (Offsets{7, 8, 9, 10}));
  EXPECT_FALSE(replay("a", {kEpoch, 6}).cargo->gap);
  EXPECT_TRUE(replay("a", {kEpoch, 5}).cargo->gap);
}

TEST_F(OwnerTest, HistoryIsBoundedByBytes) {
  const std::string payload(700, 'x');
  for (int i = 0; i < 4; ++i) publish("a", payload);
  EXPECT_EQ(owner.history_messages(), 2U);
  EXPECT_LE(owner.history_bytes(), limits.history_bytes);
  publish("a", std::string(3000, 'y'));
  EXPECT_EQ(owner.history_messages(), 0U) << "one that cannot be kept ends what came before it";
  const Mail window = replay("a", {kEpoch, 4});
  EXPECT_TRUE(window.cargo->gap);
  EXPECT_TRUE(window.cargo->complete);
  EXPECT_EQ(window.position.offset, 5U);
}

TEST_F(OwnerTest, HistoryIsBoundedByAgeAndTheChannelForgottenWithIt) {
  publish("a", "p", 1);
  publish("a", "p", 60);
  publish("b", "p", 70);
  owner.expire(101);
  EXPECT_EQ(owner.history_messages(), 2U);
  EXPECT_EQ(owner.channels(), 2U);
  owner.expire(161);
  EXPECT_EQ(owner.channels(), 1U);
  owner.expire(171);
  EXPECT_EQ(owner.channels(), 0U);
  EXPECT_EQ(account.held(), 0);
}

TEST_F(OwnerTest, AMemberKeepsItsChannelWithoutHistory) {
  join("a", 0, 1);
  publish("a", "p", 1);
  owner.expire(1000);
  EXPECT_EQ(owner.channels(), 1U);
  EXPECT_EQ(owner.history_messages(), 0U);
  leave("a", 0, 1);
  EXPECT_EQ(owner.channels(), 0U);
}

TEST_F(OwnerTest, AForgottenChannelNeverReusesAPositionAndTellsTheGap) {
  publish("a", "p", 1);
  publish("a", "p", 1);
  owner.expire(1000);
  EXPECT_EQ(owner.channels(), 0U);
  EXPECT_TRUE(replay("a", {kEpoch, 1}).cargo->gap);
  EXPECT_FALSE(replay("a", {kEpoch, 2}).cargo->gap);
  EXPECT_EQ(publish("a", "p", 1000), 3U);
  EXPECT_TRUE(replay("a", {kEpoch, 1}).cargo->gap);
  const Mail window = replay("a", {kEpoch, 2});
  EXPECT_FALSE(window.cargo->gap);
  EXPECT_EQ(offsets(window), Offsets{3});
}

TEST_F(OwnerTest, ReplayComesInWindows) {
  limits.history_count = 100;
  for (int i = 0; i < 7; ++i) publish("a", std::string(100, 'x'));
  const Mail first = replay("a", {kEpoch, 0});
  EXPECT_EQ(offsets(first), (Offsets{1, 2, 3}));
  EXPECT_FALSE(first.cargo->complete);
  const Mail second = replay("a", {kEpoch, 3});
  EXPECT_FALSE(second.cargo->complete);
  const Mail third = replay("a", {kEpoch, 6});
  EXPECT_EQ(offsets(third), Offsets{7});
  EXPECT_TRUE(third.cargo->complete);
  EXPECT_TRUE(replay("a", {kEpoch, 4}).cargo->complete) << "a window that is just full";
}

TEST_F(OwnerTest, AnotherEpochIsAGapAndThenWhatIsKept) {
  publish("a");
  publish("a");
  const Mail window = replay("a", {kEpoch + 1, 1});
  EXPECT_TRUE(window.cargo->gap);
  EXPECT_EQ(window.position, (Position{kEpoch, 0}));
  EXPECT_EQ(offsets(window), (Offsets{1, 2}));
}

TEST_F(OwnerTest, APositionBeyondTheHeadStartsFromNow) {
  publish("a");
  const Mail window = replay("a", {kEpoch, 999});
  EXPECT_FALSE(window.cargo->gap);
  EXPECT_EQ(window.position, (Position{kEpoch, 1}));
  EXPECT_TRUE(window.cargo->messages.empty());
  EXPECT_TRUE(window.cargo->complete);
}

TEST_F(OwnerTest, AnUnknownChannelHasNothingToReplay) {
  const Mail window = replay("nobody", {kEpoch, 0});
  EXPECT_FALSE(window.cargo->gap);
  EXPECT_TRUE(window.cargo->complete);
  EXPECT_EQ(owner.channels(), 0U) << "asking makes no channel";
}

TEST_F(OwnerTest, KeepsNoHistoryWhenTheMemoryBudgetIsUsedUp) {
  publish("a");
  base::MemoryAccount other(budget);
  other.charge(2 << 20);
  publish("a");
  EXPECT_EQ(owner.history_messages(), 0U);
  EXPECT_TRUE(replay("a", {kEpoch, 0}).cargo->gap);
}

// Else what is only kept in case would have new messages refused until it is too old.
TEST_F(OwnerTest, HistoryGivesWayBeforeTheMemoryBudgetIsUsedUp) {
  base::MemoryAccount other(budget);
  other.charge((1 << 20) - (1 << 17));
  const std::string large(1000, 'x');
  publish("a", large);
  publish("a", "small");
  other.charge(1 << 16);  // tight from here on
  const uint64_t third = publish("a", large);
  EXPECT_EQ(owner.history_messages(), 2U) << "the oldest made room for as much";
  publish("a", "small");
  publish("b", "small");
  EXPECT_EQ(owner.history_messages(), 2U) << "a newcomer has nothing to give";
  EXPECT_TRUE(replay("a", {kEpoch, third}).cargo->complete);
  EXPECT_FALSE(replay("a", {kEpoch, third}).cargo->gap);
}

TEST_F(OwnerTest, ASlotWithANewTenantIsNotExpiredEarly) {
  publish("a", "p", 1);
  base::MemoryAccount other(budget);
  other.charge(2 << 20);
  publish("a", "p", 2);  // dropped, and the channel with it; its expiry entry stays behind
  EXPECT_EQ(owner.channels(), 0U);
  other.release(2 << 20);
  publish("b", "p", 50);
  owner.expire(120);
  EXPECT_EQ(owner.history_messages(), 1U);
  owner.expire(150);
  EXPECT_EQ(owner.channels(), 0U);
}

}  // namespace
}  // namespace livehub::hub
