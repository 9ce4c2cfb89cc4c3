// What this machine, or the container around us, gives: cores, memory, descriptors. startup.
// Tests: tests/unit/server/machine_test.cc.
#pragma once

#include <cstdint>
#include <string>

namespace livehub::server {

// Cores we may use: affinity and the CPU quota of the control group, rounded up; at least 1.
uint32_t usable_cores();
// Memory of the control group or the machine, whichever is less.
uint64_t machine_memory_bytes();
// Raises the soft descriptor limit to the hard one; returns what results.
uint64_t raise_descriptor_limit();

// "max 100000" or "150000 100000" as in cpu.max: cores, or 0 for no quota.
double parse_cpu_max(const std::string& text);

}  // namespace livehub::server
