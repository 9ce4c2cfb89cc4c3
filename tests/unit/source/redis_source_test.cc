// Commands, their limits and the end, against a real redis-server.
#include "redis_test_util.h"
#include "source/redis_outbox.h"

namespace livehub::source {
namespace {

using namespace redis_test;

TEST(RedisSource, RefusesWrongSettingsWithASentence) {
  std::string error;
  RedisOptions options;
  options.url = "https://x.upstash.io";
  EXPECT_EQ(RedisSource::make(options, {}, {}, error), nullptr);
  EXPECT_NE(error.find("rediss://"), std::string::npos);
  options.url = "rediss://:very-secret@h";
  options.ca_file = "/nowhere/ca.pem";
  EXPECT_EQ(RedisSource::make(options, {}, {}, error), nullptr);
  EXPECT_NE(error.find("REDIS_CA_CERT"), std::string::npos);
  EXPECT_EQ(error.find("very-secret"), std::string::npos);
}

TEST(RedisSource, AnswersCommandsFromManyThreadsEachItsOwn) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up());
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string text = std::to_string(t) + "/" + std::to_string(i);
        if (hub.run({"ECHO", text}) == text) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 2000);
  EXPECT_EQ(hub.run({"NOSUCH"}).find("error: ERR unknown command"), 0u);
}

TEST(RedisSource, TakesOnlySoManyCommandsAndAnswersEachOnce) {
  RedisServer server;
  auto options = quick_options(server.url());
  options.commands_max = 10;
  options.silence_ms = 60'000;
  std::atomic<int> answered{0};
  std::string error;
  FakeInlet inlet;
  const auto source = RedisSource::make(options, {}, {}, error);
  ASSERT_EQ(source->start(inlet), "");
  ASSERT_TRUE(eventually([&] { return source->links()[0].is_up; }));
  server.freeze();
  int taken = 0;
  for (int i = 0; i < 25; ++i)
    if (source->command({"PING"}, [&](const RedisReply&) { ++answered; })) ++taken;
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(source->links()[0].failures, 15U);
  server.thaw();
  ASSERT_TRUE(eventually([&] { return answered.load() == 10; }));
  EXPECT_TRUE(source->command({"PING"}, [&](const RedisReply&) { ++answered; }));
  ASSERT_TRUE(eventually([&] { return answered.load() == 11; }));
  server.freeze();
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(source->command({"PING"}, [&](const RedisReply& reply) {
      if (reply.is_local) ++answered;
    }));
  source->stop();
  EXPECT_EQ(answered.load(), 16);
  EXPECT_FALSE(source->command({"PING"}, [&](const RedisReply&) { ++answered; }));
  source->stop();
  EXPECT_EQ(answered.load(), 16);
}

TEST(RedisSource, StopsBeforeItWasStarted) {
  std::string error;
  RedisOptions options;
  options.url = "redis://h";
  const auto source = RedisSource::make(options, {}, {}, error);
  EXPECT_TRUE(source->links().empty());
  EXPECT_FALSE(source->command({"PING"}, {}));
  source->want("x");
  source->stop();
}

TEST(RedisSource, PositionsAreEntryIds) {
  EXPECT_EQ(redis_id(*redis_position("1763034564622-0")), "1763034564622-0");
  EXPECT_EQ(redis_id(*redis_position("1763034564622-4194303")), "1763034564622-4194303");
  EXPECT_LT(redis_position("5-9")->offset, redis_position("6-0")->offset);
  for (const char* text : {"", "5", "5-", "-5", "5-x", "x-5", "5-5-5", " 5-5", "5-4194304",
                           "4398046511104-0", "99999999999999999999-0"})
    EXPECT_EQ(redis_position(text), std::nullopt) << text;
}

TEST(RedisOutbox, KeepsOrderWhileTheHubIsFull) {
  FakeInlet inlet;
  RedisOutbox outbox(inlet);
  inlet.set_full(true);
  outbox.publish("a", "1", "", {});
  outbox.tell_gap("a");
  outbox.publish("a", "2", "", {});
  outbox.confirm("b");
  EXPECT_TRUE(outbox.is_blocked());
  EXPECT_TRUE(inlet.lines().empty());
  outbox.flush();
  EXPECT_TRUE(inlet.lines().empty());
  inlet.set_full(false);
  outbox.flush();
  EXPECT_FALSE(outbox.is_blocked());
  EXPECT_EQ(inlet.lines(),
            (std::vector<std::string>{"publish a 1", "gap a", "publish a 2", "confirm b"}));
}

}  // namespace
}  // namespace livehub::source
