// One simulated run of a profile beside what it depends on: a backend, a broker. Chaos with clients
// that come and go, maybe a restart; then calm; then a drain. What is checked in it says who
// derives from this. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client.h"
#include "engine.h"
#include "outsider.h"
#include "profile/choice.h"
#include "totals.h"

namespace livehub::sim {

class ProfileWorld {
 public:
  virtual ~ProfileWorld() = default;
  ProfileWorld(const ProfileWorld&) = delete;
  ProfileWorld& operator=(const ProfileWorld&) = delete;

  // Throws Failure.
  void run();

  uint64_t log_hash() const { return kernel_.log_hash(); }
  uint64_t step() const { return scene_.step; }
  virtual Totals totals() const = 0;
  virtual std::string setting() const;

 protected:
  // Draws what all such worlds have.
  ProfileWorld(uint64_t kernel_seed, bool is_logged);

  virtual profile::ProfileChoice make_profile() = 0;
  virtual std::shared_ptr<Source> make_source() { return nullptr; }
  virtual void on_started() {}
  // The server's life ends: its shards have ended, their objects are still there.
  virtual void stop_outside() = 0;
  virtual void act_freely() {}  // in the chaos, now and then
  virtual void on_calm() {}
  virtual void check_calm() = 0;    // all is calm, and settled
  virtual void before_drain() = 0;  // something is under way
  virtual std::vector<Outsider*> outsiders() = 0;

  void step_once();
  // Until all but `one` (nullptr: all) have what they want, and nothing moves.
  void settle(const char* what, const Client* one = nullptr);
  // What happens in that time, and not one thing more than that.
  void let_pass(int64_t ns);
  SimEngine& engine() { return *engine_; }

  io::SimKernel kernel_;
  Oracle oracle_;  // its scene wants one; it has nothing to say here
  Scene scene_{kernel_, oracle_};
  EngineSetup setup_;
  std::vector<std::unique_ptr<Client>> clients_;

 private:
  void start_engine();
  void stop_engine();
  bool run_someone();
  bool let_time_pass(int64_t not_after_ns);
  void restart();
  void become_calm();
  bool is_idle(const Client* one);
  std::string who_waits() const;
  void drain();

  std::unique_ptr<SimEngine> engine_;
  uint64_t chaos_steps_ = 0;
  bool restarts_ = false;
};

}  // namespace livehub::sim
