// The floor under every server's accept: a process that accepts a socket, receives a request and
// sends a fixed answer, with epoll to tell when. It parses nothing, keeps nothing but the
// descriptor, and so costs what the kernel asks for a connection; a server is measured as a
// multiple of it, with the same clients.
//
// Thread rule: one process, one thread. Tests: bench/load/load_test.cc.
#pragma once

#include <cstdint>

#include "load/shared.h"
#include "load/tally.h"
#include "load/target.h"

namespace livehub::bench {

struct DoorTally {
  Cell port;
  Cell open;  // accepted and not closed since
  Cell answered;
};

class BareDoor {
 public:
  // Listens on 127.0.0.1, as a dual-stack socket (what servers use) unless `ipv4_only`, and answers
  // as a server of that protocol does.
  BareDoor(Protocol protocol, bool ipv4_only);
  Target target() const;
  const DoorTally& tally() const { return tally_[0]; }
  pid_t pid() const { return child_.pid(); }

 private:
  Protocol protocol_;
  SharedArray<DoorTally> tally_;
  Child child_;
};

}  // namespace livehub::bench
