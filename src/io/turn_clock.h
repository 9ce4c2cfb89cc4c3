// The clocks of a driver, read once per turn. shard-local.
#pragma once

#include <ctime>

#include <cstdint>

namespace livehub::io {

class TurnClock {
 public:
  TurnClock() { refresh(); }
  void refresh() {
    now_ns_ = read_ns();
    timespec wall;
    ::clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    unix_seconds_ = wall.tv_sec;
  }
  int64_t now_ns() const { return now_ns_; }
  int64_t unix_seconds() const { return unix_seconds_; }

  static int64_t read_ns() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

 private:
  int64_t now_ns_ = 0;
  int64_t unix_seconds_ = 0;
};

}  // namespace livehub::io
