// What went on during a run, sampled four times a second: for the progress line, and for the plots
// of the report. The thread is started by the rig once all processes are forked, and joined by it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace livehub::bench {

// Counters as they stand.
struct Reading {
  uint64_t messages = 0;  // received since the start
  uint64_t open = 0;
  uint64_t rss_bytes = 0;  // of the server; 0: not known
  int64_t cpu_ns = 0;      // of the server
};

struct TimelinePoint {
  double seconds = 0;  // since the first reading
  double messages_per_second = 0;
  double open = 0;
  double rss_mb = 0;
  double cpu_share = 0;  // of one CPU
  std::string phase;     // what the run was doing
};

// What lies between two readings. Pure.
TimelinePoint point_between(const Reading& before, const Reading& now, double seconds);

class Timeline {
 public:
  explicit Timeline(std::function<Reading()> read);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;
  // Ends the sampling.
  std::vector<TimelinePoint> finish();

 private:
  void sample();

  std::function<Reading()> read_;
  std::atomic<bool> is_running_{true};  // set by finish(), read by the thread
  std::vector<TimelinePoint> points_;   // of the thread until it is joined
  std::thread thread_;
};

}  // namespace livehub::bench
