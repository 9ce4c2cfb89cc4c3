#include "world.h"

#include <algorithm>

#include "common.h"
#include "hostile_client.h"
#include "profile/live_data.h"
#include "recording_profile.h"

namespace livehub::sim {
namespace {

using io::SimFault;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kSettleStepsMax = 400'000;
constexpr int64_t kSettleNs = 400 * kSecondNs;
constexpr int64_t kQuietNs = 70 * kSecondNs;  // longer than a dead peer may stay
constexpr int64_t kDeadPeerNs = 45 * kSecondNs;

}  // namespace

World::World(uint64_t seed, bool is_logged) : kernel_(seed * 0x9e3779b97f4a7c15 + 1) {
  kernel_.print_log(is_logged);
  draw_setup();
  if (seed % 3 == 0) draw_compression();
  draw_rates();
  draw_clients();
}
World::~World() = default;

void World::run() {
  start_engine();
  chaos();
  for (; restarts_ > 0; --restarts_) restart(), chaos();
  become_calm();
  settle("all are connected");
  while (kernel_.now_ns() < scene_.calm_from_ns)
    if (!run_someone()) let_time_pass(scene_.calm_from_ns);
  settle("all are connected for good");
  for (int round = 0; round < 2; ++round) push_and_converge();
  stay_quiet();
  oracle_.check_views();
  if (kernel_.random.chance(5000))
    drain_in_the_calm(scene_, *engine_, setup_.options.drain_seconds, clients_,
                      [this] { step_once(); });
  else
    leave();
  stop_engine();
  totals_.runs = 1;
  totals_.steps = scene_.step;
  totals_.simulated_ns = kernel_.now_ns() - 1'000'000'000'000;
  totals_.pushes = oracle_.pushes().size();
  totals_.deliveries = oracle_.deliveries();
  totals_.gaps = oracle_.gaps();
  totals_.connects = scene_.connects;
  totals_.cuts = scene_.cuts;
  totals_.resumes = scene_.resumes;
  totals_.told_ends = scene_.told_ends;
  totals_.untold_ends = scene_.untold_ends;
  totals_.refused = scene_.refused_streams;
  totals_.pings = scene_.pings;
  if (broker_) totals_.broker = broker_->counts();
  for (size_t i = 0; i < 6; ++i) totals_.answers[i] = scene_.answers[i];
  for (size_t i = 0; i < static_cast<size_t>(SimFault::kCount); ++i)
    totals_.faults[i] = kernel_.faults(static_cast<SimFault>(i));
}

// --- the server's lives ---

void World::start_engine() {
  profile::ProfileChoice choice = profile::make_live_data(settings_);
  if (!choice.factory) fail("the profile refuses its settings: " + choice.error);
  ++scene_.engine;
  if (broker_) source_ = std::make_shared<BrokerSource>(scene_, *broker_);
  engine_ = std::make_unique<SimEngine>(
      kernel_, setup_, record(std::move(choice.factory), oracle_, broker_.get()), source_);
  if (source_) source_->set_room([this] { return engine_->inlet_has_room("live"); });
  baseline_bytes_ = engine_->held_bytes();
  ++totals_.engines;
}

void World::stop_engine() {
  for (uint32_t s = 0; s < engine_->shards(); ++s) {
    const session::Front& front = engine_->front(s);
    const hub::FanoutCounters& fanout = front.hub().fanout().counters();
    totals_.lapped += fanout.lapped;
    totals_.copied += fanout.remainders_copied;
    totals_.waits += fanout.append_waits;
    totals_.windows += front.hub().counters().replay_windows;
    totals_.local_resumes += front.hub().counters().local_resumes;
    totals_.memory_resets += front.counters().memory_resets;
    totals_.dead_peers += front.counters().dead_peers;
    totals_.busy += front.counters().publishes_busy;
    totals_.drained += front.counters().drained;
    const hub::OwnerCounters& owner = front.hub().owner().counters();
    totals_.fed += owner.fed;
    totals_.fed_again += owner.fed_again;
    totals_.fed_in_vain += owner.fed_in_vain;
    totals_.waits_over += owner.feed_waits_over;
    totals_.held += owner.held_replays;
  }
  totals_.turns += engine_->turns();
  if (broker_) broker_->forget_pushes();
  engine_.reset();
}

// --- steps ---

void World::step_once() {
  ++scene_.step;
  kernel_.advance(static_cast<int64_t>(kernel_.random.below(scene_.is_calm ? 20'000 : step_ns_)));
  if (!scene_.is_calm) jump();
  if (run_someone()) return;
  if (!let_time_pass(kernel_.now_ns() + kSecondNs * 1000)) fail("nothing will ever happen again");
}

// A shard or a client, whoever has something to do. False: nobody has.
bool World::run_someone() {
  if (broker_ && kernel_.random.chance(broker_rate_) && run_broker()) return true;
  std::vector<uint32_t> shards;
  for (uint32_t s = 0; s < engine_->shards(); ++s)
    if (engine_->is_runnable(s)) shards.push_back(s);
  std::vector<Client*> active;
  for (const auto& client : clients_)
    if (client->is_active() ||
        (!scene_.is_calm && client->is_linked() && kernel_.random.chance(2000)))
      active.push_back(client.get());
  const bool is_servers = !shards.empty() && (active.empty() || kernel_.random.chance(5000));
  if (is_servers) {
    uint32_t shard = kernel_.random.pick(shards);
    if (shard == lazy_shard_ && !scene_.is_calm && kernel_.random.chance(laziness_)) return true;
    engine_->turn(shard);
    engine_->check_invariants();
    for (uint32_t s = 0; s < engine_->shards(); ++s)
      totals_.hot += engine_->front(s).hub().fanout().hot_streams();
    return true;
  }
  if (active.empty()) return broker_ && run_broker();
  const bool is_pusher = !scene_.is_calm && kernel_.random.chance(push_rate_);
  Client* client = is_pusher ? kernel_.random.pick(pushers_) : kernel_.random.pick(active);
  const bool has_acted = client->act();
  // Somebody who never reads must not stop the clock.
  if (!has_acted && shards.empty() && kernel_.random.chance(1000)) return false;
  return true;
}

bool World::run_broker() {
  if (!scene_.is_calm && kernel_.random.chance(3000)) {
    broker_->act_freely();
    source_->act_freely();
    return true;
  }
  return kernel_.random.chance(5000) ? broker_->act() || source_->act()
                                     : source_->act() || broker_->act();
}

bool World::let_time_pass(int64_t not_after_ns) {
  int64_t next_ns = engine_->first_due_ns();
  for (const auto& client : clients_) next_ns = std::min(next_ns, client->due_ns());
  if (broker_) next_ns = std::min({next_ns, broker_->due_ns(), source_->due_ns()});
  if (next_ns == Client::kNeverNs && not_after_ns == Client::kNeverNs) return false;
  next_ns = std::min(next_ns, not_after_ns);
  kernel_.advance(std::max<int64_t>(next_ns - kernel_.now_ns(), 1000));
  return true;
}

void World::jump() {
  if (kernel_.random.chance(20)) {
    kernel_.count(SimFault::kSpuriousWake);
    engine_->rouse(static_cast<uint32_t>(kernel_.random.below(engine_->shards())));
  }
  if (!kernel_.random.chance(jump_rate_)) return;
  const bool is_long = kernel_.random.chance(1000);
  kernel_.count(is_long ? SimFault::kLongJump : SimFault::kFreeze);
  const int64_t most_ns = kernel_.random.chance(3000) ? 120 * kSecondNs : 5 * kSecondNs;
  kernel_.advance(is_long
                      ? static_cast<int64_t>(kernel_.random.below(static_cast<uint64_t>(most_ns)))
                      : 75'000'000);
  kernel_.log("jump", is_long);
}

// --- phases ---

void World::chaos() {
  for (uint64_t i = 0; i < chaos_steps_; ++i) step_once();
}

// SIGTERM in the middle of everything, then a new process with the clients of the old one.
void World::restart() {
  kernel_.log("drain", scene_.engine);
  engine_->begin_drain();
  const auto drain_ns = static_cast<int64_t>(setup_.options.drain_seconds * 1e9);
  const int64_t until_ns = kernel_.now_ns() + drain_ns + kSecondNs;
  for (uint64_t steps = 0; !engine_->is_all_finished(); ++steps) {
    if (kernel_.now_ns() > until_ns && steps > 50'000) fail("a drain does not end");
    if (steps > 200'000) fail("a drain does not end");
    step_once();
    if (steps % 16 == 15 && engine_->first_due_ns() > kernel_.now_ns())
      kernel_.advance(5'000'000);  // it may be all that is left to happen
  }
  stop_engine();
  for (int i = 0; i < 3; ++i)
    kernel_.advance(static_cast<int64_t>(kernel_.random.below(kSecondNs)));
  start_engine();
}

void World::become_calm() {
  kernel_.log("calm");
  kernel_.rates = {};
  scene_.is_calm = true;
  scene_.calm_from_ns = kernel_.now_ns() + 50 * kSecondNs;
  for (const auto& client : clients_) client->calm_down();
  if (source_) source_->calm_down();
  // As many as are sure to find a place, wherever they land.
  const size_t room = setup_.io.sockets_max > 64 ? setup_.io.sockets_max - 64 : 0;
  while (clients_.size() > room) {
    clients_.back()->leave();
    std::erase(streams_, clients_.back().get());
    std::erase(pushers_, clients_.back().get());
    clients_.pop_back();
  }
}

bool World::is_all_settled() const {
  if (broker_ && (broker_->is_active() || !source_->is_settled())) return false;
  return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) {
    return client->is_settled() && !client->is_active();
  });
}

// Until everybody has what he wants and nobody has anything to do.
void World::settle(const char* what) {
  const int64_t until_ns = kernel_.now_ns() + kSettleNs;
  for (uint64_t steps = 0;; ++steps) {
    bool is_idle = is_all_settled();
    for (uint32_t s = 0; s < engine_->shards(); ++s) is_idle = is_idle && !engine_->is_runnable(s);
    if (is_idle) return;
    if (steps > kSettleStepsMax) fail(std::string("it goes on and on until ") + what);
    if (kernel_.now_ns() > until_ns) fail(std::string("it takes for ever until ") + what);
    step_once();
  }
}

void World::push_and_converge() {
  bool is_pushed = pushers_.empty();
  for (int tries = 0; tries < 1000 && !is_pushed; ++tries) {
    for (PushClient* pusher : pushers_) is_pushed |= pusher->push_now();
    step_once();
  }
  if (!is_pushed) fail("nobody can push");
  settle("a push has reached everybody");
}

// Nothing is sent by anybody: heartbeats come, dead peers go, and the shards sleep.
void World::stay_quiet() {
  const uint64_t turns_before = engine_->turns();
  const int64_t begin_ns = kernel_.now_ns();
  const int64_t until_ns = begin_ns + kQuietNs;
  for (uint64_t steps = 0; kernel_.now_ns() < until_ns; ++steps) {
    if (steps > kSettleStepsMax) fail("it is not quiet");
    ++scene_.step;
    if (!run_someone()) let_time_pass(until_ns);
    for (const StreamClient* stream : streams_)
      if (!stream->is_websocket() && stream->quiet_ns() > 16 * kSecondNs)
        fail("an event stream is silent for " + std::to_string(stream->quiet_ns() / 1'000'000) +
             " ms");
  }
  settle("the quiet ends");
  const uint64_t turns = engine_->turns() - turns_before;
  const uint64_t expected = 70 * 4 * engine_->shards() + 60 * clients_.size();
  if (!is_generator_ && turns > expected)
    fail(std::to_string(turns) + " turns in 70 quiet seconds");
  uint32_t linked = 0;
  for (const auto& client : clients_) linked += client->is_linked();
  if (engine_->connections() != linked)
    fail("dead peers are open: " + std::to_string(engine_->connections()) + " of " +
         std::to_string(linked));
  if (const std::string late = engine_->late_canary(); !late.empty()) fail("in the calm: " + late);
  for (const auto& client : clients_) client->check_end();
}

void World::leave() {
  kernel_.log("leave");
  for (const auto& client : clients_) client->leave();
  const int64_t until_ns = kernel_.now_ns() + kDeadPeerNs;
  while (engine_->connections() > 0) {
    if (kernel_.now_ns() > until_ns) fail("connections outlive their clients");
    step_once();
  }
  if (is_generator_) return;
  const int64_t forgotten_ns = kernel_.now_ns() + setup_.limits.history_ns + 70 * kSecondNs;
  while (kernel_.now_ns() < forgotten_ns)
    if (!run_someone()) let_time_pass(forgotten_ns);
  const int64_t grown = engine_->held_bytes() - baseline_bytes_;
  // The arena keeps the last large frames until it needs their room.
  const auto blocks =
      static_cast<int64_t>((setup_.limits.blocks_bytes_max + 300'000) * setup_.shards);
  // Where one subscriber makes a stream hot, the canaries' are.
  const bool has_rings = setup_.limits.hot_from_subscribers == 1;
  const auto rings = has_rings ? static_cast<int64_t>(setup_.limits.ring_bytes * setup_.shards) : 0;
  if (grown < 0 || grown > (scene_.has_large ? blocks : 0) + rings)
    fail("memory is not what it was: " + std::to_string(grown) + " bytes more");
}

}  // namespace livehub::sim
