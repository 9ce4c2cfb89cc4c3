// What a shard remembers for those who look in from the admin port, beside its plain counters.
// shard-local: Front writes it, and tasks on the shard's own thread read it.
#pragma once

#include <array>
#include <cstdint>

#include "base/histogram.h"
#include "session/busiest.h"
#include "session/closed_log.h"
#include "session/taps.h"

namespace livehub::session {

struct Insight {
  ClosedLog closed;
  Busiest busiest;
  Taps taps;
  // From a push's arrival to the end of the flush that sent it: of the oldest message of each
  // flush, to all who could be sent to.
  base::Histogram delivery;

  // A live message of `published_ns` waits for the next flush.
  void note_live(int64_t published_ns) {
    if (oldest_live_ns_ == 0 || published_ns < oldest_live_ns_) oldest_live_ns_ = published_ns;
  }
  bool has_live() const { return oldest_live_ns_ != 0; }
  // After a flush; a backlog is one sample a second until it is gone.
  void note_flushed(bool is_all, int64_t now_ns) {
    const int64_t waited_ns = now_ns - oldest_live_ns_;
    if (!is_all && waited_ns < kBacklogNs) return;
    delivery.note(waited_ns);
    oldest_live_ns_ = 0;
  }

 private:
  static constexpr int64_t kBacklogNs = 1'000'000'000;
  int64_t oldest_live_ns_ = 0;
};

}  // namespace livehub::session
