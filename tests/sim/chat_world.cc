#include "chat_world.h"

#include <algorithm>

#include "profile/chat.h"

namespace livehub::sim {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kSettleNs = 400 * kSecondNs;
constexpr uint64_t kSettleStepsMax = 400'000;

}  // namespace

ChatWorld::ChatWorld(uint64_t seed, bool is_logged) : kernel_(seed * 0xd1342543de82ef95 + 7) {
  kernel_.print_log(is_logged);
  draw();
}

void ChatWorld::draw() {
  io::SimRandom& random = kernel_.random;
  const auto rate = [&](uint64_t most) {
    return random.chance(3500) ? 0 : static_cast<uint32_t>(random.below(most));
  };
  kernel_.rates.short_receive = rate(7000);
  kernel_.rates.short_send = rate(7000);
  kernel_.rates.blocked_send = rate(3000);
  kernel_.rates.failed_send = rate(40);
  kernel_.rates.late_release = rate(8000);
  scene_.cut_rate = rate(200);
  scene_.free_rate = static_cast<uint32_t>(random.between(300, 4000));
  setup_.shards = static_cast<uint32_t>(random.between(1, 3));
  profile::set_chat_defaults(setup_.options);
  setup_.options.drain_seconds = random.chance(5000) ? 1 : 4;
  setup_.limits.history_count = 0;
  setup_.limits.arena_bytes = 64 * 1024;
  setup_.limits.ring_bytes = 64 * 1024;
  setup_.limits.hot_from_subscribers = random.chance(5000) ? 2 : 64;
  setup_.lanes.requests = random.chance(3000) ? 8 : 256;
  setup_.lanes.answers = random.chance(3000) ? 16 : 1024;
  setup_.io.sockets_max = 1024;
  setup_.io.receive_bytes = random.chance(3000) ? 50 : 16384;
  chaos_steps_ = random.between(500, 3000);
  restarts_ = random.chance(3000);
  const uint64_t rooms = random.between(1, 3), clients = random.between(3, 14);
  for (uint64_t i = 0; i < clients; ++i)
    clients_.push_back(std::make_unique<ChatClient>(scene_, *backend_, "user" + std::to_string(i),
                                                    "room" + std::to_string(random.below(rooms))));
}

std::string ChatWorld::setting() const {
  return "chat: " + std::to_string(setup_.shards) + " shards, " + std::to_string(clients_.size()) +
         " clients, lanes " + std::to_string(setup_.lanes.requests) + "/" +
         std::to_string(setup_.lanes.answers) + (restarts_ ? ", a restart" : "");
}

Totals ChatWorld::totals() const {
  Totals totals;
  totals.backend = backend_->counts();
  for (const auto& client : clients_) totals.told += client->told();
  return totals;
}

void ChatWorld::run() {
  start_engine();
  for (uint64_t i = 0; i < chaos_steps_; ++i) step_once();
  if (restarts_) restart();
  become_calm();
  settle("all are connected and answered");
  while (kernel_.now_ns() < scene_.calm_from_ns)
    if (!run_someone() && !let_time_pass()) break;
  settle("all are answered for good");
  for (int round = 0; round < 2; ++round) hold_one();
  for (const auto& client : clients_) client->check_seen(calm_step_);
  drain();
  stop_engine();
}

// --- the server's lives ---

void ChatWorld::start_engine() {
  const profile::SettingMap settings = {{"JWT_SECRET", std::string(ChatClient::kJwtSecret)},
                                        {"INTERNAL_API_SECRET", std::string(Backend::kSecret)},
                                        {"NEXT_API_URL", std::string(Backend::kUrl)},
                                        {"REDIS_URL", "redis://nowhere.test"}};
  profile::ProfileChoice choice = profile::make_chat_of(
      settings, {.backend = backend_, .unix_ms = [this] { return kernel_.now_ns() / 1'000'000; }});
  if (!choice.factory) fail("the profile refuses its settings: " + choice.error);
  ++scene_.engine;
  engine_ = std::make_unique<SimEngine>(kernel_, setup_, choice.factory, nullptr);
}

// As the engine has it: the sources end behind the last shard, and before what the shards own.
void ChatWorld::stop_engine() {
  backend_->stop();
  engine_.reset();
}

void ChatWorld::restart() {
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

void ChatWorld::step_once() {
  ++scene_.step;
  kernel_.advance(static_cast<int64_t>(kernel_.random.below(scene_.is_calm ? 20'000 : 2'000'000)));
  if (!run_someone() && !let_time_pass()) fail("nothing will ever happen again");
}

bool ChatWorld::run_someone() {
  io::SimRandom& random = kernel_.random;
  if (backend_->is_active() && random.chance(3000)) return backend_->act();
  std::vector<uint32_t> shards;
  for (uint32_t s = 0; s < engine_->shards(); ++s)
    if (engine_->is_runnable(s)) shards.push_back(s);
  std::vector<ChatClient*> active;
  for (const auto& client : clients_)
    if (client->is_active() || (!scene_.is_calm && client->is_linked() && random.chance(2000)))
      active.push_back(client.get());
  if (!shards.empty() && (active.empty() || random.chance(5000))) {
    engine_->turn(random.pick(shards));
    backend_->check();
    engine_->check_invariants();
    return true;
  }
  if (active.empty()) return backend_->is_active() && backend_->act();
  const bool has_acted = random.pick(active)->act();
  // Somebody who never reads must not stop the clock.
  return has_acted || !shards.empty() || !random.chance(1000);
}

bool ChatWorld::let_time_pass() {
  int64_t next_ns = std::min(engine_->first_due_ns(), backend_->due_ns());
  for (const auto& client : clients_) next_ns = std::min(next_ns, client->due_ns());
  if (next_ns == Client::kNeverNs) return false;
  kernel_.advance(std::max<int64_t>(next_ns - kernel_.now_ns(), 1000));
  return true;
}

void ChatWorld::become_calm() {
  kernel_.log("calm");
  kernel_.rates = {};
  scene_.is_calm = true;
  scene_.calm_from_ns = kernel_.now_ns() + 50 * kSecondNs;
  for (const auto& client : clients_) client->calm_down();
}

void ChatWorld::settle(const char* what, const ChatClient* one) {
  const int64_t until_ns = kernel_.now_ns() + kSettleNs;
  for (uint64_t steps = 0;; ++steps) {
    bool is_idle = !backend_->is_active();
    for (uint32_t s = 0; s < engine_->shards(); ++s) is_idle = is_idle && !engine_->is_runnable(s);
    for (const auto& client : clients_)
      is_idle = is_idle && !client->is_active() && (client->is_settled() || client.get() == one);
    if (is_idle) return;
    if (steps > kSettleStepsMax) fail(std::string("it goes on and on until ") + what);
    if (kernel_.now_ns() > until_ns) fail(std::string("it takes for ever until ") + what);
    step_once();
  }
}

// One client's call stands still. All others say something, are told and hear it; then it goes on.
void ChatWorld::hold_one() {
  calm_step_ = calm_step_ == 0 ? scene_.step : calm_step_;
  const ChatClient* one = kernel_.random.pick(clients_).get();
  backend_->hold(one->user());
  for (int times = 0; times < 3; ++times)
    for (const auto& client : clients_) client->say(kernel_.random.chance(2000));
  settle("all but one are answered", one);
  if (one->is_settled()) fail("a call that stands still was answered");
  if (!backend_->is_holding()) fail("nothing stands still");
  for (const auto& client : clients_) client->check_seen(calm_step_);
  backend_->release();
  settle("the last one is answered");
}

// With calls under way: nobody is told of them any more, and all are told of the end.
void ChatWorld::drain() {
  for (const auto& client : clients_) client->say(false);
  for (int steps = static_cast<int>(kernel_.random.below(60)); steps > 0; --steps) step_once();
  kernel_.log("drain", scene_.engine);
  scene_.is_ending = true;
  engine_->begin_drain();
  const auto drain_ns = static_cast<int64_t>(setup_.options.drain_seconds * 1e9);
  const int64_t until_ns = kernel_.now_ns() + drain_ns + kSecondNs / 4;
  while (!engine_->is_all_finished()) {
    if (kernel_.now_ns() > until_ns) fail("a drain in the calm does not end");
    step_once();
  }
  for (const auto& client : clients_)
    while (client->is_linked() && client->act()) ++scene_.step;
  for (const auto& client : clients_)
    if (client->is_linked()) fail("a drain leaves a client behind");
}

}  // namespace livehub::sim
