// Inside livehub::Engine: the shards' threads and what they share. startup, then mailbox.
#pragma once

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "io/io.h"
#include "io/listener.h"
#include "livehub/engine.h"
#include "server/canary_watch.h"
#include "session/front.h"
#include "session/inlet.h"

namespace livehub {

// What one shard says of itself at a scrape: copies of its plain counters.
struct ShardSnapshot {
  uint32_t shard = 0;
  session::Counters session;
  hub::FanoutCounters fanout;
  hub::HubCounters hub;
  hub::OwnerCounters owner;
  shard::LoopCounters loop;
  uint64_t connections = 0;
  uint64_t sockets_open = 0;
  uint64_t sockets_max = 0;
  uint64_t channels = 0;
  uint64_t owned_channels = 0;
  uint64_t streams = 0;
  uint64_t hot_streams = 0;
  uint64_t subscriptions = 0;
  uint64_t history_bytes = 0;
  uint64_t history_messages = 0;
  uint64_t arena_bytes = 0;
  int64_t memory_bytes = 0;
  uint64_t rings_bytes = 0;
  uint64_t rings_used_bytes = 0;
  uint64_t arena_bytes_max = 0;
  base::Histogram delivery;
  session::ClosedLog::Counts ended{};
};

class Engine::State {
 public:
  State(EngineOptions options, ProfileFactory factory,
        std::vector<std::shared_ptr<Source>> sources);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  std::string start();
  void stop();
  void join();

  uint16_t port() const { return listeners_.port; }
  bool has_ipv6() const { return listeners_.ipv6; }
  uint32_t shard_count() const { return shard_count_; }
  const std::string& io_sentence() const { return io_sentence_; }
  const session::Shared& shared() const { return *shared_; }
  uint32_t sockets_per_shard() const { return sockets_per_shard_; }

  // Asks every shard, on its own thread; a shard that does not answer within a second is left out.
  std::vector<ShardSnapshot> snapshot();
  // The same without waiting: `done` is called by the shard that answers last, on its thread.
  void snapshot_then(std::function<void(std::vector<ShardSnapshot>)> done);
  static ShardSnapshot shard_snapshot(uint32_t id, const session::Front& front,
                                      const io::Driver& driver, const shard::Loop& loop);

  // Runs work on shards' own threads, soon, from any thread; never waits. Work that the end of the
  // shards overtakes is dropped. Returns how many were asked: all, or none if it does not run.
  using ShardWork = std::function<void(uint32_t id, session::Front&, io::Driver&, shard::Loop&)>;
  uint32_t on_shards(const ShardWork& work);
  bool on_shard(uint32_t id, ShardWork work);
  std::vector<LinkState> links() const;

 private:
  struct Shard {
    std::thread thread;
    std::unique_ptr<shard::TaskBox> tasks;
    session::Front* front = nullptr;  // valid on the shard's own thread, while it runs
    io::Driver* driver = nullptr;
    shard::Loop* loop = nullptr;
  };

  struct Gathered;

  std::shared_ptr<Gathered> gather(std::function<void(std::vector<ShardSnapshot>)> done);
  std::string choose_io();
  std::string check_addresses();
  void make_address_limits();
  void make_shared();
  void make_canaries();
  std::string start_sources();
  void stop_sources();
  std::string start_shards(std::vector<std::string>& errors);
  std::string run_all();
  std::string furnish(uint32_t id, std::unique_ptr<io::Driver>& driver,
                      std::unique_ptr<session::Front>& front);
  void run_shard(uint32_t id, std::string& error);

  EngineOptions options_;
  ProfileFactory factory_;
  const std::vector<std::shared_ptr<Source>> sources_;
  uint32_t shard_count_ = 1;
  uint32_t sockets_per_shard_ = 0;
  bool use_uring_ = false;
  bool use_direct_ = false;
  std::string io_sentence_;
  auth::NetworkList trusted_proxies_;
  io::Listeners listeners_;
  std::unique_ptr<session::Shared> shared_;
  std::vector<Shard> shards_;
  std::vector<std::unique_ptr<session::ShardInlet>> inlets_;
  std::vector<std::unique_ptr<session::SourceFeed>> feeds_;
  std::unique_ptr<server::CanaryWatch> canary_watch_;
  size_t sources_started_ = 0;
  std::unique_ptr<std::barrier<>> started_;
  std::unique_ptr<std::barrier<>> ended_;
  std::mutex mutex_;  // guards is_running_ and tasks against the end of the shards
  bool is_running_ = false;
  bool was_stopped_ = false;
  bool has_joined_ = false;
  std::atomic<bool> has_failed_{false};  // a driver could not be made; read after the barrier
};

}  // namespace livehub
