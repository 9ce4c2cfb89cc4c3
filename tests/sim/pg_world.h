// One simulated run of the pg-updates profile beside a database whose NOTIFY keeps nothing: rows of
// a few users change, under the spellings of both of their triggers, while clients come, and while
// the link is away. One thread.
//
// What is checked: each change reaches each client of its user once, in order, or the client is
// told that something is missing; nobody hears of another's rows (pg_client.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fake_pub_sub.h"
#include "pg_client.h"
#include "profile/pg_updates_rules.h"
#include "profile_world.h"

namespace livehub::sim {

class PgWorld final : public ProfileWorld {
 public:
  PgWorld(uint64_t seed, bool is_logged);

  std::string setting() const override { return "pg-updates: " + ProfileWorld::setting(); }
  Totals totals() const override;

 private:
  profile::ProfileChoice make_profile() override;
  std::shared_ptr<Source> make_source() override { return database_; }
  void stop_outside() override {}
  void act_freely() override;
  void on_calm() override { database_->calm_down(); }
  void check_calm() override;
  void before_drain() override { change_all(); }
  std::vector<Outsider*> outsiders() override { return {database_.get()}; }
  bool decode(std::string_view payload, std::string& data);
  void change(const std::string& user);
  void change_all();

  PgRows rows_{scene_};
  PubSubCounts counts_;
  std::shared_ptr<profile::PgUpdatesRules> rules_;  // of this life of the server
  std::shared_ptr<FakePubSub> database_;
  std::vector<PgClient*> listeners_;
  std::vector<std::string> users_;
  profile::PgUpdatesRules::Spelling spelling_{};
  uint32_t change_rate_ = 0;
  uint32_t fault_rate_ = 0;
};

}  // namespace livehub::sim
