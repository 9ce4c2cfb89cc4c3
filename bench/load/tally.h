// What one client process has counted for one group of connections. Lies in memory shared with the
// process that drives the run: the client process alone writes; cells may be read at any time, the
// rest after the client process has answered a command.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "load/histogram.h"

namespace livehub::bench {

// One writer, so no read-modify-write instruction is needed. Relaxed: readers want a recent number
// and draw no conclusion about other memory from it.
class Cell {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

inline constexpr uint32_t kPublishersMax = 256;

struct Tally {
  // Connections.
  Cell open;              // response head received, not closed since
  Cell failed;            // never got as far as open
  Cell closed_by_server;  // were open
  Cell ended;             // were open and ended in order: close frame, last chunk
  Cell last_open_ns;
  // Messages of the current span (since kBegin).
  Cell messages;
  Cell all_messages;         // the same since the start: never set back
  Cell messages_of_readers;  // the same without clients that stopped reading at first
  Cell message_bytes;        // payloads
  Cell received_bytes;       // of all that came, frames and heartbeats in it
  Cell receives;             // recv() calls that completed at least one message
  Cell last_message_ns;
  Cell lost;
  Cell doubled;
  Cell reordered;
  Cell corrupt;
  Cell foreign;    // messages that were not published by us, or not to this client
  Cell misrouted;  // of them, ours: they belong to another channel or client
  Cell gaps;       // the server said that messages are missing
  // What clients sent since the last kSend.
  Cell sent;
  Cell is_sending;
  // Heartbeats since the group was opened.
  Cell pings;
  Cell clients_pinged;  // clients that have had one at least
  // Set by kFinish.
  Cell segments;          // that the bytes of the span came in
  Cell clients_complete;  // have every message of the span
  Cell order_digest;      // of the first complete client
  Cell order_differing;   // complete clients that saw another order than that one
  Histogram latency;
  Histogram connect_latency;
  std::array<char, 160> first_error{};

  void begin_span() {
    for (Cell* cell : {&messages, &messages_of_readers, &message_bytes, &received_bytes, &receives,
                       &lost, &doubled, &reordered, &corrupt, &foreign, &misrouted, &gaps,
                       &segments, &clients_complete, &order_digest, &order_differing}) {
      cell->set(0);
    }
    latency.clear();
  }

  void note_error(std::string_view sentence) {
    if (first_error[0] != '\0') return;
    std::snprintf(first_error.data(), first_error.size(), "%.*s", static_cast<int>(sentence.size()),
                  sentence.data());
  }
};

}  // namespace livehub::bench
