// Canaries in a whole engine: round by its shards, and through a source that can be told to lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "livehub/engine.h"
#include "server/engine_state.h"
#include "server/metrics.h"
#include "session/ready.h"
#include "worker_source.h"

namespace livehub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Patience, not a figure: what is waited for comes within seconds.
template <typename Condition>
[[nodiscard]] bool eventually(Condition is_so) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// A broker and its client in one: what it is sent comes back, unless a test says otherwise.
class Echo : public WorkerSource {
 public:
  std::vector<LinkState> links() const override {
    LinkState link;
    link.name = "echo";
    link.is_up = is_up;
    link.problem = "it is away";
    LinkState part;
    part.name = "echo permissions";
    part.is_up = !is_refused;
    part.is_whole = false;
    part.problem = "a name is refused";
    return {link, part};
  }
  bool feeds(std::string_view channel) const override { return channel.starts_with("fed"); }
  void want(std::string_view channel) override {
    if (channel != kCanaryChannel) return;
    say([](Inlet& inlet) { inlet.confirm(kCanaryChannel); });
  }
  std::string_view canary_name() const override { return "echo"; }
  void send_canary(std::string_view payload) override {
    ++sent;
    if (is_silent) return;
    say([this, text = std::string(payload)](Inlet& inlet) {
      if (refusal.empty())
        EXPECT_EQ(inlet.publish({kCanaryChannel, text}), Inlet::Result::kTaken);
      else
        inlet.refuse_canary(refusal);
    });
  }
  void rebuild() override {
    ++rebuilds;
    if (is_mended_by_rebuild) is_silent = false;
  }

  std::string refusal;
  std::atomic<bool> is_up{true};
  std::atomic<bool> is_refused{false};
  std::atomic<bool> is_silent{false};
  std::atomic<bool> is_mended_by_rebuild{false};
  std::atomic<int> sent{0};
  std::atomic<int> rebuilds{0};
};

class Nothing : public Profile {
 public:
  Route route(const Request&) override { return Route::destroy(); }
};

class EngineCanary : public ::testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override { ASSERT_EQ(engine.start(), ""); }
  void TearDown() override {
    engine.stop();
    engine.stop();
    engine.join();
  }
  static EngineOptions options() {
    EngineOptions options;
    options.port = 0;
    options.shards = GetParam();
    options.canary_ms = 1000;  // shards look once a second
    options.canary_late_ms = 4000;
    options.canary_rebuild_ms = 2000;
    return options;
  }
  std::string ready(bool is_local = false) {
    return session::ready_reply(engine.state().shared(), is_local).body;
  }
  bool is_ready() { return ready() == "{\"ready\":true,\"wrong\":[]}"; }
  std::string metrics() { return server::metrics_text(engine.state(), engine.state().snapshot()); }

  std::shared_ptr<Echo> source = std::make_shared<Echo>();
  Engine engine{
      options(), [](const ProfileContext&) { return std::make_unique<Nothing>(); }, {source}};
};

TEST_P(EngineCanary, AReadinessThatLiesIsCaughtAndTheSourceRebuilt) {
  ASSERT_TRUE(eventually([&] { return source->sent >= 2; }));
  EXPECT_TRUE(eventually([&] { return is_ready(); })) << ready();
  source->is_mended_by_rebuild = true;
  source->is_silent = true;  // and its link goes on saying that it is up
  ASSERT_TRUE(eventually([&] { return !is_ready(); }));
  EXPECT_THAT(ready(), HasSubstr("canary: nothing has come back through echo for "));
  EXPECT_THAT(ready(true), HasSubstr("\"ready\":true"));
  ASSERT_TRUE(eventually([&] { return source->rebuilds == 1; }));
  ASSERT_TRUE(eventually([&] { return is_ready(); }));
  EXPECT_THAT(metrics(), HasSubstr("livehub_source_rebuilds_total{source=\"echo\"} 1"));
}

TEST_P(EngineCanary, ASourceThatSaysItselfThatItIsDownIsNotTalkedAboutTwice) {
  ASSERT_TRUE(eventually([&] { return source->sent >= 1; }));
  source->is_silent = true;
  source->is_up = false;
  ASSERT_TRUE(eventually(
      [&] { return metrics().find("livehub_source_canary_age_seconds{") == std::string::npos; }));
  EXPECT_EQ(ready(), "{\"ready\":false,\"wrong\":[\"echo: it is away\"]}");
  EXPECT_EQ(source->rebuilds, 0);
}

TEST_P(EngineCanary, WhatIsRefusedOnALinkThatIsUpHidesNoSilence) {
  ASSERT_TRUE(eventually([&] { return source->sent >= 1; }));
  source->is_refused = true;
  source->is_silent = true;
  ASSERT_TRUE(eventually([&] { return source->rebuilds >= 1; }));
  EXPECT_THAT(ready(), HasSubstr("echo permissions: a name is refused"));
  EXPECT_THAT(ready(), HasSubstr("canary: nothing has come back through echo for "));
}

TEST_P(EngineCanary, AShardThatIsStuckIsNamed) {
  std::mutex mutex;
  std::condition_variable released;
  bool is_released = false;
  const uint32_t stuck = GetParam() - 1;
  ASSERT_TRUE(eventually([&] { return source->sent >= 2; }));
  ASSERT_TRUE(
      engine.state().on_shard(stuck, [&](uint32_t, session::Front&, io::Driver&, shard::Loop&) {
        std::unique_lock lock(mutex);
        released.wait(lock, [&] { return is_released; });
      }));
  const std::string named = "shard " + std::to_string(stuck) + " has not turned for ";
  EXPECT_TRUE(eventually([&] { return ready(true).find(named) != std::string::npos; })) << ready();
  EXPECT_THAT(ready(), Not(HasSubstr("canary:")));  // the others are only held up by it
  EXPECT_EQ(source->rebuilds, 0);
  {
    const std::lock_guard guard(mutex);
    is_released = true;
  }
  released.notify_all();
  EXPECT_TRUE(eventually([&] { return is_ready(); })) << ready();
}

TEST_P(EngineCanary, FiguresAboutClientsLeaveThemOut) {
  ASSERT_TRUE(eventually([&] { return source->sent >= 3; }));
  const std::string text = metrics();
  for (const char* of_clients :
       {"livehub_messages_total", "livehub_fed_total", "livehub_channels", "livehub_owned_channels",
        "livehub_subscriptions", "livehub_streams", "livehub_deliveries_total",
        "livehub_sends_total", "livehub_sent_bytes_total", "livehub_appends_total",
        "livehub_history_messages", "livehub_source_waits_over_total"})
    for (uint32_t shard = 0; shard < GetParam(); ++shard)
      EXPECT_THAT(text, HasSubstr(std::string(of_clients) + "{shard=\"" + std::to_string(shard) +
                                  "\"} 0\n"));
  for (uint32_t shard = 0; shard < GetParam(); ++shard)
    EXPECT_THAT(text, HasSubstr("livehub_canary_age_seconds{shard=\"" + std::to_string(shard)));
  EXPECT_THAT(text, HasSubstr("livehub_source_canary_age_seconds{source=\"echo\"}"));
  std::atomic<uint32_t> asked{0}, seen{0}, busy{0}, awaited{0};
  const auto look = [&](uint32_t, session::Front& front, io::Driver&, shard::Loop&) {
    session::ChannelsLook channels;
    front.look_at_channels("", 100, channels);
    seen += static_cast<uint32_t>(channels.seen.size());
    busy += static_cast<uint32_t>(front.insight().busiest.top(100).size());
    awaited += front.canary().is_awaited();
    front.check_invariants();
    ++asked;
  };
  ASSERT_EQ(engine.state().on_shards(look), GetParam());
  ASSERT_TRUE(eventually([&] { return asked == GetParam(); }));
  EXPECT_EQ(seen, 0u);
  EXPECT_EQ(busy, 0u);
  EXPECT_EQ(awaited, 0u);  // all have been taken: batches are not looked at any more
}

INSTANTIATE_TEST_SUITE_P(Shards, EngineCanary, ::testing::Values(1, 3));

TEST(EngineWithCanary, ABrokerThatRefusesThemIsNotWatched) {
  const auto source = std::make_shared<Echo>();
  source->refusal = "NOPERM";
  EngineOptions options{.port = 0, .shards = 1};
  options.canary_ms = 1000;
  options.canary_late_ms = 2000;
  Engine engine(options, [](const ProfileContext&) { return std::make_unique<Nothing>(); },
                {source});
  ASSERT_EQ(engine.start(), "");
  const auto text = [&] { return server::metrics_text(engine.state(), engine.state().snapshot()); };
  // It is watched from the first look on, until the refusal comes; then never again.
  ASSERT_TRUE(eventually([&] { return source->sent >= 1; }));
  ASSERT_TRUE(eventually(
      [&] { return text().find("livehub_source_canary_age_seconds{") == std::string::npos; }));
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_THAT(session::ready_reply(engine.state().shared(), false).body,
              HasSubstr("\"ready\":true"));
  EXPECT_EQ(source->rebuilds, 0);
}

TEST(EngineWithCanary, ThereIsNoneWhereNoneIsAskedFor) {
  const auto source = std::make_shared<Echo>();
  EngineOptions options{.port = 0, .shards = 2};
  options.canary_ms = 0;
  Engine engine(options, [](const ProfileContext&) { return std::make_unique<Nothing>(); },
                {source});
  ASSERT_EQ(engine.start(), "");
  EXPECT_THAT(server::metrics_text(engine.state(), engine.state().snapshot()),
              Not(HasSubstr("canary")));
}

// Subscribes to and publishes what the names of canaries are, beside "plain".
class Curious : public Profile {
 public:
  explicit Curious(const ProfileContext& context) : context_(context) {}
  Route route(const Request&) override { return Route::destroy(); }
  int64_t tick_ms() const override { return 50; }
  void on_tick(int64_t) override {
    context_.publish({.channel = session::canary_channel_of_source(0), .payload = "1 1"});
  }

 private:
  const ProfileContext context_;
};

TEST(EngineWithCanary, ProfilesCannotPublishThem) {
  const auto source = std::make_shared<Echo>();
  Engine engine({.port = 0, .shards = 1},
                [](const ProfileContext& context) { return std::make_unique<Curious>(context); },
                {source});
  ASSERT_EQ(engine.start(), "");
  ASSERT_TRUE(eventually([&] {
    const auto shards = engine.state().snapshot();
    return !shards.empty() && shards[0].session.publishes_refused >= 3;
  }));
  EXPECT_EQ(engine.state().snapshot()[0].session.publishes_accepted, 0u);
}

}  // namespace
}  // namespace livehub
