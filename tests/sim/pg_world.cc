#include "pg_world.h"

#include <algorithm>

#include "profile/pg_updates.h"

namespace livehub::sim {
namespace {

using Rules = profile::PgUpdatesRules;

constexpr const char* kSpellings[] = {"lower", "mixed", "both"};

}  // namespace

PgWorld::PgWorld(uint64_t seed, bool is_logged)
    : ProfileWorld(seed * 0x9fb21c651e98df25 + 13, is_logged) {
  io::SimRandom& random = kernel_.random;
  profile::set_pg_updates_defaults(setup_.options);
  setup_.options.drain_seconds = random.chance(5000) ? 1 : 4;
  setup_.limits.history_count = 0;
  setup_.limits.arena_bytes = random.chance(5000) ? 8192 : 65'536;
  setup_.limits.ring_bytes = random.chance(5000) ? 4096 : 65'536;
  spelling_ = static_cast<Rules::Spelling>(random.below(3));
  change_rate_ = random.chance(5000) ? 300 : 2000;
  fault_rate_ = random.chance(3000) ? 0 : 300;
  for (uint64_t i = random.between(1, 4); i > 0; --i) users_.push_back("u" + std::to_string(i));
  for (uint64_t i = random.between(2, 12); i > 0; --i) {
    auto client = std::make_unique<PgClient>(scene_, rows_, "client" + std::to_string(i),
                                             random.pick(users_));
    listeners_.push_back(client.get());
    clients_.push_back(std::move(client));
  }
}

Totals PgWorld::totals() const {
  Totals totals;
  totals.postgres = counts_;
  totals.rows_changed = rows_.changes();
  for (const PgClient* client : listeners_) {
    totals.changes_told += client->told();
    totals.row_gaps += client->gaps();
  }
  return totals;
}

// A payload has its name before it: the spelling under which it came.
bool PgWorld::decode(std::string_view payload, std::string& data) {
  const size_t space = payload.find(' ');
  if (space == std::string_view::npos) return false;
  const auto verdict = rules_->translate(payload.substr(0, space), payload.substr(space + 1),
                                         kernel_.now_ns() / 1'000'000, data);
  return verdict == Rules::Verdict::kSend;
}

profile::ProfileChoice PgWorld::make_profile() {
  rules_ = std::make_shared<Rules>(spelling_);
  FakePubSub::World world;
  world.feeds = [](std::string_view channel) {
    return Rules(Rules::Spelling::kBoth).feeds(channel);
  };
  world.has_room = [this](std::string_view channel) { return engine().inlet_has_room(channel); };
  world.decode = [this](std::string_view, std::string_view payload, std::string&,
                        std::string& data) { return decode(payload, data); };
  database_ = std::make_shared<FakePubSub>(scene_, counts_, std::move(world));
  const profile::SettingMap settings = {
      {"DATABASE_URL", "postgres://nobody@nowhere.test/none"},
      {"WEBSOCKET_JWT_SECRET", std::string(PgClient::kJwtSecret)},
      {"PG_CHANNEL_SPELLING", kSpellings[static_cast<int>(spelling_)]}};
  return profile::make_pg_updates_of(
      settings, {.source = database_, .wanted_channels = [] { return size_t{0}; }});
}

// --- steps ---

// With both spellings each change comes twice, and is told once.
void PgWorld::change(const std::string& user) {
  const uint64_t number = rows_.change(user);
  const std::string channel = Rules::channel_of_user(user);
  const std::vector<std::string> names = rules_->names(channel);
  const size_t table = kernel_.random.below(2);
  const std::string document = R"({"operation":"UPDATE","data":{"user":")" + user +
                               R"(","number":)" + std::to_string(number) + "}}";
  for (size_t i = table; i < names.size(); i += 2)
    database_->publish(channel, names[i] + " " + document);
}

void PgWorld::act_freely() {
  io::SimRandom& random = kernel_.random;
  if (random.chance(change_rate_)) change(random.pick(users_));
  if (random.chance(fault_rate_)) database_->act_freely();
}

void PgWorld::change_all() {
  for (const std::string& user : users_) change(user);
}

void PgWorld::check_calm() {
  for (int round = 0; round < 3; ++round) {
    change_all();
    settle("all are told of the change");
  }
  for (const PgClient* client : listeners_)
    if (!client->has_newest()) fail(client->whereabouts() + ", in the calm");
}

}  // namespace livehub::sim
