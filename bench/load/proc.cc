#include "load/proc.h"

#include <dirent.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>

namespace livehub::bench {

namespace {

std::string proc_path(pid_t pid, const char* what) {
  return "/proc/" + std::to_string(pid) + "/" + what;
}

// Calls `each` with every name in the folder that is a number.
template <typename Each>
void for_each_number(const std::string& folder, Each each) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  if (!dir) return;
  while (const dirent* entry = readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    pid_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) each(number);
  }
}

struct MachineTime {
  int64_t idle = 0;
  int64_t all = 0;
};

MachineTime machine_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  file >> word;
  MachineTime time;
  int64_t value = 0;
  for (int field = 0; field < 8 && file >> value; ++field) {
    time.all += value;
    if (field == 3 || field == 4) time.idle += value;  // idle, waiting for a disk
  }
  return time;
}

}  // namespace

int64_t CpuMeter::sample_ns() {
  const std::string folder = proc_path(pid_, "task");
  std::map<pid_t, int64_t> now_ns;
  for_each_number(folder, [&](pid_t thread) {
    std::ifstream file(folder + "/" + std::to_string(thread) + "/schedstat");
    int64_t on_cpu_ns = 0;
    if (file >> on_cpu_ns) now_ns[thread] = on_cpu_ns;
  });
  for (const auto& [thread, on_cpu_ns] : now_ns) {
    const auto before = last_ns_.find(thread);
    sum_ns_ += on_cpu_ns - (before == last_ns_.end() ? 0 : before->second);
  }
  if (first_) sum_ns_ = 0;
  first_ = false;
  last_ns_ = std::move(now_ns);
  return sum_ns_;
}

SoftirqMeter::SoftirqMeter() {
  for_each_number("/proc", [&](pid_t pid) {
    std::ifstream file(proc_path(pid, "comm"));
    std::string name;
    if (file >> name && name.starts_with("ksoftirqd/")) threads_.emplace_back(pid);
  });
  sample_ns();
}

int64_t SoftirqMeter::sample_ns() {
  int64_t sum_ns = 0;
  for (CpuMeter& thread : threads_) sum_ns += thread.sample_ns();
  return sum_ns;
}

uint64_t rss_bytes(pid_t pid) {
  std::ifstream file(proc_path(pid, "smaps_rollup"));
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("Rss:")) return std::strtoull(line.c_str() + 4, nullptr, 10) * 1024;
  }
  return 0;
}

uint64_t rss_bytes_quickly(pid_t pid) {
  std::ifstream file(proc_path(pid, "statm"));
  uint64_t size = 0;
  uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<uint64_t>(getpagesize());
}

uint64_t tcp_buffer_bytes() {
  std::ifstream file("/proc/net/sockstat");
  std::string line;
  while (std::getline(file, line)) {
    const size_t at = line.find(" mem ");
    if (!line.starts_with("TCP:") || at == std::string::npos) continue;
    return std::strtoull(line.c_str() + at + 5, nullptr, 10) * static_cast<uint64_t>(getpagesize());
  }
  return 0;
}

// Gives back what freed objects left empty, which the kernel would keep for the next ones. As root
// alone, and where it has SLUB's directory.
static void shrink_kernel_slabs() {
  std::error_code unreadable;
  for (const auto& cache : std::filesystem::directory_iterator("/sys/kernel/slab", unreadable))
    std::ofstream(cache.path() / "shrink") << "1";
}

uint64_t kernel_slab_bytes() {
  shrink_kernel_slabs();
  std::ifstream file("/proc/meminfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("SUnreclaim:"))
      return std::strtoull(line.c_str() + 11, nullptr, 10) * 1024;
  }
  return 0;
}

std::vector<pid_t> thread_ids(pid_t pid) {
  std::vector<pid_t> ids;
  for_each_number(proc_path(pid, "task"), [&](pid_t id) { ids.push_back(id); });
  return ids;
}

uint32_t descriptor_count(pid_t pid) {
  uint32_t count = 0;
  for_each_number(proc_path(pid, "fd"), [&](pid_t) { ++count; });
  return count;
}

MachineMeter::MachineMeter() {
  const MachineTime time = machine_time();
  idle_ = time.idle;
  all_ = time.all;
}

double MachineMeter::idle_share() const {
  const MachineTime time = machine_time();
  if (time.all == all_) return 1;
  return static_cast<double>(time.idle - idle_) / static_cast<double>(time.all - all_);
}

}  // namespace livehub::bench
