// livehub load: this machine's load as points, one a line. `make demo` pushes them.
#include <array>

#include "base/clock.h"
#include "tool/commands.h"
#include "tool/machine_load.h"
#include "tool/printer.h"
#include "tool/stop_signals.h"

namespace livehub::tool {
namespace {

int run_load(const Invocation& invocation) {
  std::string error;
  const double every = number_of(invocation, "--every", 1, 0.05, 3600, error);
  auto left = static_cast<uint64_t>(number_of(invocation, "--count", 0, 1, 1e15, error));
  if (!error.empty()) return usage_error("load", error);
  const bool is_endless = left == 0;
  StopSignals stop;
  LoadSample before = read_load("/proc");
  int64_t before_ms = base::monotonic_ms();
  while (is_endless || left-- > 0) {
    if (stop.wait_ms(static_cast<int>(1000 * every)))
      return is_endless ? kExitOk : kExitInterrupted;
    const LoadSample now = read_load("/proc");
    const int64_t now_ms = base::monotonic_ms();
    const double seconds = static_cast<double>(now_ms - before_ms) / 1000;
    if (!print_line(load_point(before, now, seconds, base::unix_ms()))) return kExitOk;
    before = now;
    before_ms = now_ms;
  }
  return kExitOk;
}

constexpr std::array kOptions = {
    Option{.name = "--every", .value = "SECONDS", .help = "How often [1]."},
    Option{.name = "--count", .value = "N", .help = "End after that many points."},
};

constexpr std::string_view kAbout = R"(
Prints points as dashboards of profile live-data read them. The names are the dashboard's, the
numbers this machine's: activeUsers = threads, signups = new processes a second, conversions =
context switches a second, revenue = network kB a second, latencyP95 = ms a second waited for a CPU,
errorRate = share of memory in use, channels = CPU time (Organic user, Paid system, Referral waiting
for disks, Direct interrupts, Partners idle); and by their own names cpuPercent, memoryPercent,
networkKBps, diskKBps, load1.

Example
  livehub load | livehub push http://localhost:8787
)";

}  // namespace

const Command kLoad = {.name = "load",
                       .summary = "Print this machine's load each second, as points to push.",
                       .about = kAbout,
                       .options = kOptions,
                       .run = run_load};

}  // namespace livehub::tool
