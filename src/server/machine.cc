#include "server/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

namespace livehub::server {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

double parse_cpu_max(const std::string& text) {
  std::istringstream words(text);
  std::string quota;
  double period = 0;
  if (!(words >> quota >> period) || quota == "max" || period <= 0) return 0;
  try {
    return std::stod(quota) / period;
  } catch (const std::exception&) {
    return 0;
  }
}

uint32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  double cores = 1;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) cores = CPU_COUNT(&set);
  const double quota = parse_cpu_max(read_file("/sys/fs/cgroup/cpu.max"));
  if (quota > 0) cores = std::min(cores, std::ceil(quota));
  return static_cast<uint32_t>(std::max(1.0, cores));
}

uint64_t machine_memory_bytes() {
  uint64_t bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                   static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  std::istringstream limit(read_file("/sys/fs/cgroup/memory.max"));
  if (uint64_t group_bytes = 0; limit >> group_bytes) bytes = std::min(bytes, group_bytes);
  return bytes;
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

}  // namespace livehub::server
