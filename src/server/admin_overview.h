// The state of the hub as the page shows it: a sample of every shard each second, made into one
// JSON document and into a history of the last five minutes. One for all admin listeners; whoever
// ticks first takes the sample. mailbox: its lock is held for a move or the making of the document,
// never while a shard is waited for. Limits: kHistory samples, kBusiest channels, kEnded ends.
// Tests: tests/integration/admin_debug.test.mjs.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "livehub/engine.h"
#include "server/admin_gather.h"
#include "server/engine_state.h"

namespace livehub::server {

class AdminOverview {
 public:
  static constexpr size_t kHistory = 300;
  static constexpr size_t kBusiest = 16;
  static constexpr size_t kEnded = 20;
  static constexpr int64_t kPeriodNs = 1'000'000'000;

  AdminOverview(Engine& hub, std::string profile);

  // Often; begins a sample when it is time, and finishes the one that is under way.
  void tick(int64_t now_ns, int64_t unix_ms);
  // Grows with each document.
  uint64_t sequence() const;
  std::string document() const;
  std::string history() const;

 private:
  struct Part {  // of one shard
    ShardSnapshot cells;
    std::vector<session::BusyChannel> busiest;
    std::vector<session::Ended> ended;
    std::vector<uint32_t> subscribers;  // of the channels that were busiest last time
  };
  struct Sample {
    int64_t taken_ns = 0;
    std::vector<Part> parts;
    const Part* of_shard(uint32_t shard) const;
  };

  void begin(int64_t now_ns);
  void finish(int64_t now_ns, int64_t unix_ms);
  nlohmann::ordered_json shard_json(const Part& now, const Part* before, double seconds) const;
  nlohmann::ordered_json busiest_json(const Sample& sample);
  nlohmann::ordered_json ended_json(const Sample& sample) const;
  nlohmann::ordered_json links_json() const;
  void add_state(nlohmann::ordered_json& document, const Sample& sample) const;
  void add_rates(nlohmann::ordered_json& document, const Sample& sample, double seconds) const;
  void remember(const nlohmann::ordered_json& document);

  Engine& hub_;
  const std::string profile_;
  const int64_t started_ns_;
  mutable std::mutex mutex_;
  std::shared_ptr<Gather<Part>> gather_;  // under way
  int64_t asked_ns_ = 0;
  Sample last_;
  std::vector<std::string> names_;  // whose subscribers the next sample counts
  uint64_t sequence_ = 0;
  std::string document_ = "{}";
  std::deque<std::string> history_;
};

}  // namespace livehub::server
