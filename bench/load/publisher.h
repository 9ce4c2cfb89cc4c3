// The process that publishes: POST requests on keep-alive connections, one request of a connection
// at a time.
//
// Paced, a message is due at its time whether the answer before it has come or not; what it carries
// is when it was due, so a stall is measured and not left out. Saturating, each connection sends as
// soon as it has its answer. An answer of 503 or 429 means "later": the same message is sent again
// after a moment.
//
// A connection is a publisher with a sequence of its own, since requests on different connections
// may be served in any order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/board.h"
#include "load/histogram.h"
#include "load/shared.h"
#include "load/tally.h"
#include "load/target.h"

namespace livehub::bench {

struct PublishPlan {
  Target target;  // its path may have a hole for the channel
  std::string method = "POST";
  std::string body = "{payload}";  // with holes
  // Messages go round them; each channel is always pushed to on the same connection. Of one
  // channel, each connection is a publisher.
  uint32_t channels = 1;
  uint32_t connections = 1;  // at most kPublishersMax
  std::string extra_headers;
  const Board* board = nullptr;
  // Saturating: how far the readers may be behind what was sent, in messages; 0: however far.
  // Without it a server that is faster than the clients turns them all into slow readers, and drops
  // them.
  uint32_t window = 0;
  uint32_t readers = 0;
  // What the readers' processes have received of the span; shared memory.
  std::vector<const Cell*> delivered = {};
};

struct PublishRun {
  uint64_t count = 0;          // messages at most, of all connections; 0: until `seconds` are over
  double seconds = 0;          // 0: until `count` are sent
  double rate_per_second = 0;  // of all connections; 0: as fast as answers come
  uint32_t payload_bytes = 128;
};

struct PublishTally {
  Cell accepted;   // answered 2xx
  Cell postponed;  // answered 503 or 429, and sent again
  Cell rejected;   // any other answer
  Cell failed;     // no answer: the connection broke
  Cell is_done;
  Cell is_stopped;  // written by the driving process
  Cell first_due_ns;
  Cell last_answer_ns;
  Histogram answer_latency;  // from sending to the answer
  Histogram lateness;        // paced: how long after its time a message was sent
  std::array<char, 160> first_error{};
};

class Publisher {
 public:
  explicit Publisher(PublishPlan plan);
  void start(const PublishRun& run);
  // The run ends as if its time were over; what was sent is still answered.
  void stop() { tally_[0].is_stopped.set(1); }
  // Waits until the run's messages are all answered, `seconds_max` at most.
  bool await(double seconds_max) const;
  bool is_done() const { return tally_[0].is_done.get() != 0; }
  // Of the last run.
  const PublishTally& tally() const { return tally_[0]; }
  pid_t pid() const { return child_.pid(); }

 private:
  PublishPlan plan_;
  SharedArray<PublishTally> tally_;
  Child child_;
};

}  // namespace livehub::bench
