// Against a real nats-server with JetStream, which the test starts, kills and starts again.
#include "source/nats_stream.h"

#include <gtest/gtest.h>

#include <future>

#include "nats_server.h"

namespace livehub::source {
namespace {

// Writes down positions too.
class StreamInlet : public FakeInlet {
 public:
  Result publish(const Publication& p) override {
    if (!is_full && p.position) last_offset = p.position->offset;
    return FakeInlet::publish(p);
  }
  void confirm(std::string_view channel, std::optional<SourcePosition> head) override {
    if (head) confirmed = head->offset;
    FakeInlet::confirm(channel, head);
  }
  void deliver(uint64_t token, Backlog backlog) override {
    {
      const std::lock_guard guard(backlog_mutex);
      gaps += backlog.gap ? 1 : 0;
      last_backlog = std::move(backlog);
    }
    FakeInlet::deliver(token, {});
  }
  Backlog backlog() {
    const std::lock_guard guard(backlog_mutex);
    return last_backlog;
  }
  std::atomic<uint64_t> last_offset{0};  // of the feed's thread
  std::atomic<uint64_t> confirmed{0};
  std::atomic<size_t> gaps{0};  // of backlogs
  std::mutex backlog_mutex;
  Backlog last_backlog;
};

struct Hub {
  explicit Hub(const NatsServerProcess& server, size_t queue_max = 65'536,
               int64_t messages_max = 1000)
      : source(options(server, queue_max, messages_max)) {
    EXPECT_EQ(source.start(inlet), "");
    source.want("live");
  }
  ~Hub() {
    source.stop();
    EXPECT_TRUE(inlet.is_one_thread());
  }
  static NatsStreamOptions options(const NatsServerProcess& server, size_t queue_max,
                                   int64_t messages_max) {
    NatsStreamOptions made;
    made.nats.servers = server.url();
    made.nats.ping_ms = 200;
    made.nats.silent_ms = 2500;
    made.nats.dial_ms = 500;
    made.nats.retry_ms_max = 200;
    made.nats.queue_messages_max = queue_max;
    made.stream = "livehub_test";
    made.subject = "livehub.test";
    made.channel = "live";
    made.messages_max = messages_max;
    made.decode = [](std::string_view payload, std::string& out) {
      out = payload;
      return payload != "bad";
    };
    return made;
  }
  bool push(const std::string& text) {
    auto answer = std::make_shared<std::promise<bool>>();
    std::future<bool> is_taken = answer->get_future();
    source.push(text, [answer](bool taken) { answer->set_value(taken); });
    const bool has_come = is_taken.wait_for(kPatience) == std::future_status::ready;
    EXPECT_TRUE(has_come);
    return has_come && is_taken.get();
  }
  bool comes_up() {
    return eventually([this] { return source.links().at(0).is_up; });
  }
  bool goes_down() {
    return eventually([this] { return !source.links().at(0).is_up; });
  }
  StreamInlet inlet;
  NatsStreamSource source;
};

std::vector<std::string> published(const StreamInlet& of) {
  std::vector<std::string> out;
  for (const std::string& line : const_cast<StreamInlet&>(of).lines())
    if (line.starts_with("publish")) out.push_back(line);
  return out;
}

TEST(NatsStream, CarriesCanariesBesideTheStream) {
  NatsServerProcess server;
  Hub hub(server);
  ASSERT_TRUE(hub.comes_up());
  const std::string channel(kCanaryChannel);
  hub.source.want(channel);
  ASSERT_TRUE(hub.inlet.sees("confirm " + channel));
  hub.source.send_canary("1 1");
  ASSERT_TRUE(hub.inlet.sees("publish " + channel + " |1 1"));
  ASSERT_TRUE(hub.push("a"));
  hub.source.rebuild();
  ASSERT_TRUE(hub.inlet.sees("confirm " + channel, 2));
  ASSERT_TRUE(hub.comes_up());
  hub.source.send_canary("1 2");
  ASSERT_TRUE(hub.inlet.sees("publish " + channel + " |1 2"));
  ASSERT_TRUE(hub.push("b"));
  ASSERT_TRUE(hub.inlet.sees("publish live |b"));
  EXPECT_EQ(hub.inlet.count("publish live"), 2u);  // nothing stands between them
  EXPECT_EQ(hub.inlet.count("gap"), 0u);
}

TEST(NatsStream, PositionsGrowWithTheSequenceAndWithANewStream) {
  const int64_t created = 1'800'000'000'000'000'000;
  EXPECT_EQ(nats_sequence(nats_position(created, 7)), 7u);
  EXPECT_LT(nats_position(created, 7).offset, nats_position(created, 8).offset);
  EXPECT_LT(nats_position(created, (uint64_t{1} << 33) - 1).offset,
            nats_position(created + 1'000'000'000, 0).offset);
  EXPECT_EQ(nats_position(created, 1).epoch, nats_position(created + 1, 2).epoch);
}

TEST(NatsStream, WhatOnePushesAllGetInOneOrder) {
  NatsServerProcess server;
  Hub first(server);
  Hub second(server);
  ASSERT_TRUE(first.comes_up());
  ASSERT_TRUE(second.comes_up());
  ASSERT_TRUE(first.inlet.sees("confirm live"));
  ASSERT_TRUE(second.inlet.sees("confirm live"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(first.push("a" + std::to_string(i)));
    EXPECT_TRUE(second.push("b" + std::to_string(i)));
  }
  EXPECT_TRUE(first.push("bad"));
  EXPECT_TRUE(first.push("end"));
  ASSERT_TRUE(first.inlet.sees("publish live |end"));
  ASSERT_TRUE(second.inlet.sees("publish live |end"));
  EXPECT_EQ(published(first.inlet), published(second.inlet));
  EXPECT_EQ(published(first.inlet).size(), 201u);
  EXPECT_EQ(first.inlet.last_offset, second.inlet.last_offset);
}

TEST(NatsStream, AHubThatStartsLaterIsToldWhereTheStreamStandsAndFetchesWhatIsOlder) {
  NatsServerProcess server;
  Hub first(server);
  ASSERT_TRUE(first.comes_up());
  ASSERT_TRUE(first.inlet.sees("confirm live"));
  const uint64_t start = first.inlet.confirmed;
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(first.push(std::to_string(i)));
  Hub second(server);
  ASSERT_TRUE(second.inlet.sees("confirm live"));
  EXPECT_EQ(second.inlet.confirmed, start + 300);
  const uint64_t epoch = nats_position(2'000'000'000'000'000'000, 0).epoch;
  second.source.fetch("live", {epoch, start + 10}, {epoch, start + 300}, 1 << 20, 1);
  ASSERT_TRUE(second.inlet.sees("deliver", 1));
  const Backlog backlog = second.inlet.backlog();
  ASSERT_FALSE(backlog.entries.empty());
  EXPECT_FALSE(backlog.gap);
  for (size_t i = 0; i < backlog.entries.size(); ++i) {
    EXPECT_EQ(backlog.entries[i].payload, std::to_string(10 + i));
    EXPECT_EQ(backlog.entries[i].position.offset, start + 11 + i);
  }
  second.source.fetch("live", {epoch, start + 299}, {epoch, start + 300}, 1 << 20, 2);
  ASSERT_TRUE(second.inlet.sees("deliver", 2));
  EXPECT_EQ(second.inlet.backlog().entries.size(), 1u);
  // Of another stream, and of messages that are gone (it keeps 1000).
  second.source.fetch("live", {epoch, 5}, {epoch, start + 300}, 1 << 20, 3);
  ASSERT_TRUE(second.inlet.sees("deliver", 3));
  EXPECT_TRUE(second.inlet.backlog().gap);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(first.push("x"));
  second.source.fetch("live", {epoch, start + 10}, {epoch, start + 1300}, 100, 4);
  ASSERT_TRUE(second.inlet.sees("deliver", 4));
  EXPECT_TRUE(second.inlet.backlog().gap);
  EXPECT_EQ(second.inlet.backlog().entries.front().position.offset, start + 301);
}

TEST(NatsStream, APushDoesNotWaitForEverybodysBacklog) {
  NatsServerProcess server;
  Hub hub(server);
  ASSERT_TRUE(hub.comes_up());
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(hub.push(std::to_string(i)));
  ASSERT_TRUE(hub.inlet.sees("publish live |199"));
  const uint64_t last = hub.inlet.last_offset;
  const uint64_t epoch = nats_position(1'577'836'800'000'000'000, 0).epoch;
  constexpr size_t kFetches = 60;
  for (uint64_t token = 0; token < kFetches; ++token)
    hub.source.fetch("live", {epoch, last - 199}, {epoch, last}, 1 << 20, token);
  ASSERT_TRUE(hub.inlet.sees("deliver", 2));  // the link is at it
  ASSERT_TRUE(hub.push("between"));
  const size_t before_it = hub.inlet.count("deliver");
  EXPECT_LT(before_it, kFetches);
  EXPECT_TRUE(hub.inlet.sees("deliver", kFetches));
}

TEST(NatsStream, WhoWouldWaitForAThousandBacklogsIsToldAGap) {
  NatsServerProcess server;
  Hub hub(server);
  ASSERT_TRUE(hub.comes_up());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(hub.push(std::to_string(i)));
  ASSERT_TRUE(hub.inlet.sees("publish live |19"));
  const uint64_t last = hub.inlet.last_offset;
  const uint64_t epoch = nats_position(1'577'836'800'000'000'000, 0).epoch;
  constexpr size_t kFetches = 3000;
  for (uint64_t token = 0; token < kFetches; ++token)
    hub.source.fetch("live", {epoch, last - 19}, {epoch, last}, 1, token);  // a message each
  ASSERT_TRUE(hub.inlet.sees("deliver", kFetches));
  EXPECT_GT(hub.inlet.gaps, 0u);
  EXPECT_LT(hub.inlet.gaps, kFetches - 1000);
}

TEST(NatsStream, ABacklogOfForeignMessagesHasAnEndAndIsAGapThen) {
  NatsServerProcess server;
  Hub hub(server, 65'536, 5000);
  ASSERT_TRUE(hub.comes_up());
  const uint64_t epoch = nats_position(1'577'836'800'000'000'000, 0).epoch;
  NatsPublisher publisher(server);
  const auto behind_foreign = [&](int count, uint64_t token) {
    const uint64_t after = hub.inlet.last_offset;
    for (int i = 0; i < count; ++i) publisher.publish("livehub.test", "bad");
    publisher.flush();
    EXPECT_TRUE(hub.push("last"));
    EXPECT_TRUE(hub.inlet.sees("publish live |last", token));
    hub.source.fetch("live", {epoch, after}, {epoch, hub.inlet.last_offset}, 1 << 20, token);
    EXPECT_TRUE(hub.inlet.sees("deliver", token));
    return hub.inlet.backlog();
  };
  ASSERT_TRUE(hub.push("first"));
  ASSERT_TRUE(hub.inlet.sees("publish live |first"));
  const Backlog few = behind_foreign(100, 1);
  ASSERT_EQ(few.entries.size(), 1u);
  EXPECT_EQ(few.entries[0].payload, "last");
  EXPECT_FALSE(few.gap);
  const Backlog many = behind_foreign(1100, 2);
  EXPECT_TRUE(many.entries.empty());
  EXPECT_TRUE(many.gap);
}

TEST(NatsStream, ARestartLosesNothingAndTellsNoGap) {
  NatsServerProcess server;
  Hub hub(server);
  ASSERT_TRUE(hub.comes_up());
  ASSERT_TRUE(hub.inlet.sees("confirm live"));
  EXPECT_TRUE(hub.push("before"));
  ASSERT_TRUE(hub.inlet.sees("publish live |before"));
  server.kill();
  ASSERT_TRUE(hub.goes_down());
  EXPECT_FALSE(hub.push("nowhere"));
  server.start();
  ASSERT_TRUE(hub.comes_up());
  EXPECT_TRUE(hub.push("after"));
  ASSERT_TRUE(hub.inlet.sees("publish live |after"));
  EXPECT_EQ(hub.inlet.count("gap"), 0u);
  EXPECT_EQ(hub.inlet.count("confirm"), 1u);
}

TEST(NatsStream, AHubThatCannotKeepUpReadsAgainWhatItHadNoRoomFor) {
  NatsServerProcess server;
  Hub slow(server, 50);
  Hub quick(server);
  ASSERT_TRUE(slow.inlet.sees("confirm live"));
  ASSERT_TRUE(quick.comes_up());
  slow.inlet.is_full = true;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(quick.push(std::to_string(i)));
  slow.inlet.is_full = false;
  EXPECT_TRUE(quick.push("end"));
  ASSERT_TRUE(slow.inlet.sees("publish live |end"));
  const auto lines = published(slow.inlet);
  ASSERT_EQ(lines.size(), 501u);
  for (int i = 0; i < 500; ++i)
    EXPECT_EQ(lines[static_cast<size_t>(i)], "publish live |" + std::to_string(i));
}

TEST(NatsStream, AServerThatIsAwayIsARefusalAndAConfirmationLater) {
  NatsServerProcess server;
  server.kill();
  Hub hub(server);
  ASSERT_TRUE(hub.inlet.sees("refuse live"));
  server.start();
  ASSERT_TRUE(hub.inlet.sees("confirm live"));
}

TEST(NatsStream, AServerWithoutJetStreamIsAProblemInWords) {
  NatsServerProcess server(std::vector<std::string>{});
  Hub hub(server);
  EXPECT_TRUE(eventually([&] {
    return hub.source.links().at(0).problem == "the server has no JetStream";
  })) << hub.source.links().at(0).problem;
  EXPECT_FALSE(hub.push("x"));
}

TEST(NatsStream, AnotherStreamInItsPlaceIsAGap) {
  NatsServerProcess server;
  Hub hub(server);
  ASSERT_TRUE(hub.comes_up());
  ASSERT_TRUE(hub.inlet.sees("confirm live"));
  EXPECT_TRUE(hub.push("old"));
  ASSERT_TRUE(hub.inlet.sees("publish live |old"));
  server.kill();
  std::filesystem::remove_all(server.directory() + "/jetstream");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // its birth has whole seconds
  server.start();
  ASSERT_TRUE(hub.inlet.sees("gap live"));
  const uint64_t before = hub.inlet.last_offset;
  EXPECT_TRUE(eventually([&] { return hub.push("new"); }));
  ASSERT_TRUE(hub.inlet.sees("publish live |new"));
  EXPECT_GT(hub.inlet.last_offset, before);
}

}  // namespace
}  // namespace livehub::source
