// The floor under every server: a process that accepts sockets and does nothing but send() the same
// frame to each of them, in the order in which it accepted them. What a delivery costs here is the
// kernel's price; a server is measured as a multiple of it, on as many sockets of the same family
// and the same clients.
#pragma once

#include <cstdint>
#include <vector>

#include "load/board.h"
#include "load/histogram.h"
#include "load/shared.h"
#include "load/tally.h"
#include "load/target.h"

namespace livehub::bench {

struct BareRun {
  uint64_t rounds = 0;
  double rounds_per_second = 0;
  uint32_t payload_bytes = 128;  // of one WebSocket frame
  bool are_pings = false;        // and not text: nobody counts them as messages
  bool is_one_each = false;      // a round is one send, to the next socket
};

struct BareTally {
  Cell port;
  Cell accepted;
  Cell blocked;  // sends that the kernel did not take whole: the clients were too slow
  Cell is_done;
  Histogram reach;  // of the run: from when a round was due until it was sent to the last socket
};

class BareLoop {
 public:
  // Listens on 127.0.0.1, as a dual-stack socket (what servers use) unless `ipv4_only`.
  BareLoop(Board* board, bool ipv4_only);
  Target target() const;
  void start(const BareRun& run);
  bool await(double seconds_max) const;
  const BareTally& tally() const { return tally_[0]; }
  pid_t pid() const { return child_.pid(); }

 private:
  SharedArray<BareTally> tally_;
  Child child_;
};

}  // namespace livehub::bench
