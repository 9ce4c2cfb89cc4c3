// What a seed stands for: limits, rates of faults, clients.
#include <algorithm>
#include <initializer_list>

#include "common.h"
#include "hostile_client.h"
#include "wire/deflate.h"
#include "world.h"

namespace livehub::sim {
namespace {

template <typename T>
T one_of(io::SimRandom& random, std::initializer_list<T> list) {
  return *(list.begin() + random.below(list.size()));
}

}  // namespace

void World::draw_rates() {
  io::SimRandom& random = kernel_.random;
  const auto rate = [&random](uint64_t most) { return draw_rate(random, most); };
  draw_socket_rates(kernel_);
  kernel_.rates.descriptors_out = rate(3000);
  kernel_.rates.spurious_writable = rate(2000);
  scene_.cut_rate = rate(80);
  step_ns_ = one_of<uint64_t>(random, {20'000, 200'000, 2'000'000, 20'000'000});
  scene_.free_rate = is_poor_ ? 8000 : one_of<uint32_t>(random, {300, 2000, 8000});
  laziness_ = one_of<uint32_t>(random, {7000, 9500, 9900});
  lazy_shard_ = static_cast<uint32_t>(random.below(6));
  if (scene_.is_hasty) {  // answers come late, and find others than those who asked
    laziness_ = 9900;
    lazy_shard_ = static_cast<uint32_t>(random.below(setup_.shards));
    scene_.free_rate = 8000;
  }
  push_rate_ = is_poor_ ? 5000 : one_of<uint32_t>(random, {0, 1000, 5000});
  broker_rate_ = one_of<uint32_t>(random, {1000, 3000, 6000});
  jump_rate_ = rate(30);
  chaos_steps_ = random.between(500, 4000);
  restarts_ = random.chance(broker_ ? 6000 : 3000) ? 1 : 0;
}

void World::draw_limits() {
  io::SimRandom& random = kernel_.random;
  hub::Limits& limits = setup_.limits;
  limits.ring_bytes = one_of<size_t>(random, {4096, 4096, 8192, 65536});
  limits.arena_bytes = one_of<size_t>(random, {4096, 8192, 16384, 131072});
  limits.rings_bytes_max = limits.ring_bytes * random.between(0, 4);
  limits.hot_from_subscribers = one_of<uint32_t>(random, {1, 2, 3, 5, 64});
  limits.hot_until_ns = one_of<int64_t>(random, {500'000'000, 5'000'000'000, 60'000'000'000});
  limits.blocks_bytes_max = one_of<size_t>(random, {3000, 20'000, 200'000});
  limits.history_count = one_of<size_t>(random, {0, 1, 3, 20, 1000});
  limits.history_bytes = one_of<size_t>(random, {1000, 20'000, 4 << 20});
  limits.history_ns = one_of<int64_t>(random, {1, 10, 300}) * 1'000'000'000;
  limits.replay_window_bytes = one_of<size_t>(random, {1, 500, 3000, 65536});
  limits.push_wait_ns = one_of<int64_t>(random, {20, 300, 2000}) * 1'000'000;
  limits.sends_per_flush = one_of<uint32_t>(random, {1, 2, 7, 1024});
  setup_.lanes.requests = one_of<size_t>(random, {2, 4, 256});
  setup_.lanes.answers = one_of<size_t>(random, {2, 4, 16, 1024});
}

void World::draw_setup() {
  io::SimRandom& random = kernel_.random;
  scene_.is_hasty = random.chance(1500);
  setup_.shards = static_cast<uint32_t>(random.between(scene_.is_hasty ? 2 : 1, 3));
  draw_limits();
  EngineOptions& options = setup_.options;
  options.slow_reader = one_of(random, {SlowReader::kDisconnect, SlowReader::kDisconnect,
                                        SlowReader::kSkip, SlowReader::kNewest});
  options.drain_seconds = one_of<double>(random, {0.3, 1, 4});
  scene_.may_jump = options.slow_reader == SlowReader::kNewest;
  setup_.io.accepts_per_turn = one_of<uint32_t>(random, {1, 3, 64});
  setup_.io.receives_per_turn = one_of<uint32_t>(random, {1, 4, 256});
  setup_.io.receive_bytes = one_of<uint32_t>(random, {7, 300, 16384});
  setup_.backlog = one_of<uint32_t>(random, {2, 128});
  is_tight_ = random.chance(1500);
  setup_.io.sockets_max = is_tight_ ? 64 + static_cast<uint32_t>(random.between(3, 12)) : 1024;
  if (random.chance(300))
    setup_.io.sockets_max = static_cast<uint32_t>(random.between(1, 8)), is_tight_ = true;
  is_poor_ = scene_.is_poor = random.chance(2500);
  setup_.memory_bytes = 1 << 30;
  is_generator_ = random.chance(1000);
  settings_["MODE"] = is_generator_ ? "generator" : "hub";
  settings_["TICK_MS"] = "50";
  if (!is_generator_ && random.chance(4000))
    broker_ = std::make_unique<Broker>(scene_, random.chance(6000));
  scene_.has_broker = broker_ != nullptr;
  scene_.has_large = random.chance(6000);
  if (is_poor_) draw_poverty();
  const bool is_dripping = setup_.io.receive_bytes < 100;
  scene_.body_bytes_max = is_dripping || random.chance(2000) ? 2000 : 256'000;
  settings_["MAX_BODY_BYTES"] = std::to_string(scene_.body_bytes_max);
}

// So little memory that the chaos uses it up, but enough for what is kept when nobody wants
// anything.
void World::draw_poverty() {
  hub::Limits& limits = setup_.limits;
  limits.rings_bytes_max = std::min<size_t>(limits.rings_bytes_max, 8192);
  limits.blocks_bytes_max = 3000;
  limits.history_ns = std::min<int64_t>(limits.history_ns, 10'000'000'000);
  limits.history_count = 1000;
  limits.history_bytes = 4 << 20;
  scene_.has_large = true;
  constexpr size_t kKept =
      64 * 1024 + 4 * 30'500;  // an account's rounding, and a block for each encoding
  const size_t least = (limits.arena_bytes + limits.rings_bytes_max + kKept) * setup_.shards;
  setup_.memory_bytes = static_cast<int64_t>(least + kernel_.random.below(20'000));
}

// Every third seed, and no draw of its own: the others are the runs that they are without it.
void World::draw_compression() {
  scene_.may_compress = true;
  setup_.options.compress_websocket = setup_.options.compress_sse = true;
  if (is_poor_) setup_.memory_bytes += static_cast<int64_t>(wire::kZlibBytes * setup_.shards);
}

void World::draw_clients() {
  io::SimRandom& random = kernel_.random;
  const uint64_t streams = random.between(2, 24);
  for (uint64_t i = 0; i < streams; ++i) {
    const auto kind = static_cast<StreamKind>(random.below(4));
    constexpr const char* kNames[] = {"sse", "sse10-", "ws", "envelope"};
    auto client = std::make_unique<StreamClient>(
        scene_, kNames[static_cast<int>(kind)] + std::to_string(i), kind);
    streams_.push_back(client.get());
    clients_.push_back(std::move(client));
  }
  const uint64_t pushers = random.between(1, 5);
  for (uint64_t i = 0; i < pushers; ++i) {
    auto client = std::make_unique<PushClient>(scene_, "push" + std::to_string(i));
    pushers_.push_back(client.get());
    clients_.push_back(std::move(client));
  }
  for (uint64_t i = random.below(4); i > 0; --i)
    clients_.push_back(std::make_unique<HostileClient>(scene_, "hostile" + std::to_string(i)));
}

std::string World::setting() const {
  const hub::Limits& l = setup_.limits;
  return std::to_string(setup_.shards) + " shards, " + std::to_string(streams_.size()) +
         " streams, " + std::to_string(pushers_.size()) + " pushers, ring " +
         std::to_string(l.ring_bytes) + " (max " + std::to_string(l.rings_bytes_max) +
         ", hot from " + std::to_string(l.hot_from_subscribers) + "), arena " +
         std::to_string(l.arena_bytes) + ", history " + std::to_string(l.history_count) + "/" +
         std::to_string(l.history_bytes) + "/" + std::to_string(l.history_ns / 1'000'000'000) +
         " s, lanes " + std::to_string(setup_.lanes.requests) + "/" +
         std::to_string(setup_.lanes.answers) + ", policy " +
         std::to_string(static_cast<int>(setup_.options.slow_reader)) +
         (scene_.may_compress ? ", compression" : "") + (is_tight_ ? ", tight" : "") +
         (is_poor_ ? ", poor" : "") + (is_generator_ ? ", generator" : "") +
         (!broker_                 ? ""
          : broker_->is_numbered() ? ", a broker's stream"
                                   : ", a broker");
}

}  // namespace livehub::sim
