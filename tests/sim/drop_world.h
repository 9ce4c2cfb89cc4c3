// One simulated run of the drop profile beside Restate and NATS, both with their faults: drops,
// their users and queue tokens change while clients come, and while the links are away. In the calm
// one client's snapshot stands still, and nobody else may wait for it. One thread.
//
// What is checked: what each client knows in the end is what there is, also where a message was
// lost with the link, a snapshot overtaken or a call failed (drop_client.h); calls are the right
// ones (drop_backend.h); one that stalls holds up its client alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drop_backend.h"
#include "drop_client.h"
#include "fake_pub_sub.h"
#include "profile_world.h"

namespace livehub::sim {

class DropWorld final : public ProfileWorld {
 public:
  DropWorld(uint64_t seed, bool is_logged);

  std::string setting() const override;
  Totals totals() const override;

 private:
  profile::ProfileChoice make_profile() override;
  std::shared_ptr<Source> make_source() override { return nats_; }
  void on_started() override;
  void stop_outside() override;
  void act_freely() override;
  void on_calm() override { nats_->calm_down(); }
  void check_calm() override;
  void before_drain() override { change_all(); }
  std::vector<Outsider*> outsiders() override { return {backend_.get(), nats_.get()}; }
  void change_something();
  void change_all();
  void hold_one();

  std::shared_ptr<DropBackend> backend_ = std::make_shared<DropBackend>(scene_);
  PubSubCounts nats_counts_;
  std::shared_ptr<FakePubSub> nats_;  // of this life of the server
  std::vector<DropClient*> watchers_;
  uint32_t change_rate_ = 0;
  uint32_t nats_rate_ = 0;
};

}  // namespace livehub::sim
