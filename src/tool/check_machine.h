// The doctor's look at the machine: facts are read once, then judged by a pure function.
// Tests: tests/unit/tool/check_test.cc, tests/integration/tools_check.test.mjs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/settings.h"
#include "tool/finding.h"

namespace livehub::tool {

struct MachineFacts {
  std::string kernel;  // "Linux 6.1.0"
  bool has_uring = false;
  bool has_direct_descriptors = false;
  std::string uring_why;
  uint64_t descriptors = 1024;  // after raising: the hard limit
  uint64_t somaxconn = 4096;
  uint64_t tcp_memory_bytes = 0;  // where the kernel begins to refuse; 0: unknown
  uint32_t cores = 1;             // affinity and quota, rounded up
  double cpu_quota = 0;           // cores; 0: none
  uint64_t memory_bytes = 0;
  bool has_ipv6 = true;
};

[[nodiscard]] MachineFacts read_machine();

// Connections that a server with these settings has room for on such a machine.
[[nodiscard]] uint64_t connection_room(const MachineFacts& facts, const EngineOptions& engine);

void judge_machine(const MachineFacts& facts, const server::Settings& settings, Findings& findings);

// How long the platform waits between the signal and the end, against DRAIN_SECONDS. `platform`:
// who waits, as in "fly.toml" or "--kill-timeout".
void judge_drain(double drain_seconds, double kill_seconds, const std::string& platform,
                 Findings& findings);

}  // namespace livehub::tool
