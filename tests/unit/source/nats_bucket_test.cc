// Buckets of a real nats-server with JetStream.
#include "source/nats_bucket.h"

#include <gtest/gtest.h>

#include "nats_server.h"
#include "source/nats.h"

namespace livehub::source {
namespace {

NatsRule no_rule() {
  NatsRule rule;
  rule.feeds = [](std::string_view) { return false; };
  rule.subject_of = rule.channel_of = [](std::string_view text) { return std::string(text); };
  rule.decode = [](const NatsMessage&, NatsDecoded&) { return false; };
  return rule;
}

struct Rig {
  explicit Rig(const NatsServerProcess& server) : source(options(server), no_rule()) {
    EXPECT_EQ(source.start(inlet), "");
    (void)source.listen(NatsBucket{.name = "drops_index",
                                   .bytes_max = 10 << 20,
                                   .hold_ms = 10,
                                   .on_keys = [this](std::vector<std::string> keys) {
                                     const std::lock_guard guard(mutex);
                                     all.push_back(std::move(keys));
                                   }});
  }
  ~Rig() { source.stop(); }
  static NatsOptions options(const NatsServerProcess& server) {
    NatsOptions made;
    made.servers = server.url();
    made.retry_ms_max = 200;
    return made;
  }
  bool sees(const std::vector<std::string>& keys) {
    return eventually([&] {
      const std::lock_guard guard(mutex);
      return !all.empty() && all.back() == keys;
    });
  }
  size_t times() {
    const std::lock_guard guard(mutex);
    return all.size();
  }
  FakeInlet inlet;
  std::mutex mutex;
  std::vector<std::vector<std::string>> all;
  NatsSource source;
};

class Store {
 public:
  explicit Store(NatsPublisher& publisher) {
    EXPECT_EQ(natsConnection_JetStream(&context_, publisher.raw(), nullptr), NATS_OK);
    EXPECT_TRUE(
        eventually([&] { return js_KeyValue(&store_, context_, "drops_index") == NATS_OK; }));
  }
  ~Store() {
    kvStore_Destroy(store_);
    jsCtx_Destroy(context_);
  }
  void put(const char* key) { EXPECT_EQ(kvStore_PutString(nullptr, store_, key, "1"), NATS_OK); }
  void remove(const char* key) { EXPECT_EQ(kvStore_Delete(store_, key), NATS_OK); }

 private:
  jsCtx* context_ = nullptr;
  kvStore* store_ = nullptr;
};

TEST(NatsBucket, IsMadeWhereItIsMissingAndToldAtEachChange) {
  NatsServerProcess server;
  Rig rig(server);
  EXPECT_TRUE(rig.sees({}));
  NatsPublisher publisher(server);
  Store store(publisher);
  store.put("b");
  store.put("a");
  EXPECT_TRUE(rig.sees({"a", "b"}));
  store.remove("a");
  EXPECT_TRUE(rig.sees({"b"}));
}

TEST(NatsBucket, BeginsWithTheKeysThatAreThereAndSurvivesARestart) {
  NatsServerProcess server;
  {
    Rig maker(server);
    EXPECT_TRUE(maker.sees({}));
    NatsPublisher publisher(server);
    Store store(publisher);
    for (const char* key : {"a", "b", "c"}) store.put(key);
    store.remove("b");
    EXPECT_TRUE(maker.sees({"a", "c"}));
  }
  Rig rig(server);
  ASSERT_TRUE(rig.sees({"a", "c"}));
  EXPECT_EQ(rig.all.front(), (std::vector<std::string>{"a", "c"}));  // never a part of them
  const size_t before = rig.times();
  server.kill();
  server.start();
  EXPECT_TRUE(eventually([&] { return rig.times() > before; }));
  NatsPublisher publisher(server);
  Store store(publisher);
  store.put("d");
  EXPECT_TRUE(rig.sees({"a", "c", "d"}));
}

TEST(NatsBucket, AServerWithoutJetStreamFeedsChannelsAllTheSame) {
  NatsServerProcess server(std::vector<std::string>{});
  Rig rig(server);
  EXPECT_TRUE(eventually([&] { return rig.source.is_up(); }));
  EXPECT_EQ(rig.times(), 0u);
}

}  // namespace
}  // namespace livehub::source
