// Streams against a real redis-server.
#include "redis_test_util.h"

namespace livehub::source {
namespace {

using namespace redis_test;

struct Rig {
  explicit Rig(RedisOptions changes = {}, RedisHook hook = {})
      : hub(with_url(std::move(changes), server.url()), stream_rule(), std::move(hook)),
        other(quick_options(server.url()), {}) {
    EXPECT_TRUE(hub.becomes_up() && other.becomes_up());
  }
  static RedisOptions with_url(RedisOptions options, const std::string& url) {
    const RedisOptions quick = quick_options(url);
    options.url = url;
    options.probe_ms = quick.probe_ms;
    options.silence_ms = quick.silence_ms;
    return options;
  }
  std::string add(const std::string& key, const std::string& value, const std::string& id = "*") {
    return other.run({"XADD", key, id, "d", value});
  }
  void want(const std::string& channel) {
    hub.source->want(channel);
    ASSERT_TRUE(eventually([&] { return hub.inlet.count("confirm " + channel) > 0; }));
  }
  bool hears(const std::string& line) {
    return eventually([&] { return hub.inlet.has(line); });
  }

  RedisServer server;
  TestSource hub;
  TestSource other;
};

TEST(RedisStreams, BeginsAtTheNewestEntryAndDeliversWithIds) {
  Rig rig;
  rig.add("stream:a", "old", "5-1");
  rig.want("s:a");
  EXPECT_TRUE(rig.hub.inlet.has("confirm s:a @5-1"));
  rig.want("s:empty");
  EXPECT_TRUE(rig.hub.inlet.has("confirm s:empty @0-0"));
  rig.add("stream:a", "new", "5-2");
  rig.add("stream:empty", "first", "7-0");
  rig.other.run({"XADD", "stream:a", "5-3", "something", "else"});
  rig.add("stream:a", "newer", "6-0");
  ASSERT_TRUE(rig.hears("publish s:a newer @6-0"));
  ASSERT_TRUE(rig.hears("publish s:empty first @7-0"));
  EXPECT_EQ(rig.hub.inlet.lines_with("publish s:a"),
            (std::vector<std::string>{"publish s:a new @5-2", "publish s:a newer @6-0"}));
  EXPECT_EQ(rig.hub.inlet.count("gap"), 0u);
}

TEST(RedisStreams, ReadsANewKeyAtOnceAndDropsOneThatNobodyWants) {
  RedisOptions slow;
  Rig rig(slow);
  rig.want("s:first");
  rig.want("s:second");
  rig.add("stream:second", "x", "1-0");
  ASSERT_TRUE(rig.hears("publish s:second x @1-0"));
  rig.hub.source->unwant("s:second");
  rig.add("stream:second", "unheard", "2-0");
  rig.hub.inlet.clear();
  rig.want("s:second");
  EXPECT_TRUE(rig.hub.inlet.has("confirm s:second @2-0"));
  rig.add("stream:second", "y", "3-0");
  ASSERT_TRUE(rig.hears("publish s:second y @3-0"));
  // A read that was under way may still bring it, but not behind the confirmation.
  std::vector<std::string> heard = rig.hub.inlet.lines_with("s:second");
  if (heard.front() == "publish s:second unheard @2-0") heard.erase(heard.begin());
  EXPECT_EQ(heard, (std::vector<std::string>{"confirm s:second @2-0", "publish s:second y @3-0"}));
}

TEST(RedisStreams, GoesOnAfterALostConnectionWithoutAGap) {
  Rig rig;
  rig.add("stream:a", "0", "1-0");
  rig.want("s:a");
  std::vector<std::string> expected;
  for (int i = 1; i <= 300; ++i) {
    if (i % 50 == 0) rig.other.run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    rig.add("stream:a", std::to_string(i), std::to_string(i + 1) + "-0");
    expected.push_back("publish s:a " + std::to_string(i) + " @" + std::to_string(i + 1) + "-0");
  }
  ASSERT_TRUE(rig.hears(expected.back()));
  EXPECT_EQ(rig.hub.inlet.lines_with("publish"), expected);
  EXPECT_EQ(rig.hub.inlet.count("gap"), 0u);
}

const std::string kCanary = "publish " + std::string(kCanaryChannel) + " ";

TEST(RedisStreams, CarriesCanariesInAKeyThatExpires) {
  RedisOptions with_group;
  with_group.consumer_group = "group";
  // What is the profile's does not see them.
  Rig rig(with_group, [](const RedisMessage&, RedisOutcome&) { return false; });
  rig.want(std::string(kCanaryChannel));
  for (int i = 0; i < 40; ++i) rig.hub.source->send_canary("1 " + std::to_string(i));
  ASSERT_TRUE(eventually([&] { return rig.hub.inlet.count(kCanary + "1 39 @") == 1; }));
  const std::string keys = rig.other.run({"KEYS", "livehub:canary:*"});
  const std::string key = keys.substr(1, keys.size() - 2);
  EXPECT_EQ(key.size(), std::string("livehub:canary:").size() + 16) << keys;
  EXPECT_EQ(rig.other.run({"XLEN", key}), "16");
  EXPECT_GT(std::stoi(rig.other.run({"PTTL", key})), 0);
  // One that was trimmed or has expired is no gap to speak of, and no group follows it.
  rig.other.run({"DEL", key});
  rig.hub.source->rebuild();
  const auto is_new = [&] {
    for (const LinkState& link : rig.hub.source->links())
      if (!link.is_up || link.reconnects != 1) return false;
    return true;
  };
  ASSERT_TRUE(eventually(is_new));
  rig.hub.source->send_canary("1 40");
  ASSERT_TRUE(eventually([&] { return rig.hub.inlet.count(kCanary + "1 40 @") == 1; }));
  EXPECT_EQ(rig.hub.inlet.count("gap"), 0u);
  rig.want("s:a");
  rig.add("stream:a", "read after it", "1-0");
  ASSERT_TRUE(eventually([&] {  // both would have one by then
    return rig.other.run({"XINFO", "GROUPS", "stream:a"}).starts_with("[[");
  }));
  EXPECT_EQ(rig.other.run({"XINFO", "GROUPS", key}), "[]");
}

TEST(RedisStreams, ACanaryThatAnAclForbidsCostsNoOtherKey) {
  RedisServer server;
  TestSource admin(quick_options(server.url()), {});
  ASSERT_TRUE(admin.becomes_up());
  const auto may = [&](const std::string& keys) {
    ASSERT_EQ(admin.run({"ACL", "SETUSER", "u", "on", ">p", "+@all", "resetkeys", keys}), "OK");
  };
  may("~*");
  auto options = quick_options("redis://u:p@127.0.0.1:" + std::to_string(server.port()));
  TestSource hub(options, stream_rule());
  ASSERT_TRUE(hub.becomes_up());
  hub.source->want("s:a");
  hub.source->want(kCanaryChannel);
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("confirm") == 2; }));
  may("~stream:*");  // the read that is under way is the last with the canary
  ASSERT_TRUE(eventually([&] { return hub.inlet.count("canary refused: NOPERM") == 1; }));
  EXPECT_EQ(admin.run({"XADD", "stream:a", "1-0", "d", "x"}), "1-0");
  EXPECT_TRUE(eventually([&] { return hub.inlet.has("publish s:a x @1-0"); }));
  EXPECT_TRUE(hub.is_up());
}

TEST(RedisStreams, GoesOnAfterAFrozenServer) {
  Rig rig;
  rig.want("s:a");
  rig.server.freeze();
  ASSERT_TRUE(rig.hub.becomes_down());
  ASSERT_TRUE(rig.other.becomes_down());  // else it may lose its link in the middle of the command
  rig.server.thaw();
  ASSERT_TRUE(rig.other.becomes_up());
  EXPECT_EQ(rig.add("stream:a", "x", "1-0"), "1-0");
  ASSERT_TRUE(rig.hears("publish s:a x @1-0"));
}

TEST(RedisStreams, TellsAGapWhenWhatItHadNotReadWasTrimmed) {
  Rig rig;
  rig.add("stream:a", "0", "1-0");
  rig.want("s:a");
  rig.server.kill();
  ASSERT_TRUE(rig.hub.becomes_down());
  rig.server.start();  // it keeps nothing
  ASSERT_TRUE(rig.hears("gap s:a @1-0"));
  ASSERT_TRUE(rig.other.becomes_up());
  rig.add("stream:a", "x", "9-0");
  ASSERT_TRUE(rig.hears("publish s:a x @9-0"));
  EXPECT_EQ(rig.hub.inlet.count("gap"), 1u);
  EXPECT_LT(rig.hub.inlet.lines().size(), 5u);
}

TEST(RedisStreams, TellsAGapWhenItLagsBehindATrimmedStream) {
  Rig rig;
  rig.add("stream:a", "0", "1-0");
  rig.want("s:a");
  rig.hub.inlet.set_full(true);
  for (int i = 2; i <= 1500; ++i)
    rig.other.run({"XADD", "stream:a", "MAXLEN", "100", std::to_string(i) + "-0", "d", "x"});
  rig.hub.inlet.set_full(false);
  ASSERT_TRUE(rig.hears("publish s:a x @1500-0"));
  EXPECT_EQ(rig.hub.inlet.count("gap s:a"), 1u);
  // What comes after the gap is all that the stream had kept, in order.
  const auto lines = rig.hub.inlet.lines();
  size_t at = 0;
  while (!lines[at].starts_with("gap")) ++at;
  EXPECT_EQ(lines[at + 1], "publish s:a x @1401-0");
  EXPECT_EQ(lines.size() - at, 101u);
}

// Before the first entry there is none that could be missed: Redis has counted them.
TEST(RedisStreams, TellsAGapWhenAStreamThatWasEmptyWasTrimmed) {
  Rig rig;
  for (int i = 1; i <= 9; ++i)
    rig.other.run({"XADD", "stream:a", "MAXLEN", "3", std::to_string(i) + "-0", "d", "x"});
  rig.add("stream:b", "1", "1-0");
  const auto fetch = [&](const std::string& channel, uint64_t token) {
    rig.hub.inlet.clear();
    rig.hub.source->fetch(channel, SourcePosition::of_time(0, 0), SourcePosition::of_time(8, 0),
                          10'000, token);
    EXPECT_TRUE(eventually([&] { return rig.hub.inlet.count("deliver") == 1; }));
    return rig.hub.inlet.lines().back();
  };
  EXPECT_EQ(fetch("s:a", 1), "deliver 1 gap x@7-0 x@8-0");
  EXPECT_EQ(fetch("s:b", 2), "deliver 2 1@1-0");
}

TEST(RedisStreams, RefusesAKeyThatIsNoStreamAndReadsTheOthers) {
  Rig rig;
  rig.other.run({"SET", "stream:bad", "1"});
  rig.hub.source->want("s:bad");
  ASSERT_TRUE(rig.hears("refuse s:bad"));
  rig.want("s:good");
  rig.add("stream:good", "x", "1-0");
  ASSERT_TRUE(rig.hears("publish s:good x @1-0"));
  rig.other.run({"DEL", "stream:bad"});
  rig.add("stream:bad", "x", "3-0");
  ASSERT_TRUE(eventually([&] { return rig.hub.inlet.count("confirm s:bad") > 0; }));
  rig.add("stream:bad", "y", "4-0");
  ASSERT_TRUE(rig.hears("publish s:bad y @4-0"));
}

TEST(RedisStreams, FetchesWhatLiesBetween) {
  Rig rig;
  for (int i = 1; i <= 40; ++i) rig.add("stream:a", std::to_string(i), std::to_string(i) + "-0");
  const auto fetch = [&](uint64_t after, uint64_t until, size_t bytes, uint64_t token) {
    rig.hub.inlet.clear();
    rig.hub.source->fetch("s:a", SourcePosition::of_time(after, 0),
                          SourcePosition::of_time(until, 0), bytes, token);
    EXPECT_TRUE(eventually([&] { return rig.hub.inlet.count("deliver") == 1; }));
    return rig.hub.inlet.lines().back();
  };
  EXPECT_EQ(fetch(36, 39, 10'000, 1), "deliver 1 37@37-0 38@38-0 39@39-0");
  EXPECT_EQ(fetch(30, 39, 4, 2), "deliver 2 31@31-0 32@32-0");
  EXPECT_EQ(fetch(39, 39, 100, 3), "deliver 3");
  rig.other.run({"XTRIM", "stream:a", "MAXLEN", "5"});
  EXPECT_EQ(fetch(30, 37, 10'000, 4), "deliver 4 gap 36@36-0 37@37-0");
  EXPECT_EQ(fetch(36, 37, 10'000, 5), "deliver 5 37@37-0");
  rig.server.kill();
  ASSERT_TRUE(rig.hub.becomes_down());
  EXPECT_EQ(fetch(36, 37, 10'000, 6), "deliver 6 gap");
}

TEST(RedisStreams, FetchesPastEntriesThatTheHookDrops) {
  Rig rig({}, [](const RedisMessage& message, RedisOutcome& out) {
    if (message.fields.size() != 2 || message.fields[1].text == "noise") return false;
    out.payload = message.fields[1].text;
    return message.is_backlog;
  });
  for (int i = 1; i <= 100; ++i)
    rig.add("stream:a", i == 90 ? "word" : "noise", std::to_string(i) + "-0");
  rig.hub.source->fetch("s:a", SourcePosition::of_time(1, 0), SourcePosition::of_time(100, 0), 1,
                        7);
  ASSERT_TRUE(rig.hears("deliver 7 word@90-0"));
}

TEST(RedisStreams, KeepsAGroupOfItsOwnUpToDate) {
  RedisOptions options;
  options.consumer_group = "sse_consumers";
  options.consumer_name = "sse-worker";
  Rig rig(options);
  rig.want("s:a");
  const auto groups = [&] { return rig.other.run({"XINFO", "GROUPS", "stream:a"}); };
  ASSERT_TRUE(
      eventually([&] { return groups().find("name sse_consumers-") != std::string::npos; }));
  for (int i = 1; i <= 20; ++i) rig.add("stream:a", "x", std::to_string(i) + "-0");
  ASSERT_TRUE(rig.hears("publish s:a x @20-0"));
  ASSERT_TRUE(eventually([&] {
    return groups().find("pending 0 last-delivered-id 20-0 entries-read 20 lag 0") !=
           std::string::npos;
  })) << groups();
  EXPECT_EQ(rig.hub.inlet.count("publish"), 20u);
  // The stream is made anew: so is the group.
  rig.other.run({"DEL", "stream:a"});
  rig.add("stream:a", "x", "30-0");
  ASSERT_TRUE(
      eventually([&] { return groups().find("name sse_consumers-") != std::string::npos; }));
}

}  // namespace
}  // namespace livehub::source
