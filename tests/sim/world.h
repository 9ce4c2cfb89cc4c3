// One simulated run: a server drawn from the seed, clients drawn from the seed, chaos, then calm,
// then an end; and what is checked on the way. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker.h"
#include "engine.h"
#include "push_client.h"
#include "stream_client.h"
#include "totals.h"

namespace livehub::sim {

class World {
 public:
  World(uint64_t seed, bool is_logged);
  ~World();

  // Throws Failure.
  void run();

  uint64_t log_hash() const { return kernel_.log_hash(); }
  uint64_t step() const { return scene_.step; }
  const Totals& totals() const { return totals_; }
  std::string setting() const;

 private:
  void draw_rates();
  void draw_setup();
  void draw_limits();
  void draw_poverty();
  void draw_compression();
  void draw_clients();
  void start_engine();
  void stop_engine();  // counts what it did
  bool run_broker();

  void step_once();
  bool run_someone();
  bool let_time_pass(int64_t not_after_ns);
  void jump();
  void chaos();
  void restart();
  void become_calm();
  void settle(const char* what);
  void push_and_converge();
  void stay_quiet();
  void leave();
  bool is_all_settled() const;

  io::SimKernel kernel_;
  Oracle oracle_;
  Scene scene_{kernel_, oracle_};
  EngineSetup setup_;
  std::map<std::string, std::string> settings_;
  std::unique_ptr<Broker> broker_;        // nullptr: the hub numbers its channel itself
  std::shared_ptr<BrokerSource> source_;  // of this life
  std::unique_ptr<SimEngine> engine_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<StreamClient*> streams_;
  std::vector<PushClient*> pushers_;
  int64_t baseline_bytes_ = 0;
  uint64_t chaos_steps_ = 0;
  uint64_t restarts_ = 0;
  uint64_t step_ns_ = 0;  // how much time a step may take
  uint32_t jump_rate_ = 0;
  uint32_t lazy_shard_ = 0;  // runs less than others; beyond the last: nobody
  uint32_t laziness_ = 0;
  uint32_t push_rate_ = 0;     // how often it is a pusher's turn
  uint32_t broker_rate_ = 0;   // how often something happens at the broker
  bool is_tight_ = false;      // few sockets
  bool is_poor_ = false;       // little memory
  bool is_generator_ = false;  // the server publishes by itself
  Totals totals_;
};

}  // namespace livehub::sim
