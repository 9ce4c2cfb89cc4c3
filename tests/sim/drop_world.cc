#include "drop_world.h"

#include "profile/drop.h"
#include "profile/drop_events.h"

namespace livehub::sim {

DropWorld::DropWorld(uint64_t seed, bool is_logged)
    : ProfileWorld(seed * 0xaf251af3b0f025b5 + 11, is_logged) {
  io::SimRandom& random = kernel_.random;
  const auto one_of = [&random](std::initializer_list<size_t> list) {
    return *(list.begin() + random.below(list.size()));
  };
  profile::set_drop_defaults(setup_.options);
  setup_.options.drain_seconds = random.chance(5000) ? 1 : 4;
  setup_.limits.history_count = one_of({0, 1, 20, 256});
  setup_.limits.history_bytes = 1 << 20;
  setup_.limits.history_ns = 60'000'000'000;
  setup_.limits.arena_bytes = one_of({8192, 65'536});
  setup_.limits.ring_bytes = one_of({4096, 65'536});
  change_rate_ = static_cast<uint32_t>(one_of({100, 500, 2000}));
  nats_rate_ = static_cast<uint32_t>(one_of({0, 100, 1000}));
  const uint64_t clients = random.between(3, 14);
  for (uint64_t i = 0; i < clients; ++i) {
    const auto kind = static_cast<DropKind>(random.below(3));
    constexpr const char* kNames[] = {"user", "token", "list"};
    auto client = std::make_unique<DropClient>(
        scene_, *backend_, kNames[static_cast<int>(kind)] + std::to_string(i), kind);
    watchers_.push_back(client.get());
    clients_.push_back(std::move(client));
  }
}

std::string DropWorld::setting() const {
  return "drop: " + ProfileWorld::setting() + ", history " +
         std::to_string(setup_.limits.history_count) + ", ring " +
         std::to_string(setup_.limits.ring_bytes) + ", changes " + std::to_string(change_rate_) +
         ", nats " + std::to_string(nats_rate_);
}

Totals DropWorld::totals() const {
  Totals totals;
  totals.drop_backend = backend_->counts();
  totals.nats = nats_counts_;
  totals.drop.changes = backend_->changes();
  for (const DropClient* client : watchers_) {
    totals.drop.snapshots += client->snapshots();
    totals.drop.messages += client->messages();
    totals.drop.lists += client->lists();
    totals.drop.lost_bootstraps += client->lost_bootstraps();
  }
  return totals;
}

// --- the server's lives ---

profile::ProfileChoice DropWorld::make_profile() {
  FakePubSub::World world;
  world.feeds = profile::is_drop_channel;
  world.has_room = [this](std::string_view channel) { return engine().inlet_has_room(channel); };
  world.keys = [this] { return backend_->keys(); };
  world.decode = [](std::string_view subject, std::string_view payload, std::string& event,
                    std::string& data) {
    auto made = profile::drop_event(subject, payload);
    if (!made) return false;
    event = std::move(made->event);
    data = std::move(made->data);
    return true;
  };
  nats_ = std::make_shared<FakePubSub>(scene_, nats_counts_, std::move(world));
  const profile::SettingMap settings = {{"RESTATE_INGRESS_URL", std::string(DropBackend::kUrl)}};
  return profile::make_drop_of(settings, {.backend = backend_, .nats = nats_, .unix_ms = [this] {
                                            return kernel_.now_ns() / 1'000'000;
                                          }});
}

void DropWorld::on_started() { backend_->set_nats(nats_.get()); }

void DropWorld::stop_outside() {
  backend_->set_nats(nullptr);
  backend_->stop();
}

// --- steps ---

void DropWorld::change_something() {
  io::SimRandom& random = kernel_.random;
  const std::string own = random.pick(watchers_)->own_subject();
  if (!own.empty() && random.chance(6000)) return backend_->change(own);
  backend_->change(DropBackend::drop_subject(backend_->some_drop()));
}

void DropWorld::act_freely() {
  io::SimRandom& random = kernel_.random;
  if (random.chance(change_rate_)) change_something();
  if (random.chance(30)) backend_->toggle_key();
  if (random.chance(nats_rate_)) nats_->act_freely();
}

// --- the calm ---

void DropWorld::change_all() {
  for (uint64_t i = 0; i < DropBackend::kDrops; ++i)
    backend_->change(DropBackend::drop_subject(DropBackend::drop_name(i)));
  for (const DropClient* client : watchers_)
    if (const std::string own = client->own_subject(); !own.empty()) backend_->change(own);
}

void DropWorld::check_calm() {
  for (int round = 0; round < 2; ++round) {
    change_all();
    settle("all know what has changed");
    hold_one();
  }
}

// One client's snapshot stands still. All others are told what changes; then it goes on.
void DropWorld::hold_one() {
  DropClient* one = kernel_.random.pick(watchers_);
  if (one->kind() == DropKind::kList) return;
  backend_->hold(one->come_back());
  let_pass(1'000'000'000);
  change_all();
  settle("all but one know what has changed", one);
  if (one->is_settled()) fail("a client whose snapshot stands still knows all");
  if (!backend_->is_holding()) fail("nothing stands still");
  backend_->release();
  settle("the last one knows as well");
}

}  // namespace livehub::sim
