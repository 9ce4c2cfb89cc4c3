// What a request is answered with holds: an answer on its way survives a drain, who is told that a
// publish was refused may send it again, since nobody got it, and nobody is answered that he is too
// slow because the shard was.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim_shard.h"

namespace livehub::sim {
namespace {

constexpr size_t kLongAnswer = 5000;

// GET /feed listens, POST /say publishes its body, anything else has a long answer.
class Plain : public Profile {
 public:
  Route route(const Request& request) override {
    if (request.path() == "/feed") return Route::sse({});
    if (request.path() == "/say") return Route::read_body(100, {.status = 413});
    return Route::answer({.status = 200, .body = std::string(kLongAnswer, 'a')});
  }
  void on_open(Session session, const Request&) override { session.subscribe({.channel = "feed"}); }
  void on_body(Exchange exchange, const Request&, std::string_view line) override {
    exchange.publish("feed", line);
  }
  void on_published(Exchange exchange, PublishResult result, std::string_view) override {
    exchange.reply({.status = result == PublishResult::kAccepted ? 204 : 503});
  }
};

// Two requests to a shard's owner fill the lane; who waits for room waits 20 ms at most.
EngineSetup setup() {
  EngineSetup setup;
  setup.limits.push_wait_ns = 20'000'000;
  setup.lanes.requests = 2;
  return setup;
}

class AnswersTest : public SimShardTest {
 protected:
  AnswersTest() : SimShardTest(setup(), [](const auto&) { return std::make_unique<Plain>(); }) {}

  // And what becomes of it that the client has read.
  std::string read(io::SimLink& client) {
    std::string heard = hear(client);
    settle();
    return heard;
  }
};

TEST_F(AnswersTest, AnAnswerOnItsWayIsFinishedInADrain) {
  const io::SimLinkPtr slow = connect("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 700);
  settle();
  std::string answer = read(*slow);
  ASSERT_TRUE(answer.starts_with("HTTP/1.1 200"));
  ASSERT_LT(answer.size(), kLongAnswer);
  engine_.begin_drain();
  for (int i = 0; i < 20; ++i) {
    kernel_.advance(50'000'000);
    settle();
    answer += read(*slow);
  }
  ASSERT_FALSE(io::SimKernel::is_broken(*slow));
  EXPECT_TRUE(io::SimKernel::is_at_end(*slow));
  EXPECT_TRUE(answer.ends_with(std::string(kLongAnswer, 'a')));
}

TEST_F(AnswersTest, APublishThatIsToldToBeRefusedReachesNobody) {
  const io::SimLinkPtr listener = connect("GET /feed HTTP/1.1\r\nHost: h\r\n\r\n");
  settle();
  (void)read(*listener);
  std::vector<io::SimLinkPtr> pushers;
  for (int i = 0; i < 5; ++i)
    pushers.push_back(
        connect("POST /say HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nm" + std::to_string(i)));
  // Two are in the lane and three wait for it; then the shard stands still for a while.
  engine_.turn(0);
  kernel_.advance(30'000'000);
  settle();
  const std::string heard = read(*listener);
  int refused = 0;
  for (int i = 0; i < 5; ++i) {
    const bool is_refused = read(*pushers[i]).starts_with("HTTP/1.1 503");
    refused += is_refused;
    EXPECT_EQ(heard.find("m" + std::to_string(i)) == std::string::npos, is_refused) << heard;
  }
  EXPECT_GE(refused, 1);
}

TEST_F(AnswersTest, WhoComesAfterAFreezeHasHisWholeTime) {
  settle();
  kernel_.advance(12'000'000'000);  // a head may take 10 s
  const io::SimLinkPtr newcomer = connect("GET / HTTP/1.1\r\n");
  settle();
  kernel_.advance(8'000'000'000);
  settle();
  say(*newcomer, "Host: h\r\n\r\n");
  settle();
  EXPECT_TRUE(read(*newcomer).starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace livehub::sim
