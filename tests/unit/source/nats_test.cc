// Against a real nats-server, which the test starts, kills, freezes and starts again.
#include "source/nats.h"

#include <gtest/gtest.h>

#include <fstream>

#include "nats_server.h"
#include "source/nats_subject.h"

namespace livehub::source {
namespace {

NatsRule plain_rule() {
  NatsRule rule;
  rule.feeds = [](std::string_view channel) { return channel.starts_with("t."); };
  rule.subject_of = [](std::string_view channel) { return std::string(channel); };
  rule.channel_of = [](std::string_view subject) { return std::string(subject); };
  rule.decode = [](const NatsMessage& message, NatsDecoded& out) {
    if (message.payload == "bad") return false;
    out.payload = message.payload;
    out.event = "e";
    return true;
  };
  return rule;
}

NatsOptions quick(const std::string& servers) {
  NatsOptions options;
  options.servers = servers;
  options.ping_ms = 200;
  options.silent_ms = 2500;
  options.dial_ms = 500;
  options.retry_ms_max = 200;
  options.refused_ms = 300;
  return options;
}

struct Rig {
  explicit Rig(NatsOptions options, NatsRule rule = plain_rule())
      : source(std::move(options), std::move(rule)) {}
  explicit Rig(const NatsServerProcess& server) : Rig(quick(server.url())) {}
  ~Rig() {
    source.stop();
    EXPECT_TRUE(inlet.is_one_thread());
  }
  void start() { EXPECT_EQ(source.start(inlet), ""); }
  bool comes_up() {
    return eventually([this] { return source.is_up(); });
  }
  bool goes_down() {
    return eventually([this] { return !source.is_up(); });
  }
  FakeInlet inlet;
  NatsSource source;
};

TEST(Nats, DeliversInOrderWhatComesAfterTheConfirmation) {
  NatsServerProcess server;
  Rig rig(server);
  rig.source.want("t.a");
  rig.start();
  ASSERT_TRUE(rig.inlet.sees("confirm t.a"));
  NatsPublisher publisher(server);
  for (int i = 0; i < 1000; ++i) publisher.publish("t.a", std::to_string(i));
  publisher.publish("t.a", "bad");
  publisher.publish("t.b", "nobody wants it");
  publisher.publish("t.a", "end");
  ASSERT_TRUE(rig.inlet.sees("publish t.a e|end"));
  const auto lines = rig.inlet.lines();
  const auto first = std::find(lines.begin(), lines.end(), "publish t.a e|0");
  ASSERT_NE(first, lines.end());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(first[i], "publish t.a e|" + std::to_string(i));
  EXPECT_EQ(rig.inlet.count("publish t.b"), 0u);
  EXPECT_EQ(rig.inlet.count("publish t.a e|bad"), 0u);
  EXPECT_EQ(rig.inlet.count("gap"), 0u);
}

TEST(Nats, CarriesCanariesPastTheRuleAndOverANewConnection) {
  NatsServerProcess server;
  NatsRule deaf = plain_rule();
  deaf.decode = [](const NatsMessage&, NatsDecoded&) { return false; };
  Rig rig(quick(server.url()), deaf);
  rig.start();
  const std::string channel(kCanaryChannel);
  rig.source.want(channel);
  ASSERT_TRUE(rig.inlet.sees("confirm " + channel));
  rig.source.send_canary("1 1");
  ASSERT_TRUE(rig.inlet.sees("publish " + channel + " |1 1"));
  rig.source.rebuild();
  ASSERT_TRUE(rig.inlet.sees("gap " + channel));
  rig.source.send_canary("1 2");
  EXPECT_TRUE(rig.inlet.sees("publish " + channel + " |1 2"));
  EXPECT_EQ(rig.source.links().at(0).reconnects, 1u);
}

TEST(Nats, UnwantedChannelsAreNotFedAndConfirmedAgainWhenWanted) {
  NatsServerProcess server;
  Rig rig(server);
  rig.start();
  rig.source.want("t.a");
  rig.source.want("t.b");
  ASSERT_TRUE(rig.inlet.sees("confirm t.b"));
  rig.source.unwant("t.a");
  NatsPublisher publisher(server);
  EXPECT_TRUE(eventually([&] {  // the unwanting is under way; then nothing more comes of it
    const size_t before = rig.inlet.count("publish t.a");
    const size_t others = rig.inlet.count("publish t.b");
    publisher.publish("t.a", "1");
    publisher.publish("t.b", "1");
    publisher.flush();
    return rig.inlet.sees("publish t.b", others + 1) && rig.inlet.count("publish t.a") == before;
  }));
  rig.source.want("t.a");
  ASSERT_TRUE(rig.inlet.sees("confirm t.a", 2));
  publisher.publish("t.a", "2");
  EXPECT_TRUE(rig.inlet.sees("publish t.a e|2"));
}

TEST(Nats, AServerThatIsAwayIsARefusalAndAConfirmationLater) {
  NatsServerProcess server;
  server.kill();
  Rig rig(server);
  rig.start();
  rig.source.want("t.a");
  ASSERT_TRUE(rig.inlet.sees("refuse t.a"));
  const LinkState state = rig.source.links().at(0);
  EXPECT_FALSE(state.is_up);
  EXPECT_NE(state.problem, "");
  server.start();
  ASSERT_TRUE(rig.inlet.sees("confirm t.a"));
  EXPECT_EQ(rig.inlet.lines(), (std::vector<std::string>{"refuse t.a", "confirm t.a"}));
  EXPECT_TRUE(rig.comes_up());
}

TEST(Nats, WhoLeftWhileTheServerWasAwayIsForgottenMeanwhile) {
  NatsServerProcess server({"-V"});  // its log has every SUB
  server.kill();
  NatsOptions options = quick(server.url());
  options.linger_ms = 50;
  Rig rig(options);
  rig.start();
  rig.source.want("t.stays");
  for (int i = 0; i < 200; ++i) {
    rig.source.want("t.left" + std::to_string(i));
    rig.source.unwant("t.left" + std::to_string(i));
  }
  rig.source.want("t.last");
  ASSERT_TRUE(rig.inlet.sees("refuse t.last"));                 // all of that has been taken
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // lingering, and a dial or two
  server.start();
  ASSERT_TRUE(rig.comes_up());
  const auto log = [&] {
    std::ifstream file(server.directory() + "/log");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  ASSERT_TRUE(eventually([&] { return log().find("[SUB t.stays") != std::string::npos; }));
  EXPECT_EQ(log().find("[SUB t.left"), std::string::npos);
}

TEST(Nats, ARestartIsAGapOfEveryChannelAndDeliveryGoesOn) {
  NatsServerProcess server;
  Rig rig(server);
  rig.start();
  for (int i = 0; i < 500; ++i) rig.source.want("t." + std::to_string(i));
  ASSERT_TRUE(rig.inlet.sees("confirm t.", 500));
  server.kill();
  ASSERT_TRUE(rig.goes_down());
  server.start();
  ASSERT_TRUE(rig.inlet.sees("gap t.", 500));
  NatsPublisher publisher(server);
  for (int i = 0; i < 500; ++i) publisher.publish("t." + std::to_string(i), "x");
  EXPECT_TRUE(rig.inlet.sees("publish t.", 500));
  EXPECT_EQ(rig.inlet.count("confirm"), 500u);
  EXPECT_EQ(rig.inlet.count("gap"), 500u);
  EXPECT_EQ(rig.source.links().at(0).reconnects, 1u);
}

TEST(Nats, AFrozenServerIsNoticedWithoutItsFarewell) {
  NatsServerProcess server;
  Rig rig(server);
  rig.start();
  rig.source.want("t.a");
  ASSERT_TRUE(rig.inlet.sees("confirm t.a"));
  server.freeze();
  rig.source.want("t.b");
  EXPECT_TRUE(rig.inlet.sees("refuse t.b"));
  EXPECT_TRUE(rig.goes_down());
  server.thaw();
  EXPECT_TRUE(rig.inlet.sees("gap t.a"));
  EXPECT_TRUE(rig.inlet.sees("confirm t.b"));
  EXPECT_TRUE(rig.comes_up());
  NatsPublisher publisher(server);
  publisher.publish("t.a", "back");
  EXPECT_TRUE(rig.inlet.sees("publish t.a e|back"));
}

TEST(Nats, AHubThatCannotKeepUpCostsAGapAndNothingElse) {
  NatsServerProcess server;
  NatsOptions options = quick(server.url());
  options.queue_messages_max = 100;
  Rig rig(options);
  rig.start();
  rig.source.want("t.a");
  rig.source.want("t.b");
  ASSERT_TRUE(rig.inlet.sees("confirm t.", 2));
  rig.inlet.is_full = true;
  NatsPublisher publisher(server);
  for (int i = 0; i < 1000; ++i) publisher.publish("t.a", std::to_string(i));
  publisher.flush();
  // The answer to a want stands behind what has come: when it is here, the queue is full.
  rig.source.want("t.c");
  rig.inlet.is_full = false;
  ASSERT_TRUE(rig.inlet.sees("gap t.a"));
  publisher.publish("t.a", "after");
  ASSERT_TRUE(rig.inlet.sees("publish t.a e|after"));
  const auto lines = rig.inlet.lines();
  const auto gap = std::find(lines.begin(), lines.end(), "gap t.a");
  const auto after = std::find(lines.begin(), lines.end(), "publish t.a e|after");
  EXPECT_LT(gap, after);
  EXPECT_EQ(rig.inlet.count("gap t.b"), 0u);
}

TEST(Nats, NewsOfAWildcardIsToldOnceForAllThatComesTogether) {
  NatsServerProcess server;
  Rig rig(server);
  rig.start();
  ASSERT_TRUE(rig.comes_up());
  std::atomic<int> told{0};
  const uint64_t id = rig.source.listen(
      NatsListen{.subject = "t.*.state", .hold_ms = 300, .on_news = [&] { ++told; }});
  ASSERT_TRUE(eventually([&] { return told == 1; }));  // it begins with what was before
  NatsPublisher publisher(server);
  for (int i = 0; i < 100; ++i) publisher.publish("t." + std::to_string(i) + ".state", "x");
  publisher.flush();
  ASSERT_TRUE(eventually([&] { return told >= 2; }));
  EXPECT_LE(told, 50);
  server.kill();
  ASSERT_TRUE(rig.goes_down());
  const int before = told;
  server.start();
  EXPECT_TRUE(eventually([&] { return told > before; }));  // something may have been missed
  rig.source.unlisten(id);
  rig.source.stop();  // `told` is of this test
}

TEST(Nats, PublishesWhileItIsUp) {
  NatsServerProcess server;
  Rig rig(server);
  EXPECT_FALSE(rig.source.publish("t.a", "x"));
  rig.start();
  rig.source.want("t.a");
  ASSERT_TRUE(rig.inlet.sees("confirm t.a"));
  ASSERT_TRUE(rig.comes_up());
  EXPECT_TRUE(rig.source.publish("t.a", "by us"));
  EXPECT_TRUE(rig.inlet.sees("publish t.a e|by us"));
  EXPECT_FALSE(rig.source.publish("t.*", "x"));
}

TEST(Nats, WrongCredentialsAreAProblemInWords) {
  NatsServerProcess server({"--user", "hub", "--pass", "hemmelig"});
  Rig rig(quick(server.url("hub:wrong@")));
  rig.start();
  ASSERT_TRUE(eventually([&] {
    return rig.source.links().at(0).problem.find("refuses our credentials") != std::string::npos;
  })) << rig.source.links().at(0).problem;
  Rig good(quick(server.url("hub:hemmelig@")));
  good.start();
  EXPECT_TRUE(good.comes_up());
}

// A server whose authorization block is in a file that the test may change.
struct Authorized {
  Authorized() : file("/tmp/livehub-nats-auth-" + std::to_string(::getpid()) + ".conf") {
    write("deny: [\"t.secret.*\", \"t.*.hidden\"]");
  }
  ~Authorized() { std::filesystem::remove(file); }
  void write(const std::string& rights) const {
    std::ofstream(file) << "authorization { users = [ {user: hub, password: pw, permissions: "
                        << "{subscribe: {" << rights << "}}}, {user: all, password: pw} ] }\n";
  }
  const std::string file;
};

TEST(Nats, ARefusedSubscriptionIsNamedAndTheOthersGoOn) {
  const Authorized rights;
  NatsServerProcess server({"-c", rights.file});
  Rig rig(quick(server.url("hub:pw@")));
  rig.source.want("t.open");
  rig.source.want("t.secret.1");
  rig.source.want("t.secret.2");
  std::atomic<int> told{0};
  rig.source.listen(NatsListen{.subject = "t.*.hidden", .on_news = [&] { ++told; }});
  rig.start();
  const auto permissions = [&] { return rig.source.links().at(1); };
  ASSERT_TRUE(eventually([&] {
    return permissions().problem.find("\"t.*.hidden\", nor 2 others") != std::string::npos;
  })) << permissions().problem;
  EXPECT_FALSE(permissions().is_up);
  EXPECT_TRUE(rig.source.links().at(0).is_up);
  ASSERT_TRUE(rig.inlet.sees("confirm t.open"));
  EXPECT_TRUE(eventually([&] { return told > 0; }));
  NatsPublisher publisher(server, "all:pw@");
  publisher.publish("t.secret.1", "not for us");
  publisher.publish("t.open", "for all");
  EXPECT_TRUE(rig.inlet.sees("publish t.open e|for all"));
  EXPECT_EQ(rig.inlet.count("publish t.secret"), 0u);
  // Nobody wants them any more: it is not our trouble either.
  rig.source.unwant("t.secret.1");
  rig.source.unwant("t.secret.2");
  EXPECT_TRUE(eventually([&] { return !permissions().problem.ends_with("others"); }));
  rig.source.stop();  // `told` is of this test
}

TEST(Nats, ASubscriptionThatIsPermittedAgainIsAskedForAgainAndItsGapTold) {
  const Authorized rights;
  NatsServerProcess server({"-c", rights.file});
  Rig rig(quick(server.url("hub:pw@")));
  rig.source.want("t.secret.1");
  rig.start();
  const auto permissions = [&] { return rig.source.links().at(1); };
  ASSERT_TRUE(eventually([&] { return !permissions().is_up; }));
  rights.write("deny: \"nothing\"");
  server.reload();
  ASSERT_TRUE(eventually([&] { return permissions().is_up; }));
  // Its first answer was a refusal or, where the server was slower, a confirmation.
  const bool was_confirmed = rig.inlet.count("refuse t.secret.1") == 0;
  EXPECT_TRUE(rig.inlet.sees(was_confirmed ? "gap t.secret.1" : "confirm t.secret.1"));
  NatsPublisher publisher(server, "all:pw@");
  publisher.publish("t.secret.1", "now for us");
  EXPECT_TRUE(rig.inlet.sees("publish t.secret.1 e|now for us"));
}

TEST(Nats, WrongOptionsStopTheStartWithASentence) {
  FakeInlet inlet;
  NatsOptions options = quick("http://x");
  EXPECT_NE(NatsSource(options, plain_rule()).start(inlet), "");
  options = quick("nats://127.0.0.1:1");
  options.creds_file = "/nowhere/x.creds";
  EXPECT_NE(NatsSource(options, plain_rule()).start(inlet).find("/nowhere/x.creds"),
            std::string::npos);
}

TEST(Nats, ASecondServerOfTheListTakesOver) {
  NatsServerProcess first;
  NatsServerProcess second;
  { const NatsPublisher is_there(first); }
  Rig rig(quick(first.url() + "," + second.url()));
  rig.start();
  rig.source.want("t.a");
  ASSERT_TRUE(rig.inlet.sees("confirm t.a"));
  first.kill();
  ASSERT_TRUE(rig.inlet.sees("gap t.a"));
  NatsPublisher publisher(second);
  publisher.publish("t.a", "over there");
  EXPECT_TRUE(rig.inlet.sees("publish t.a e|over there"));
}

}  // namespace
}  // namespace livehub::source
