// This machine's load, read from /proc: what `livehub load` prints. One thread.
// Tests: tests/unit/tool/machine_load_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::tool {

// Counters as the kernel has them; most only mean something as a difference.
struct LoadSample {
  uint64_t cpu_user = 0, cpu_system = 0, cpu_wait = 0, cpu_interrupts = 0, cpu_idle = 0;  // ticks
  uint64_t processes = 0;        // running or ready
  uint64_t forks = 0;            // since the start
  uint64_t switches = 0;         // of context, since the start
  double memory_used_share = 0;  // 0 to 1
  uint64_t network_bytes = 0;    // in and out, without the loopback
  uint64_t disk_bytes = 0;       // read and written
  uint64_t threads = 0;
  double load_1 = 0;
  uint64_t pressure_us_total = 0;
};

// `proc` is "/proc", or a directory like it. What cannot be read stays 0.
[[nodiscard]] LoadSample read_load(const std::string& proc);

// A point as dashboards of profile live-data understand it (docs/PROFILES.md has what stands for
// what); `seconds` lie between the samples.
[[nodiscard]] std::string load_point(const LoadSample& before, const LoadSample& now,
                                     double seconds, int64_t unix_ms);

}  // namespace livehub::tool
