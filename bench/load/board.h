// How far each sequence of messages has come: the number of its next message. A publishing process
// writes, client processes read when they begin and finish a span.
//
// A channel has one sequence for each of its publishers, since requests on different connections
// may be served in any order: sequence = channel * publishers + publisher. immutable but for the
// cells, which lie in shared memory.
#pragma once

#include <cstdint>

#include "load/shared.h"
#include "load/tally.h"

namespace livehub::bench {

class Board {
 public:
  explicit Board(uint32_t sequences = 1) : next_(sequences) {}
  uint32_t sequences() const { return static_cast<uint32_t>(next_.all().size()); }
  Cell& next_seq(uint32_t sequence) const { return next_[sequence]; }

 private:
  SharedArray<Cell> next_;
};

}  // namespace livehub::bench
