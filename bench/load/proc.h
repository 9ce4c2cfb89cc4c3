// What the kernel says about a process: CPU by its run queues' own clock, not by wall time, and
// memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

namespace livehub::bench {

// The CPU time of a process, all threads, system calls and the kernel's network work on their
// behalf included. Exact where /proc/PID/task/*/schedstat is; a thread that ended between two
// samples is counted up to the first of them.
class CpuMeter {
 public:
  explicit CpuMeter(pid_t pid) : pid_(pid) {}
  // CPU nanoseconds since the first sample. Never goes back when a thread ends.
  int64_t sample_ns();

 private:
  pid_t pid_;
  std::map<pid_t, int64_t> last_ns_;  // by thread
  int64_t sum_ns_ = 0;
  bool first_ = true;
};

// The kernel threads that take over network work when a CPU has too much of it: CPU that no process
// is charged for.
class SoftirqMeter {
 public:
  SoftirqMeter();
  int64_t sample_ns();

 private:
  std::vector<CpuMeter> threads_;
};

// Resident memory in bytes, exact (smaps_rollup); 0 if the process is gone.
uint64_t rss_bytes(pid_t pid);
// The same within a few pages for each thread, at the price of reading one line.
uint64_t rss_bytes_quickly(pid_t pid);
// What the machine's TCP sockets hold in their buffers: where unsent data goes that does not show
// in a server's own memory.
uint64_t tcp_buffer_bytes();
// What the kernel itself holds (slabs that it cannot give back): sockets, files, epoll's entries,
// of both ends. Of the whole machine; for root without what others have left in them.
uint64_t kernel_slab_bytes();
std::vector<pid_t> thread_ids(pid_t pid);
uint32_t descriptor_count(pid_t pid);

// Share of the machine's CPUs that was idle, and that was taken by the hypervisor, since
// construction.
class MachineMeter {
 public:
  MachineMeter();
  double idle_share() const;

 private:
  int64_t idle_ = 0;
  int64_t all_ = 0;
};

}  // namespace livehub::bench
