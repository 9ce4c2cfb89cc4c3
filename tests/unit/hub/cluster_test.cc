// Several shards joined by lanes that are almost always full, delivered in any order the rules
// allow.
#include <gtest/gtest.h>

#include "cluster_model.h"
#include "random_run.h"

namespace livehub::hub {
namespace {

using namespace testing;

constexpr uint32_t kChannels = 5;

class Cluster {
 public:
  Cluster(uint64_t seed, ShardId count) : count_(count), lanes_(count) {
    world_.random.seed(seed);
    world_.order.resize(kChannels);
    identity_ = {world_.epoch = 0x5eed + seed, {seed, ~seed}, count};
    choose_limits();
    for (ShardId i = 0; i < count; ++i) {
      Shard& shard = *shards_.emplace_back(std::make_unique<Shard>(world_, lanes_, i, count));
      shard.hub =
          std::make_unique<Hub>(i, identity_, limits_, shard.account, shard.post, shard.clients);
      shard.clients.hub = shard.hub.get();
      for (const TestEncoding& encoding : encodings_) shard.hub->fanout().add_encoding(&encoding);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      now_ns_ += static_cast<int64_t>(world_.below(3));
      step(static_cast<ShardId>(world_.below(count_)));
    }
    finish();
    everybody_leaves();
  }
  const World& world() const { return world_; }
  uint64_t replay_windows() const { return replay_windows_; }

 private:
  struct Shard {
    Shard(World& world, Lanes& lanes, ShardId self, ShardId count)
        : post(lanes, self, count), clients(world, self) {}
    base::MemoryBudget budget{int64_t{1} << 40};
    base::MemoryAccount account{budget};
    LanePost post;
    ShardClients clients;
    std::unique_ptr<Hub> hub;
  };

  void choose_limits() {
    limits_.ring_bytes = 4096;
    limits_.arena_bytes = world_.chance(50) ? 4096 : 32768;
    limits_.blocks_bytes_max = 3000;
    limits_.hot_from_subscribers = static_cast<uint32_t>(1 + world_.below(4));
    limits_.hot_until_ns = 20;
    limits_.sends_per_flush = static_cast<uint32_t>(world_.chance(50) ? 1 + world_.below(4) : 1024);
    limits_.replay_window_bytes = 1 + world_.below(1500);
    limits_.push_wait_ns = world_.chance(50) ? 30 : kForever;
    lanes_.capacity = 1 + world_.below(3);
    world_.block_percent = world_.chance(50) ? 10 : 40;
    world_.gaps_are_wrong = world_.chance(30);
    limits_.history_count = world_.gaps_are_wrong ? 1'000'000 : world_.below(12);
    limits_.history_bytes = world_.gaps_are_wrong || world_.chance(50) ? 1 << 30 : 1500;
    limits_.history_ns = world_.gaps_are_wrong || world_.chance(50) ? kForever : 100;
    body_bytes_max_ = world_.chance(50) ? 60 : 700;
  }

  void step(ShardId i) {
    Shard& shard = *shards_[i];
    const auto peer = static_cast<PeerId>(world_.below(kClusterPeers));
    Client& client = shard.clients.clients[peer];
    const uint64_t dice = world_.below(100);
    if (dice < 4) {
      if (!client.is_open) open(shard, peer);
    } else if (dice < 5) {
      if (client.is_open) close(shard, peer);
    } else if (dice < 14) {
      if (client.is_open) subscribe(shard, peer);
    } else if (dice < 18) {
      if (!client.listeners.empty())
        unsubscribe(shard, peer, world_.below(client.listeners.size()));
    } else if (dice < 34) {
      publish(i);
    } else if (dice < 70) {
      drain_one();
    } else if (dice < 84) {
      flush(shard);
    } else if (dice < 97) {
      writable(shard, peer);
    } else {
      shard.hub->tick(now_ns_);
    }
    shard.hub->check_invariants();
  }

  void open(Shard& shard, PeerId peer) {
    const uint32_t generation = shard.clients.clients[peer].generation;
    shard.clients.clients[peer] = {};
    shard.clients.clients[peer].is_open = true;
    shard.clients.clients[peer].is_stuck = world_.chance(15);
    shard.clients.clients[peer].generation = generation + 1;
    shard.hub->fanout().open_peer(peer);
  }
  void close(Shard& shard, PeerId peer) {
    for (const Listener& l : shard.clients.clients[peer].listeners) remember(l);
    shard.hub->close_peer(peer);
    shard.clients.clients[peer].is_open = false;
    shard.clients.clients[peer].listeners.clear();
    shard.clients.to_close.erase(peer);
  }
  // Where a client could come back.
  void remember(const Listener& l) {
    if (l.is_subscribed) seen_[l.channel].push_back(l.last);
  }

  std::optional<Position> random_resume(uint32_t channel) {
    const uint64_t dice = world_.below(10);
    if (dice < 3) return std::nullopt;
    if (dice == 3) return Position{world_.epoch + 1, world_.below(100)};
    if (dice == 4) return Position{world_.epoch, ShardClients::kGarbageOffset + world_.below(100)};
    const auto& seen = seen_[channel];
    if (!seen.empty() && world_.chance(60))
      return Position{world_.epoch, seen[world_.below(seen.size())]};
    const auto& order = world_.order[channel];
    if (order.empty()) return std::nullopt;
    auto some = order.end();
    for (uint64_t back = 1 + world_.below(8); back > 0 && some != order.begin(); --back) --some;
    return Position{world_.epoch, some->first};
  }

  void subscribe(Shard& shard, PeerId peer) {
    Client& client = shard.clients.clients[peer];
    if (shard.hub->fanout().is_idle(peer)) client.left.clear();
    Listener& l = shard.clients.pending = {};
    l.peer = peer;
    l.channel = static_cast<uint32_t>(world_.below(kChannels));
    l.encoding = static_cast<EncodingId>(world_.below(2));
    l.policy = static_cast<SlowReader>(world_.below(3));
    l.resume = random_resume(l.channel);
    const std::pair here{l.channel, l.encoding};
    if (std::count(client.left.begin(), client.left.end(), here) > 0) return;
    for (const Listener& other : client.listeners)
      if (std::pair{other.channel, other.encoding} == here) return;
    const SubscriptionId id =
        shard.hub->subscribe(peer, name(l.channel), l.encoding, l.policy, l.resume);
    if (shard.clients.find(peer, id)) return;  // on_subscribed() came at once
    l.id = id;
    client.listeners.push_back(l);
  }
  void unsubscribe(Shard& shard, PeerId peer, size_t index) {
    Client& client = shard.clients.clients[peer];
    const Listener l = client.listeners[index];
    remember(l);
    if (!shard.hub->fanout().is_idle(peer)) client.left.emplace_back(l.channel, l.encoding);
    client.listeners.erase(client.listeners.begin() + static_cast<std::ptrdiff_t>(index));
    shard.hub->unsubscribe(l.id);
  }

  void publish(ShardId i) {
    const auto channel = static_cast<uint32_t>(world_.below(kChannels));
    const auto body = static_cast<uint32_t>(world_.below(body_bytes_max_));
    MessagePtr message = make_message(name(channel), channel, ++numbers_, body);
    message->published_ns = now_ns_;
    if (world_.chance(10)) {
      const auto shard = static_cast<ShardId>(world_.below(count_));
      const auto peer = static_cast<PeerId>(world_.below(kClusterPeers));
      message->skip = peer_name(shard, shards_[shard]->clients.clients[peer].generation, peer);
    }
    world_.published[numbers_] = {channel, message->skip, ++world_.events};
    if (shards_[i]->hub->publish(message, numbers_)) return;
    require(bool(message), "a refused message is untouched");
    world_.published.erase(numbers_);
  }

  // One mail of a random lane; false: there is none, or it has to wait.
  bool drain(bool is_request, ShardId from, ShardId to) {
    auto& lane = lanes_.lane(is_request, from, to, count_);
    if (lane.empty()) return false;
    Hub& hub = *shards_[to]->hub;
    if (!(is_request ? hub.on_request(lane.front(), now_ns_) : hub.on_answer(lane.front())))
      return false;
    lane.pop_front();
    hub.check_invariants();
    return true;
  }
  void drain_one() {
    for (int tries = 0; tries < 6; ++tries)
      if (drain(world_.chance(50), static_cast<ShardId>(world_.below(count_)),
                static_cast<ShardId>(world_.below(count_))))
        return;
  }

  void flush(Shard& shard) {
    shard.hub->flush(1);
    for (PeerId peer = 0; peer < kClusterPeers; ++peer) {
      if (!shard.clients.to_close.contains(peer) || world_.chance(30)) continue;
      close(shard, peer);  // and it comes back with what it has
      if (world_.chance(70)) open(shard, peer);
    }
  }
  void writable(Shard& shard, PeerId peer) {
    Client& client = shard.clients.clients[peer];
    if (!client.is_open || !client.is_blocked) return;
    client.is_blocked = false;
    shard.hub->fanout().on_writable(peer);
  }

  bool settle_once() {
    bool is_moving = false;
    for (ShardId to = 0; to < count_; ++to) {
      Shard& shard = *shards_[to];
      for (PeerId peer = 0; peer < kClusterPeers; ++peer) {
        is_moving |= shard.clients.clients[peer].is_open && shard.clients.clients[peer].is_blocked;
        writable(shard, peer);
      }
      is_moving |= shard.hub->fanout().has_work();
      flush(shard);
      for (ShardId from = 0; from < count_; ++from)
        for (const bool is_request : {true, false}) is_moving |= drain(is_request, from, to);
    }
    return is_moving || !lanes_.are_empty();
  }
  void settle() {
    for (int turns = 0; settle_once(); ++turns) require(turns < 20'000, "everything comes to rest");
  }

  void finish() {
    world_.block_percent = 0;
    for (const auto& shard : shards_)
      for (Client& client : shard->clients.clients) client.is_stuck = false;
    settle();
    for (const auto& [number, p] : world_.published)
      require(p.is_answered, "every publish is answered");
    for (const auto& shard : shards_)
      for (PeerId peer = 0; peer < kClusterPeers; ++peer)
        for (const Listener& l : shard->clients.clients[peer].listeners) {
          require(l.is_subscribed, "every subscribe is answered");
          if (!l.is_lapped) shard->clients.require_complete(l, encodings_[l.encoding]);
        }
  }

  void everybody_leaves() {
    for (const auto& shard : shards_)
      for (PeerId peer = 0; peer < kClusterPeers; ++peer)
        if (shard->clients.clients[peer].is_open) close(*shard, peer);
    for (int i = 0; i < 3; ++i) {
      settle();
      now_ns_ += 2 * kForever;
      for (const auto& shard : shards_) shard->hub->tick(now_ns_);
    }
    settle();
    for (const auto& shard : shards_) {
      require(shard->hub->channels() == 0, "no channel is kept for nobody");
      require(shard->hub->owner().channels() == 0, "no channel is owned for nobody");
      require(shard->hub->owner().history_messages() == 0, "history expires");
      require(shard->hub->fanout().subscriptions_live() == 0, "no subscription is left");
      const auto extra = shard->account.held() - static_cast<int64_t>(limits_.arena_bytes);
      require(extra >= 0 && extra <= (body_bytes_max_ > 60 ? 3000 : 0),
              "only the arena holds memory");
      replay_windows_ += shard->hub->counters().replay_windows;
      shard->hub.reset();
      require(shard->account.held() == 0, "what was charged was released");
    }
  }

  static std::string name(uint32_t channel) { return "channel-" + std::to_string(channel); }

  static constexpr int64_t kForever = int64_t{1} << 50;
  const ShardId count_;
  World world_;
  Identity identity_;
  Limits limits_;
  Lanes lanes_;
  const TestEncoding encodings_[2] = {{0, 0}, {1, 9, 3}};
  std::vector<std::unique_ptr<Shard>> shards_;
  std::map<uint32_t, std::vector<uint64_t>> seen_;
  uint32_t body_bytes_max_ = 0;
  uint64_t numbers_ = 0;
  uint64_t replay_windows_ = 0;
  int64_t now_ns_ = 1;
};

TEST(Cluster, EverySubscriberSeesTheSameOrderOnceOrIsTold) {
  uint64_t frames = 0, gaps = 0, skips = 0, laps = 0, busy = 0, windows = 0;
  run_seeds(240, [&](uint64_t seed) {
    constexpr ShardId kCounts[] = {1, 2, 3, 5};
    Cluster cluster(seed, kCounts[seed % 4]);
    cluster.run(2000);
    frames += cluster.world().frames;
    gaps += cluster.world().gaps;
    skips += cluster.world().skips;
    laps += cluster.world().laps;
    busy += cluster.world().busy;
    windows += cluster.replay_windows();
  });
  if (std::getenv("LIVEHUB_SEED") || ::testing::Test::HasFailure()) return;
  EXPECT_GT(frames, 20'000U);
  EXPECT_GT(gaps, 200U);
  EXPECT_GT(skips, 100U);
  EXPECT_GT(laps, 200U);
  EXPECT_GT(busy, 100U);
  EXPECT_GT(windows, 500U);
}

}  // namespace
}  // namespace livehub::hub
