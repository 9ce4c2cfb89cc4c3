#include "tool/machine_load.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace livehub::tool {
namespace {

constexpr uint64_t kSectorBytes = 512;

void read_stat(const std::string& proc, LoadSample& sample) {
  std::ifstream file(proc + "/stat");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "cpu") {
      std::array<uint64_t, 8> ticks{};
      for (uint64_t& tick : ticks) words >> tick;
      sample.cpu_user = ticks[0] + ticks[1];
      sample.cpu_system = ticks[2];
      sample.cpu_idle = ticks[3];
      sample.cpu_wait = ticks[4];
      sample.cpu_interrupts = ticks[5] + ticks[6] + ticks[7];
    } else if (name == "ctxt") {
      words >> sample.switches;
    } else if (name == "processes") {
      words >> sample.forks;
    } else if (name == "procs_running") {
      words >> sample.processes;
    }
  }
}

void read_memory(const std::string& proc, LoadSample& sample) {
  std::ifstream file(proc + "/meminfo");
  std::string name, unit;
  uint64_t kilobytes = 0, total = 0, available = 0;
  while (file >> name >> kilobytes) {
    std::getline(file, unit);
    if (name == "MemTotal:") total = kilobytes;
    if (name == "MemAvailable:") available = kilobytes;
  }
  if (total > 0)
    sample.memory_used_share =
        static_cast<double>(total - std::min(total, available)) / static_cast<double>(total);
}

void read_network(const std::string& proc, LoadSample& sample) {
  std::ifstream file(proc + "/net/dev");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    std::string name;
    std::istringstream(line.substr(0, colon)) >> name;
    if (name == "lo") continue;
    std::istringstream words(line.substr(colon + 1));
    std::array<uint64_t, 9> numbers{};
    for (uint64_t& number : numbers) words >> number;
    sample.network_bytes += numbers[0] + numbers[8];
  }
}

// Whole disks only: a partition's traffic is its disk's too.
bool is_disk(const std::string& name) {
  if (name.starts_with("loop") || name.starts_with("ram") || name.starts_with("dm-")) return false;
  const bool ends_in_digit = !name.empty() && name.back() >= '0' && name.back() <= '9';
  if (name.starts_with("nvme") || name.starts_with("mmcblk"))
    return name.find('p') == name.npos || !ends_in_digit;
  return !ends_in_digit;
}

void read_disks(const std::string& proc, LoadSample& sample) {
  std::ifstream file(proc + "/diskstats");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    uint64_t major = 0, minor = 0, skipped = 0, read = 0, written = 0;
    std::string name;
    words >> major >> minor >> name >> skipped >> skipped >> read >> skipped >> skipped >>
        skipped >> written;
    if (words && is_disk(name)) sample.disk_bytes += (read + written) * kSectorBytes;
  }
}

void read_rest(const std::string& proc, LoadSample& sample) {
  std::ifstream average(proc + "/loadavg");
  double skipped = 0;
  char slash = 0;
  uint64_t ready = 0;
  average >> sample.load_1 >> skipped >> skipped >> ready >> slash >> sample.threads;
  std::ifstream pressure(proc + "/pressure/cpu");
  std::string line;
  if (std::getline(pressure, line)) {
    const size_t at = line.find("total=");
    if (at != line.npos) std::istringstream(line.substr(at + 6)) >> sample.pressure_us_total;
  }
}

double rate(uint64_t before, uint64_t now, double seconds) {
  return now < before || seconds <= 0 ? 0 : static_cast<double>(now - before) / seconds;
}

}  // namespace

LoadSample read_load(const std::string& proc) {
  LoadSample sample;
  read_stat(proc, sample);
  read_memory(proc, sample);
  read_network(proc, sample);
  read_disks(proc, sample);
  read_rest(proc, sample);
  return sample;
}

std::string load_point(const LoadSample& before, const LoadSample& now, double seconds,
                       int64_t unix_ms) {
  const std::array<double, 5> ticks = {
      rate(before.cpu_user, now.cpu_user, 1), rate(before.cpu_system, now.cpu_system, 1),
      rate(before.cpu_wait, now.cpu_wait, 1), rate(before.cpu_interrupts, now.cpu_interrupts, 1),
      rate(before.cpu_idle, now.cpu_idle, 1)};
  double sum = 0;
  for (const double tick : ticks) sum += tick;
  const auto share = [&](size_t i) { return sum > 0 ? ticks[i] / sum : 0.0; };
  const double busy = sum > 0 ? 1 - share(4) : 0;
  const double network = rate(before.network_bytes, now.network_bytes, seconds) / 1000;
  const double disk = rate(before.disk_bytes, now.disk_bytes, seconds) / 1000;
  const double waited_ms = rate(before.pressure_us_total, now.pressure_us_total, seconds) / 1000;
  std::array<char, 768> text{};
  std::snprintf(
      text.data(), text.size(),
      R"({"ts":%lld,"activeUsers":%llu,"signups":%.0f,"conversions":%.0f,"revenue":%.1f,)"
      R"("latencyP95":%.1f,"errorRate":%.4f,"channels":{"Organic":%.4f,"Paid":%.4f,)"
      R"("Referral":%.4f,"Direct":%.4f,"Partners":%.4f},"cpuPercent":%.1f,"memoryPercent":%.1f,)"
      R"("networkKBps":%.1f,"diskKBps":%.1f,"load1":%.2f})",
      static_cast<long long>(unix_ms), static_cast<unsigned long long>(now.threads),
      rate(before.forks, now.forks, seconds), rate(before.switches, now.switches, seconds), network,
      waited_ms, now.memory_used_share, share(0), share(1), share(2), share(3), share(4),
      100 * busy, 100 * now.memory_used_share, network, disk, now.load_1);
  return text.data();
}

}  // namespace livehub::tool
