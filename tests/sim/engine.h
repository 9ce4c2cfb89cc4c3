// One life of the server on the simulated kernel: what server/engine.cc wires for threads, without
// them. One thread: shards run when the world says so.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/sim_driver.h"
#include "session/front.h"
#include "session/inlet.h"

namespace livehub::sim {

struct EngineSetup {
  EngineOptions options;
  hub::Limits limits;
  session::Shared::Lanes lanes;
  io::Options io;
  uint32_t shards = 1;
  int64_t memory_bytes = 1 << 30;
  uint32_t backlog = 128;
};

class SimEngine {
 public:
  // `source`: nullptr, or what feeds channels.
  SimEngine(io::SimKernel& kernel, const EngineSetup& setup, const ProfileFactory& factory,
            std::shared_ptr<Source> source);
  SimEngine(const SimEngine&) = delete;
  SimEngine& operator=(const SimEngine&) = delete;
  ~SimEngine();

  uint32_t shards() const { return static_cast<uint32_t>(shards_.size()); }
  bool is_runnable(uint32_t shard);
  bool is_finished(uint32_t shard) const { return shards_[shard].is_finished; }
  bool is_all_finished() const;
  // When the first of the sleepers wakes by itself.
  int64_t first_due_ns() const;
  void turn(uint32_t shard);
  void rouse(uint32_t shard) { shards_[shard].driver->wake(); }
  void begin_drain();
  void check_invariants() const;

  std::string late_canary() const;  // none: empty
  uint32_t connections() const;
  int64_t held_bytes() const;
  uint64_t turns() const;
  // Whether the source could say something about the channel without waiting.
  bool inlet_has_room(std::string_view channel);
  uint64_t epoch() const { return shared_.identity.epoch; }
  const session::Front& front(uint32_t shard) const { return *shards_[shard].front; }

 private:
  struct Shard {
    std::unique_ptr<io::SimDriver> driver;
    std::unique_ptr<shard::TaskBox> tasks;
    std::unique_ptr<session::Front> front;
    std::unique_ptr<shard::Loop> loop;
    bool is_finished = false;
    bool is_asleep = false;
  };

  io::SimKernel& kernel_;
  session::Shared shared_;
  std::vector<Shard> shards_;
  std::unique_ptr<session::SourceFeed> feed_;
  std::unique_ptr<session::ShardInlet> inlet_;
};

}  // namespace livehub::sim
