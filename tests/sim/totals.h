// What happened in simulated runs, in numbers: what never happened was not tested.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "broker.h"
#include "fake_http.h"
#include "fake_pub_sub.h"
#include "io/sim_kernel.h"

namespace livehub::sim {

// Of drop's world.
struct DropCounts {
  uint64_t snapshots = 0, messages = 0, lists = 0, lost_bootstraps = 0, changes = 0;
};

struct Totals {
  uint64_t runs = 0, steps = 0, turns = 0, engines = 0, pushes = 0, deliveries = 0, connects = 0,
           cuts = 0;
  uint64_t resumes = 0, gaps = 0, told_ends = 0, untold_ends = 0, refused = 0, busy = 0, pings = 0;
  uint64_t lapped = 0, copied = 0, waits = 0, windows = 0, local_resumes = 0, hot = 0,
           memory_resets = 0;
  uint64_t dead_peers = 0, drained = 0, answers[6] = {};
  uint64_t fed = 0, fed_again = 0, fed_in_vain = 0, waits_over = 0, held = 0;
  BrokerCounts broker;
  HttpCounts chat_backend, drop_backend;
  uint64_t told = 0;  // chat's senders, of what became of a message
  DropCounts drop;
  PubSubCounts nats, postgres;
  uint64_t rows_changed = 0, changes_told = 0, row_gaps = 0;  // of pg-updates' world
  uint64_t faults[static_cast<size_t>(io::SimFault::kCount)] = {};
  int64_t simulated_ns = 0;

  void add(const Totals& other);
  // What a reader wants to see of it: names with numbers.
  std::vector<std::pair<std::string, uint64_t>> lines() const;
};

}  // namespace livehub::sim
