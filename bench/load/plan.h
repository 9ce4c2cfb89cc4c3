// What a fleet of client processes is to hold: decided before the processes are started.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/board.h"
#include "load/tally.h"
#include "load/target.h"

namespace livehub::bench {

// Connections of one kind to one address, spread evenly over all client processes.
struct GroupPlan {
  Target target;
  uint32_t connections = 0;
  uint32_t channels = 1;           // connection n listens to channel n % channels
  uint32_t publishers = 1;         // of each channel, whose sequences its clients follow
  const Board* board = nullptr;    // channels * publishers sequences
  uint32_t never_read_every = 0;   // one client in so many stops reading once it is open; 0: none
  std::string extra_headers = {};  // complete lines
  // WebSocket: a text frame to send once it is open, with holes; empty: none.
  std::string first_message = {};
  // Clients remember the id of their last message, and say it when they come back: in
  // Last-Event-ID (SSE), or where the URL has a hole for it.
  bool resumes = false;
  // What clients send comes back to them: each has a sequence of its own, in the place of the
  // board's.
  bool answers_clients = false;
  // Clients come in the middle of a span: what was sent before their first message is not missed.
  bool joins_midway = false;
};

struct FleetPlan {
  std::vector<GroupPlan> groups;
  uint32_t processes = 1;
  uint32_t in_flight = 256;  // connections that may be on their way at a time, of all processes
  // Rest after a turn in which something was received: fewer, larger turns make the generator
  // cheaper and spare the server waking it up for each message; latencies grow by as much.
  uint32_t pause_us = 0;
  // Local addresses to connect from; empty: 127/8 where the target is.
  std::vector<std::string> sources = {};
};

// The part of a group that one process holds, as numbers in the group: first, first + stride, …
struct Share {
  uint32_t process = 0;
  uint32_t processes = 1;
  uint32_t count_of(uint32_t connections) const {
    return (connections + processes - 1 - process) / processes;
  }
  uint32_t ordinal(uint32_t index) const { return index * processes + process; }
};

}  // namespace livehub::bench
