// What a process of the fleet has counted, in memory that it shares with the one that prints. One
// writer each; the other side reads figures that grow (relaxed), and the histograms when nothing
// comes any more.
//
// Thread rule: a process each, one thread (mailbox: the atomics).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "load/histogram.h"
#include "profiles/marker.h"

namespace livehub::bench {

struct Tally {
  std::atomic<uint64_t> ready{0};
  std::atomic<uint64_t> failed{0};  // connections that were refused or ended
  std::array<std::atomic<uint64_t>, kPublishers> received{};
  std::atomic<uint64_t> lost{0};
  std::atomic<uint64_t> repeats{0};
  std::atomic<uint64_t> gaps{0};
  std::atomic<uint64_t> errors{0};  // messages of type error
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> owed{0};  // deliveries that those sent must make
  std::array<Histogram, kPublishers> latency;

  void add(std::atomic<uint64_t>& counter, uint64_t by = 1) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
};

// Said by the process that reads the orders; until `send_until_ns` each process sends so often.
struct Orders {
  std::atomic<int64_t> send_every_ns{0};
  std::atomic<int64_t> send_until_ns{0};
};

}  // namespace livehub::bench
