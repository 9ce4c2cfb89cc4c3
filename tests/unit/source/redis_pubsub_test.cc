// Pub/sub against a real redis-server.
#include <algorithm>

#include "redis_test_util.h"
#include "source/redis_echoes.h"

namespace livehub::source {
namespace {

using namespace redis_test;

TEST(RedisPubSub, ConfirmsThenDelivers) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  TestSource other(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up() && other.becomes_up());
  EXPECT_TRUE(hub.source->feeds("room:1"));
  EXPECT_FALSE(hub.source->feeds("elsewhere"));
  EXPECT_FALSE(other.source->feeds("room:1"));
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  EXPECT_EQ(other.run({"PUBLISH", "chat:1", "hello"}), "1");
  EXPECT_EQ(other.run({"PUBLISH", "chat:2", "to nobody"}), "0");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 hello"); }));
  hub.source->unwant("room:1");
  ASSERT_TRUE(eventually([&] { return other.run({"PUBLISH", "chat:1", "late"}) == "0"; }));
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("confirm room:1") == 2; }));
  EXPECT_EQ(other.run({"PUBLISH", "chat:1", "again"}), "1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 again"); }));
  EXPECT_EQ(hub.inlet.count("gap"), 0u);
}

TEST(RedisPubSub, KeepsOrderThroughWishesThatChangeTheirMind) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  TestSource other(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up() && other.becomes_up());
  for (int round = 0; round < 200; ++round) {
    hub.source->want("room:x");
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    hub.source->unwant("room:x");
  }
  hub.source->want("room:x");
  ASSERT_TRUE(eventually([&] { return other.run({"PUBLISH", "chat:x", "probe"}) == "1"; }));
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:x probe"); }));
  const auto lines = hub.inlet.lines();
  EXPECT_EQ(lines.back(), "publish room:x probe");
  EXPECT_EQ(hub.inlet.count("gap") + hub.inlet.count("refuse"), 0u);
}

TEST(RedisPubSub, SubscribesEverythingAgainAfterARestartAndTellsTheGap) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  ASSERT_TRUE(hub.becomes_up());
  constexpr size_t kRooms = 1200;
  for (size_t i = 0; i < kRooms; ++i) hub.source->want("room:" + std::to_string(i));
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("confirm") == kRooms; }));
  server.kill();
  ASSERT_TRUE(hub.becomes_down());
  hub.source->want("room:late");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("refuse room:late"); }));
  hub.source->unwant("room:0");
  server.start();
  ASSERT_TRUE(hub.becomes_up());
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:late"); }));
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("gap") == kRooms - 1; }));
  EXPECT_FALSE(hub.inlet.has("gap room:0"));
  EXPECT_FALSE(hub.inlet.has("gap room:late"));
  EXPECT_EQ(hub.inlet.count("confirm"), kRooms + 1);
  TestSource other(quick_options(server.url()), {});
  ASSERT_TRUE(other.becomes_up());
  EXPECT_EQ(other.run({"PUBLISH", "chat:1199", "back"}), "1");
  EXPECT_EQ(other.run({"PUBLISH", "chat:0", "back"}), "0");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1199 back"); }));
  for (const LinkState& link : hub.source->links()) EXPECT_EQ(link.reconnects, 1u) << link.name;
}

TEST(RedisPubSub, RefusesWhatAnAclForbidsAndAsksAgain) {
  RedisServer server;
  TestSource admin(quick_options(server.url()), {});
  ASSERT_TRUE(admin.becomes_up());
  ASSERT_EQ(admin.run({"ACL", "SETUSER", "u", "on", ">p", "+@all", "~*", "&chat:open"}), "OK");
  auto options = quick_options("redis://u:p@127.0.0.1:" + std::to_string(server.port()));
  TestSource hub(options, pubsub_rule());
  ASSERT_TRUE(hub.becomes_up());
  hub.source->want("room:shut");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("refuse room:shut"); }));
  hub.source->want("room:open");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:open"); }));
  ASSERT_EQ(admin.run({"ACL", "SETUSER", "u", "&chat:shut"}), "OK");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:shut"); }));
}

const std::string kCanary = "publish " + std::string(kCanaryChannel) + " ";

TEST(RedisPubSub, CarriesCanariesPastTheHookAndOverANewLink) {
  RedisServer server;
  // What is the profile's does not see them.
  TestSource hub(quick_options(server.url()), pubsub_rule(),
                 [](const RedisMessage&, RedisOutcome&) { return false; });
  ASSERT_TRUE(hub.becomes_up());
  EXPECT_EQ(hub.source->canary_name(), "redis");
  hub.source->want(kCanaryChannel);
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm " + std::string(kCanaryChannel)); }));
  hub.source->send_canary("1 1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has(kCanary + "1 1"); }));
  hub.source->rebuild();
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("gap " + std::string(kCanaryChannel)); }));
  const auto is_new = [](const LinkState& link) { return link.is_up && link.reconnects == 1; };
  ASSERT_TRUE(eventually([&] { return std::ranges::all_of(hub.source->links(), is_new); }));
  hub.source->send_canary("1 2");
  EXPECT_TRUE(eventually([&] { return hub.inlet.has(kCanary + "1 2"); }));
  EXPECT_EQ(TestSource(quick_options(server.url()), {}).source->canary_name(), "");
}

TEST(RedisPubSub, ACanaryThatAnAclForbidsCostsNoOtherChannel) {
  RedisServer server;
  TestSource admin(quick_options(server.url()), {});
  ASSERT_TRUE(admin.becomes_up());
  ASSERT_EQ(admin.run({"ACL", "SETUSER", "u", "on", ">p", "+@all", "~*", "&chat:*"}), "OK");
  auto options = quick_options("redis://u:p@127.0.0.1:" + std::to_string(server.port()));
  TestSource hub(options, pubsub_rule());
  ASSERT_TRUE(hub.becomes_up());
  // All at once, so that they would stand in one batch.
  hub.source->want("room:1");
  hub.source->want(kCanaryChannel);
  for (int i = 2; i < 100; ++i) hub.source->want("room:" + std::to_string(i));
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("canary refused: NOPERM") > 0; }));
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("confirm room:") == 99; }));
  EXPECT_EQ(hub.inlet.count("refuse room:"), 0u);
  hub.source->send_canary("1 1");  // nor may it be published
  EXPECT_TRUE(eventually([&] { return hub.inlet.count("canary refused: NOPERM") > 1; }));
  // The next link asks again.
  ASSERT_EQ(admin.run({"ACL", "SETUSER", "u", "&livehub:canary:*"}), "OK");
  hub.source->rebuild();
  EXPECT_TRUE(eventually([&] { return hub.inlet.has("confirm " + std::string(kCanaryChannel)); }));
}

TEST(RedisPubSub, DoesNotHearItsOwnEcho) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  ASSERT_TRUE(hub.becomes_up());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  ASSERT_TRUE(hub.source->publish("chat:1", "mine", true));
  ASSERT_TRUE(hub.source->publish("chat:1", "both", false));
  ASSERT_TRUE(hub.source->publish("chat:1", "mine", false));  // another's, of the same text
  ASSERT_TRUE(hub.source->publish("chat:1", "end", false));
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("publish room:1 end"); }));
  EXPECT_EQ(hub.inlet.lines_with("publish"),
            (std::vector<std::string>{"publish room:1 both", "publish room:1 mine",
                                      "publish room:1 end"}));
}

TEST(RedisEchoes, ForgetsAfterFiveSecondsAndTakesEachOnce) {
  RedisEchoes echoes({1, 2});
  constexpr int64_t kSecond = 1'000'000'000;
  echoes.remember("c", "x", 0);
  echoes.remember("c", "x", 3 * kSecond);
  EXPECT_FALSE(echoes.take("c", "y", kSecond));
  EXPECT_FALSE(echoes.take("d", "x", kSecond));
  EXPECT_TRUE(echoes.take("c", "x", kSecond));
  EXPECT_TRUE(echoes.take("c", "x", 7 * kSecond));
  EXPECT_FALSE(echoes.take("c", "x", 7 * kSecond));
  echoes.remember("c", "x", 10 * kSecond);
  EXPECT_FALSE(echoes.take("c", "x", 15 * kSecond));
}

TEST(RedisPubSub, WaitsForAFullHubAndLosesNothing) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule());
  TestSource other(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up() && other.becomes_up());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  hub.inlet.set_full(true);
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    expected.push_back("publish room:1 " + std::to_string(i));
    ASSERT_EQ(other.run({"PUBLISH", "chat:1", std::to_string(i)}), "1");
  }
  // Longer than the silence after which a link that is read would be given up.
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  EXPECT_GT(hub.inlet.fulls(), 10u);
  EXPECT_TRUE(hub.is_up());
  hub.inlet.set_full(false);
  ASSERT_TRUE(eventually([&] { return hub.inlet.has(expected.back()); }));
  EXPECT_EQ(hub.inlet.lines_with("publish"), expected);
  EXPECT_EQ(hub.inlet.count("gap"), 0u);
}

TEST(RedisPubSub, AHookMayChangeOrDrop) {
  RedisServer server;
  TestSource hub(quick_options(server.url()), pubsub_rule(),
                 [](const RedisMessage& message, RedisOutcome& out) {
                   if (message.payload == "drop" || message.now_ms < 1'600'000'000'000)
                     return false;
                   out.payload = std::string(message.channel) + "/" + std::string(message.payload);
                   out.event = "e";
                   return true;
                 });
  TestSource other(quick_options(server.url()), {});
  ASSERT_TRUE(hub.becomes_up() && other.becomes_up());
  hub.source->want("room:1");
  ASSERT_TRUE(eventually([&] { return hub.inlet.has("confirm room:1"); }));
  other.run({"PUBLISH", "chat:1", "drop"});
  other.run({"PUBLISH", "chat:1", "keep"});
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("publish") > 0; }));
  EXPECT_EQ(hub.inlet.lines().back(), "publish room:1 room:1/keep event=e");
}

}  // namespace
}  // namespace livehub::source
