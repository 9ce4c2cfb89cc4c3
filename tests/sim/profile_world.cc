#include "profile_world.h"

#include <algorithm>

#include "common.h"

namespace livehub::sim {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kSettleNs = 400 * kSecondNs;
constexpr int64_t kCalmNs = 50 * kSecondNs;
constexpr uint64_t kSettleStepsMax = 400'000;

}  // namespace

ProfileWorld::ProfileWorld(uint64_t kernel_seed, bool is_logged) : kernel_(kernel_seed) {
  kernel_.print_log(is_logged);
  io::SimRandom& random = kernel_.random;
  draw_socket_rates(kernel_);
  scene_.cut_rate = draw_rate(random, 200);
  scene_.free_rate = static_cast<uint32_t>(random.between(300, 4000));
  setup_.shards = static_cast<uint32_t>(random.between(1, 3));
  setup_.limits.hot_from_subscribers = random.chance(5000) ? 2 : 64;
  setup_.lanes.requests = random.chance(3000) ? 8 : 256;
  setup_.lanes.answers = random.chance(3000) ? 16 : 1024;
  setup_.io.sockets_max = 1024;
  setup_.io.receive_bytes = random.chance(3000) ? 50 : 16384;
  chaos_steps_ = random.between(500, 3000);
  restarts_ = random.chance(3000);
}

std::string ProfileWorld::setting() const {
  return std::to_string(setup_.shards) + " shards, " + std::to_string(clients_.size()) +
         " clients, lanes " + std::to_string(setup_.lanes.requests) + "/" +
         std::to_string(setup_.lanes.answers) + (restarts_ ? ", a restart" : "");
}

void ProfileWorld::run() {
  start_engine();
  for (uint64_t i = 0; i < chaos_steps_; ++i) step_once();
  if (restarts_) restart();
  become_calm();
  settle("all are connected and answered");
  let_pass(scene_.calm_from_ns - kernel_.now_ns());
  settle("all are answered for good");
  check_calm();
  drain();
  stop_engine();
}

// --- the server's lives ---

void ProfileWorld::start_engine() {
  profile::ProfileChoice choice = make_profile();
  if (!choice.factory) fail("the profile refuses its settings: " + choice.error);
  ++scene_.engine;
  engine_ = std::make_unique<SimEngine>(kernel_, setup_, choice.factory, make_source());
  on_started();
}

// As the engine has it: the sources end behind the last shard, and before what the shards own.
void ProfileWorld::stop_engine() {
  stop_outside();
  engine_.reset();
}

void ProfileWorld::restart() {
  kernel_.log("drain", scene_.engine);
  engine_->begin_drain();
  for (uint64_t steps = 0; !engine_->is_all_finished(); ++steps) {
    if (steps > kSettleStepsMax) fail("a drain does not end");
    step_once();
    if (steps % 16 == 15 && engine_->first_due_ns() > kernel_.now_ns()) kernel_.advance(5'000'000);
  }
  stop_engine();
  kernel_.advance(static_cast<int64_t>(kernel_.random.below(2 * kSecondNs)));
  start_engine();
}

// --- steps ---

void ProfileWorld::step_once() {
  ++scene_.step;
  kernel_.advance(static_cast<int64_t>(kernel_.random.below(scene_.is_calm ? 20'000 : 2'000'000)));
  if (!scene_.is_calm) act_freely();
  if (!run_someone() && !let_time_pass(Client::kNeverNs)) fail("nothing will ever happen again");
}

bool ProfileWorld::run_someone() {
  io::SimRandom& random = kernel_.random;
  std::vector<Outsider*> outside = outsiders();
  std::erase_if(outside, [](const Outsider* one) { return !one->is_active(); });
  if (!outside.empty() && random.chance(3000)) return random.pick(outside)->act();
  std::vector<uint32_t> shards;
  for (uint32_t s = 0; s < engine_->shards(); ++s)
    if (engine_->is_runnable(s)) shards.push_back(s);
  std::vector<Client*> active;
  for (const auto& client : clients_)
    if (client->is_active() || (!scene_.is_calm && client->is_linked() && random.chance(2000)))
      active.push_back(client.get());
  if (!shards.empty() && (active.empty() || random.chance(5000))) {
    engine_->turn(random.pick(shards));
    for (const Outsider* one : outsiders()) one->check();
    engine_->check_invariants();
    return true;
  }
  if (active.empty()) return !outside.empty() && random.pick(outside)->act();
  const bool has_acted = random.pick(active)->act();
  // Somebody who never reads must not stop the clock.
  return has_acted || !shards.empty() || !random.chance(1000);
}

bool ProfileWorld::let_time_pass(int64_t not_after_ns) {
  int64_t next_ns = std::min(engine_->first_due_ns(), not_after_ns);
  for (const Outsider* one : outsiders()) next_ns = std::min(next_ns, one->due_ns());
  for (const auto& client : clients_) next_ns = std::min(next_ns, client->due_ns());
  if (next_ns == Client::kNeverNs) return false;
  kernel_.advance(std::max<int64_t>(next_ns - kernel_.now_ns(), 1000));
  return true;
}

void ProfileWorld::let_pass(int64_t ns) {
  const int64_t until_ns = kernel_.now_ns() + ns;
  while (kernel_.now_ns() < until_ns) {
    ++scene_.step;
    if (!run_someone()) let_time_pass(until_ns);
  }
}

void ProfileWorld::become_calm() {
  kernel_.log("calm");
  kernel_.rates = {};
  scene_.is_calm = true;
  scene_.calm_from_ns = kernel_.now_ns() + kCalmNs;
  for (const auto& client : clients_) client->calm_down();
  on_calm();
}

bool ProfileWorld::is_idle(const Client* one) {
  for (const Outsider* outside : outsiders())
    if (outside->is_active()) return false;
  for (uint32_t s = 0; s < engine_->shards(); ++s)
    if (engine_->is_runnable(s)) return false;
  return std::all_of(clients_.begin(), clients_.end(), [one](const auto& client) {
    return !client->is_active() && (client->is_settled() || client.get() == one);
  });
}

std::string ProfileWorld::who_waits() const {
  std::string names;
  for (const auto& client : clients_)
    if (!client->is_settled()) names += (names.empty() ? ": " : ", ") + client->whereabouts();
  return names;
}

void ProfileWorld::settle(const char* what, const Client* one) {
  const int64_t until_ns = kernel_.now_ns() + kSettleNs;
  for (uint64_t steps = 0; !is_idle(one); ++steps) {
    if (steps > kSettleStepsMax) fail(std::string("it goes on and on until ") + what + who_waits());
    if (kernel_.now_ns() > until_ns)
      fail(std::string("it takes for ever until ") + what + who_waits());
    step_once();
  }
}

// With something under way: nobody is told of it any more, and all are told of the end.
void ProfileWorld::drain() {
  before_drain();
  for (int steps = static_cast<int>(kernel_.random.below(60)); steps > 0; --steps) step_once();
  drain_in_the_calm(scene_, *engine_, setup_.options.drain_seconds, clients_,
                    [this] { step_once(); });
}

}  // namespace livehub::sim
