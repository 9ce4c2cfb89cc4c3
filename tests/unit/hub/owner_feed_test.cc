// Channels that a broker feeds: who waits, what is handed out, what a gap does, what is fetched.
#include <gtest/gtest.h>

#include "hub/owner.h"

namespace livehub::hub {
namespace {

constexpr uint64_t kEpoch = 0xe90c;
constexpr ShardId kSelf = 1;

struct FakeFeed : Feed {
  bool feeds(std::string_view channel) const override { return channel.starts_with("fed"); }
  void want(std::string_view channel) override { said.push_back("want " + std::string(channel)); }
  void unwant(std::string_view channel) override {
    said.push_back("unwant " + std::string(channel));
  }
  int64_t wait_ns() const override { return 100; }
  void fetch(std::string_view channel, Position after, Position until, size_t,
             uint64_t token) override {
    said.push_back("fetch " + std::string(channel) + " " + std::to_string(after.offset) + " " +
                   std::to_string(until.offset));
    tokens.push_back(token);
  }
  std::vector<std::string> said;
  std::vector<uint64_t> tokens;
};

struct RecordingPost : Post {
  bool has_room(ShardId, bool) const override { return has_room_; }
  void send_request(ShardId, Mail&&) override { ADD_FAILURE() << "an owner only answers"; }
  void send_answer(ShardId to, Mail&& mail) override { sent.emplace_back(to, std::move(mail)); }
  bool has_room_ = true;
  std::vector<std::pair<ShardId, Mail>> sent;
};

class OwnerFeedTest : public ::testing::Test {
 protected:
  OwnerFeedTest() { identity.feeds.push_back(&feed); }
  ~OwnerFeedTest() override { owner.check_invariants(); }

  static Mail named(MailKind kind, std::string_view channel, Position position = {}) {
    Mail mail;
    mail.kind = kind;
    mail.from = 3;
    mail.channel = 7;
    mail.position = position;
    mail.cargo = std::make_unique<Cargo>();
    mail.cargo->channel = channel;
    return mail;
  }
  void join(std::string_view channel = "fed", int64_t now_ns = 1) {
    owner.on_join(named(MailKind::kJoin, channel), now_ns);
  }
  bool feed_message(std::string_view channel, std::string_view payload, Position position = {}) {
    Mail mail;
    mail.kind = MailKind::kFeed;
    mail.message = MessagePtr::make(channel, payload, "event");
    mail.message->position = position;
    mail.message->published_ns = 1;
    const bool is_taken = owner.on_feed(mail, 1);
    owner.check_invariants();
    return is_taken;
  }
  Mail replay(Position after, int64_t now_ns = 1) {
    Mail mail = named(MailKind::kReplay, "fed", after);
    mail.token = 5;
    post.sent.clear();
    owner.on_replay(mail, now_ns);
    if (post.sent.empty()) return {};
    EXPECT_EQ(post.sent.size(), 1U);
    return std::move(post.sent[0].second);
  }
  std::vector<MailKind> kinds() {
    std::vector<MailKind> found;
    for (const auto& [to, mail] : post.sent) found.push_back(mail.kind);
    return found;
  }
  using Kinds = std::vector<MailKind>;
  using Said = std::vector<std::string>;

  FakeFeed feed;
  Identity identity{kEpoch, {1, 2}, 4};
  Limits limits;
  base::MemoryBudget budget{1 << 30};
  base::MemoryAccount account{budget};
  RecordingPost post;
  Directory directory;
  Owner owner{kSelf, identity, limits, account, post, directory};
};

constexpr Position at(uint64_t offset) { return {kTimeEpoch, offset}; }

TEST_F(OwnerFeedTest, JoinsWaitForTheBrokerAndComeBehindItsAnswer) {
  join();
  join();
  EXPECT_EQ(feed.said, Said{"want fed"});
  EXPECT_TRUE(post.sent.empty());
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));
  EXPECT_EQ(kinds(), (Kinds{MailKind::kJoined, MailKind::kJoined}));
  EXPECT_EQ(post.sent[0].second.position.epoch, kEpoch);
  EXPECT_EQ(post.sent[0].second.channel, 7U);
}

TEST_F(OwnerFeedTest, OtherChannelsDoNotWait) {
  join("plain");
  EXPECT_EQ(kinds(), Kinds{MailKind::kJoined});
  EXPECT_TRUE(feed.said.empty());
}

TEST_F(OwnerFeedTest, WithoutAnAnswerTheyGoOnAfterAWhileAndAreToldWhenItComes) {
  join("fed", 1000);
  EXPECT_EQ(owner.next_release_ns(), 1100);
  owner.release_late(1099);
  EXPECT_TRUE(post.sent.empty());
  owner.release_late(1100);
  EXPECT_EQ(kinds(), Kinds{MailKind::kJoined});
  join("fed", 1200);  // the broker is known to be away: no waiting
  EXPECT_EQ(kinds(), (Kinds{MailKind::kJoined, MailKind::kJoined}));
  post.sent.clear();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(50)));
  EXPECT_EQ(kinds(), (Kinds{MailKind::kGap, MailKind::kGap}));
  EXPECT_EQ(post.sent[0].second.position, at(50));
}

// Found by the simulator: everybody left and somebody came while the first answer was on its way.
TEST_F(OwnerFeedTest, AnAnswerToAnEarlierWishIsMadeGoodByTheNextOne) {
  for (const bool is_numbered : {true, false}) {
    const auto ready = [&](uint64_t offset) {
      post.sent.clear();
      const Position head = is_numbered ? at(offset) : Position();
      owner.on_feed_ready(named(MailKind::kFeedReady, "fed", head));
      return kinds();
    };
    join();
    owner.on_leave(named(MailKind::kLeave, "fed"));
    join();
    EXPECT_EQ(ready(50), Kinds{MailKind::kJoined}) << "which wish it answers cannot be seen";
    EXPECT_EQ(ready(53), Kinds{MailKind::kGap}) << "51 to 53 passed us by";
    if (is_numbered) {
      EXPECT_EQ(post.sent[0].second.position, at(53));
      EXPECT_EQ(ready(53), Kinds{}) << "nothing did";
    }
    owner.on_leave(named(MailKind::kLeave, "fed"));
  }
}

TEST_F(OwnerFeedTest, ARefusalLetsThemThroughAtOnce) {
  join();
  owner.on_feed_refused(named(MailKind::kFeedRefused, "fed"));
  EXPECT_EQ(kinds(), Kinds{MailKind::kJoined});
}

TEST_F(OwnerFeedTest, WhoLeavesWhileWaitingGetsBothAnswersAndTheFeedIsTold) {
  join();
  owner.on_leave(named(MailKind::kLeave, "fed"));
  EXPECT_EQ(kinds(), (Kinds{MailKind::kJoined, MailKind::kLeft}));
  EXPECT_EQ(feed.said, (Said{"want fed", "unwant fed"}));
  EXPECT_EQ(owner.channels(), 0U);
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));  // too late, and harmless
  EXPECT_TRUE(feed_message("fed", "late"));
  EXPECT_EQ(owner.counters().fed_in_vain, 1U);
}

TEST_F(OwnerFeedTest, NumberedMessagesKeepTheirPlacesAndRepeatsAreDropped) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(post.sent[0].second.position, at(10));
  post.sent.clear();
  EXPECT_TRUE(feed_message("fed", "a", at(11)));
  EXPECT_TRUE(feed_message("fed", "a", at(11)));
  EXPECT_TRUE(feed_message("fed", "b", at(20)));
  ASSERT_EQ(kinds(), (Kinds{MailKind::kLive, MailKind::kLive}));
  EXPECT_EQ(post.sent[1].second.message->position, at(20));
  EXPECT_EQ(post.sent[1].second.message->event(), "event");
  EXPECT_EQ(owner.counters().fed_again, 1U);
  EXPECT_EQ(replay(at(11)).cargo->messages.size(), 1U);
}

TEST_F(OwnerFeedTest, WithoutRoomTheMessageStaysWithTheFeed) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));
  post.has_room_ = false;
  EXPECT_FALSE(feed_message("fed", "a"));
  post.has_room_ = true;
  EXPECT_TRUE(feed_message("fed", "a"));
}

TEST_F(OwnerFeedTest, AGapIsToldToAllAndToWhoComesBackFromBefore) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_TRUE(feed_message("fed", "a", at(11)));
  post.sent.clear();
  owner.on_feed_gap(named(MailKind::kFeedGap, "fed", at(30)));
  ASSERT_EQ(kinds(), Kinds{MailKind::kGap});
  EXPECT_EQ(post.sent[0].second.position, at(30));
  EXPECT_FALSE(replay(at(30)).cargo->gap);
  EXPECT_EQ(replay(at(11)).kind, MailKind::kLive);  // none: the feed is asked
  EXPECT_EQ(feed.said.back(), "fetch fed 11 30");
}

TEST_F(OwnerFeedTest, AGapInAnUnnumberedChannelTakesAPlaceOfItsOwn) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));
  EXPECT_TRUE(feed_message("fed", "a"));
  const Position before = post.sent.back().second.message->position;
  owner.on_feed_gap(named(MailKind::kFeedGap, "fed"));
  EXPECT_GT(post.sent.back().second.position.offset, before.offset);
  EXPECT_TRUE(replay(before).cargo->gap);
}

TEST_F(OwnerFeedTest, WhatIsOlderThanOurMemoryIsFetched) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(100)));
  EXPECT_TRUE(feed_message("fed", "new", at(101)));
  post.sent.clear();
  Mail ask = named(MailKind::kReplay, "fed", at(40));
  ask.token = 5;
  owner.on_replay(ask, 1);
  EXPECT_TRUE(post.sent.empty());
  ASSERT_EQ(feed.said.back(), "fetch fed 40 100");
  Mail fetched;
  fetched.kind = MailKind::kFetched;
  fetched.token = feed.tokens.back();
  fetched.cargo = std::make_unique<Cargo>();
  for (const uint64_t offset : {40, 50, 60, 101}) {  // the first and the last were not asked for
    fetched.cargo->messages.push_back(MessagePtr::make({}, "old"));
    fetched.cargo->messages.back()->position = at(offset);
  }
  owner.on_fetched(fetched);
  ASSERT_EQ(kinds(), Kinds{MailKind::kWindow});
  const Mail& window = post.sent[0].second;
  EXPECT_EQ(post.sent[0].first, 3);
  EXPECT_EQ(window.token, 5U);
  EXPECT_EQ(window.position, at(40));
  EXPECT_EQ(window.cargo->messages.size(), 2U);
  EXPECT_FALSE(window.cargo->complete);
  EXPECT_EQ(window.cargo->next, at(60));
}

TEST_F(OwnerFeedTest, AFetchThatFindsNothingGoesOnWhereOurMemoryBegins) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(100)));
  Mail ask = named(MailKind::kReplay, "fed", at(40));
  owner.on_replay(ask, 1);
  post.sent.clear();
  Mail fetched;
  fetched.token = feed.tokens.back();
  fetched.cargo = std::make_unique<Cargo>();
  fetched.cargo->gap = true;
  owner.on_fetched(fetched);
  const Mail& window = post.sent.at(0).second;
  EXPECT_TRUE(window.cargo->gap);
  EXPECT_EQ(window.position, at(100));
  EXPECT_EQ(window.cargo->next, at(100));
  EXPECT_TRUE(replay(at(100)).cargo->complete);
}

// Another machine had read further: what follows there is on its way to us too.
TEST_F(OwnerFeedTest, WhoIsAheadOfUsWaitsAndGetsNothingTwice) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(replay(at(12)).cargo, nullptr);
  EXPECT_EQ(owner.counters().held_replays, 1U);
  EXPECT_TRUE(feed_message("fed", "seen", at(11)));
  ASSERT_EQ(kinds(), Kinds{MailKind::kLive});
  EXPECT_TRUE(feed_message("fed", "seen too", at(12)));
  ASSERT_EQ(kinds(), (Kinds{MailKind::kLive, MailKind::kLive, MailKind::kWindow}));
  const Mail& window = post.sent[2].second;
  EXPECT_EQ(post.sent[2].first, 3);
  EXPECT_EQ(window.token, 5U);
  EXPECT_EQ(window.position, at(12));
  EXPECT_FALSE(window.cargo->gap);
  EXPECT_TRUE(window.cargo->complete);
  EXPECT_TRUE(window.cargo->messages.empty());
}

TEST_F(OwnerFeedTest, WhatComesBehindTheWaitedForPlaceIsInTheWindow) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(replay(at(12)).cargo, nullptr);
  EXPECT_TRUE(feed_message("fed", "new", at(14)));  // 12 was none of the hub's
  ASSERT_EQ(kinds(), (Kinds{MailKind::kLive, MailKind::kWindow}));
  ASSERT_EQ(post.sent[1].second.cargo->messages.size(), 1U);
  EXPECT_EQ(post.sent[1].second.cargo->messages[0]->payload(), "new");
  EXPECT_TRUE(feed_message("fed", "more", at(15)));
  EXPECT_EQ(kinds().back(), MailKind::kLive);  // answered once
}

TEST_F(OwnerFeedTest, WhatNeverComesIsToldAsAGapAfterAWhile) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(replay(at(99), 1000).cargo, nullptr);
  EXPECT_EQ(replay(at(12), 1050).cargo, nullptr);
  EXPECT_LE(owner.next_release_ns(), 1100);
  owner.release_late(1099);
  EXPECT_TRUE(post.sent.empty());
  owner.release_late(1100);
  ASSERT_EQ(kinds(), Kinds{MailKind::kWindow});
  EXPECT_TRUE(post.sent[0].second.cargo->gap);
  EXPECT_TRUE(post.sent[0].second.cargo->complete);
  EXPECT_EQ(post.sent[0].second.position, at(10));
  EXPECT_TRUE(feed_message("fed", "a", at(12)));  // the other one need wait no longer
  EXPECT_EQ(kinds(), (Kinds{MailKind::kWindow, MailKind::kLive, MailKind::kWindow}));
  EXPECT_FALSE(post.sent[2].second.cargo->gap);
  owner.release_late(2000);
  EXPECT_EQ(post.sent.size(), 3U);
}

TEST_F(OwnerFeedTest, AGapThatPassesTheWaitedForPlaceAnswersIt) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(replay(at(20)).cargo, nullptr);
  owner.on_feed_gap(named(MailKind::kFeedGap, "fed", at(20)));
  ASSERT_EQ(kinds(), (Kinds{MailKind::kGap, MailKind::kWindow}));
  EXPECT_FALSE(post.sent[1].second.cargo->gap);
  EXPECT_EQ(post.sent[1].second.position, at(20));
}

TEST_F(OwnerFeedTest, WhoeverWaitedAndLeftIsForgottenWithTheChannel) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(10)));
  EXPECT_EQ(replay(at(12), 1000).cargo, nullptr);
  owner.on_leave(named(MailKind::kLeave, "fed"));
  EXPECT_EQ(owner.channels(), 0U);
  post.sent.clear();
  join("fed", 1001);
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(11)));
  EXPECT_TRUE(feed_message("fed", "a", at(12)));
  owner.release_late(5000);
  EXPECT_EQ(kinds(), (Kinds{MailKind::kJoined, MailKind::kLive}));
}

TEST_F(OwnerFeedTest, NobodyElseMayPublishWhereTheBrokerNumbers) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed", at(1)));
  Mail mail;
  mail.kind = MailKind::kPublish;
  mail.message = MessagePtr::make("fed", "p");
  EXPECT_TRUE(owner.on_publish(mail, 1));
  EXPECT_EQ(post.sent.back().second.result, PublishResult::kBusy);
}

TEST_F(OwnerFeedTest, ASecondWantBeginsAnewBehindAHole) {
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));
  EXPECT_TRUE(feed_message("fed", "a"));
  const Position seen = {kEpoch, post.sent.back().second.message->position.offset - 1};
  owner.on_leave(named(MailKind::kLeave, "fed"));
  join();
  owner.on_feed_ready(named(MailKind::kFeedReady, "fed"));
  EXPECT_TRUE(replay(seen).cargo->gap);
  EXPECT_EQ(feed.said, (Said{"want fed", "unwant fed", "want fed"}));
}

}  // namespace
}  // namespace livehub::hub
