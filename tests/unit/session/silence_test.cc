// A client is silent only if all that came is read: on a shard that cannot keep up, answers lie
// unread.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim_shard.h"

namespace livehub::sim {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
const std::string kPing("\x89\0", 2);
const std::string kPong("\x8a\x80\0\0\0\0", 6);  // masked with 0

class Quiet : public Profile {
 public:
  Route route(const Request& request) override {
    return request.is_websocket() ? Route::websocket({}) : Route::answer({.status = 204});
  }
  void on_open(Session session, const Request&) override { session.open_now(); }
};

EngineSetup slow_setup() {
  EngineSetup setup;
  setup.options.ping_seconds = 25;
  setup.options.pong_seconds = 15;
  setup.io.receives_per_turn = 1;  // of all that wait, one client's bytes a turn
  return setup;
}

// Of all that has to leave, one send a turn.
EngineSetup slow_sender_setup() {
  EngineSetup setup = slow_setup();
  setup.io.receives_per_turn = 256;
  setup.limits.sends_per_flush = 1;
  return setup;
}

class SilenceTest : public SimShardTest {
 protected:
  explicit SilenceTest(const EngineSetup& setup = slow_setup())
      : SimShardTest(setup, [](const auto&) { return std::make_unique<Quiet>(); }) {}

  std::vector<io::SimLinkPtr> clients_;

  void connect_all(int count, std::string_view says) {
    for (int i = 0; i < count; ++i) clients_.push_back(connect(says));
    settle();
  }
  void pass_seconds(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      kernel_.advance(kSecondNs);
      settle();
    }
  }
  // A shard that others leave little of its processor: one turn, one client's bytes, in 150 ms.
  void crawl(int turns) {
    for (int i = 0; i < turns; ++i) {
      kernel_.advance(150'000'000);
      engine_.turn(0);
    }
  }
  int open() const {
    int count = 0;
    for (const auto& client : clients_) count += !client->is_server_closed;
    return count;
  }
  // How many were pinged since the last look.
  int pinged() {
    int count = 0;
    for (const auto& client : clients_) count += hear(*client) == kPing;
    return count;
  }
};

TEST_F(SilenceTest, AnAnswerThatLiesUnreadIsNoSilence) {
  connect_all(40, kWsUpgrade);
  for (const auto& client : clients_) EXPECT_TRUE(hear(*client).starts_with("HTTP/1.1 101"));
  pass_seconds(26);
  ASSERT_EQ(pinged(), 40);
  pass_seconds(13);
  for (const auto& client : clients_) say(*client, kPong);  // in time
  crawl(60);
  pass_seconds(5);
  EXPECT_EQ(open(), 40);
  EXPECT_EQ(engine_.front(0).counters().dead_peers, 0u);
}

TEST_F(SilenceTest, WhoDoesNotAnswerIsGoneOnceAllIsRead) {
  connect_all(40, kWsUpgrade);
  for (const auto& client : clients_) (void)hear(*client);
  pass_seconds(26);
  ASSERT_EQ(pinged(), 40);
  pass_seconds(13);
  for (size_t i = 0; i < 38; ++i) say(*clients_[i], kPong);
  crawl(60);
  pass_seconds(5);
  EXPECT_EQ(open(), 38);
  EXPECT_EQ(engine_.front(0).counters().dead_peers, 2u);
}

// Two that never stop keep the shard from ever reading all, and from no verdict.
TEST_F(SilenceTest, InAFloodWhoAnswersStaysAndWhoDoesNotIsGone) {
  connect_all(40, kWsUpgrade);
  for (const auto& client : clients_) (void)hear(*client);
  for (int turn = 0; turn < 600; ++turn) {
    say(*clients_[0], kPong);
    say(*clients_[1], kPong);
    for (size_t i = 2; i < 38; ++i)
      if (hear(*clients_[i]) == kPing) say(*clients_[i], kPong);
    crawl(1);
  }
  EXPECT_EQ(open(), 38);
  EXPECT_EQ(engine_.front(0).counters().dead_peers, 2u);
}

class SlowSenderTest : public SilenceTest {
 protected:
  SlowSenderTest() : SilenceTest(slow_sender_setup()) {}
};

TEST_F(SlowSenderTest, TheTimeForAnAnswerBeginsWhenTheQuestionHasLeft) {
  connect_all(120, kWsUpgrade);
  for (const auto& client : clients_) (void)hear(*client);
  pass_seconds(24);
  std::vector<int64_t> answer_at(clients_.size(), 0);
  for (int turn = 0; turn < 300; ++turn) {
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (hear(*clients_[i]) == kPing) answer_at[i] = kernel_.now_ns() + 13 * kSecondNs;
      if (answer_at[i] == 0 || kernel_.now_ns() < answer_at[i]) continue;
      say(*clients_[i], kPong);
      answer_at[i] = 0;
    }
    crawl(1);
  }
  EXPECT_EQ(open(), 120);
  EXPECT_EQ(engine_.front(0).counters().dead_peers, 0u);
}

TEST_F(SilenceTest, ARequestThatLiesUnreadIsNotSlow) {
  connect_all(40, "GET / HTTP/1.1\r\nHost: h\r\n");
  pass_seconds(9);
  for (const auto& client : clients_) say(*client, "\r\n");  // in time
  crawl(60);
  for (const auto& client : clients_) EXPECT_TRUE(hear(*client).starts_with("HTTP/1.1 204"));
  EXPECT_EQ(engine_.front(0).counters().slow_heads, 0u);
}

}  // namespace
}  // namespace livehub::sim
