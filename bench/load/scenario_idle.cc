// idle: what a connection costs in memory that has received messages and now has nothing to do.
#include <algorithm>
#include <optional>

#include "load/bare_door.h"
#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

constexpr double kMessagesPerSecond = 10;
constexpr double kLeaveSecondsMax = 15;
constexpr double kBackShare = 1.10;
constexpr int64_t kSettleMs =
    2000;  // what opening needed for a moment, the kernel has back by then

double mb(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

// Every client has answered a ping (SSE: has had a comment), as the server sends them.
bool await_heartbeats(const Options& options, Rig& rig, Report& report) {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(options.ping_seconds_max);
  while (options.ping_seconds_max > 0 && rig.totals().clients_pinged < options.connections) {
    show_progress("waiting for heartbeats: " + std::to_string(rig.totals().clients_pinged));
    if (now_ns() > deadline_ns) {
      report.fail("only " + std::to_string(rig.totals().clients_pinged) +
                  " clients had a heartbeat in time");
      return false;
    }
    sleep_ms(100);
  }
  return true;
}

// Memory is given back when the closes have been served, and allocators take their time.
uint64_t rss_after_leaving(Rig& rig, uint64_t rss_before) {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(kLeaveSecondsMax);
  uint64_t rss = rig.server_rss_bytes();
  while (now_ns() < deadline_ns &&
         static_cast<double>(rss) > static_cast<double>(rss_before) * kBackShare) {
    sleep_ms(100);
    rss = rig.server_rss_bytes();
  }
  return rss;
}

void report_memory(const Options& options, Report& report, uint64_t before, uint64_t now,
                   uint64_t after) {
  const double grown = static_cast<double>(now) - static_cast<double>(before);
  report.number("rss_before_mb", "server memory before the first", mb(before), "MB", 2);
  report.number("rss_idle_mb", "server memory with all idle", mb(now), "MB", 2);
  report.number("rss_after_mb", "server memory after all left", mb(after), "MB", 2);
  report.number("rss_bytes_per_connection", "memory per connection", grown / options.connections,
                "B");
  report.number("rss_after_over_before", "after over before",
                static_cast<double>(after) / static_cast<double>(std::max<uint64_t>(before, 1)), "",
                3);
}

double kernel_growth(uint64_t before, uint32_t connections) {
  return (static_cast<double>(kernel_slab_bytes()) - static_cast<double>(before)) / connections;
}

// As many idle sockets at a process that does nothing but wait for them with epoll. They stay open
// beside the server's: what is freed and used again would hide what those take. For the same reason
// there are two of them: the first fills the holes that earlier sockets have left in the kernel's
// slabs, and is not reported.
class BareIdle {
 public:
  BareIdle(const Options& options, bool is_reported, Report& report)
      : door_(parse_target(options.urls.front()).protocol, false), fleet_(plan_of(options)) {
    const uint64_t before = kernel_slab_bytes();
    if (!fleet_.open(0, options.connects_per_second, options.open_seconds_max)) {
      report.fail("the bare server did not get all its connections: " +
                  fleet_.totals(0).first_error);
    }
    sleep_ms(kSettleMs);
    if (!is_reported) return;
    report.number("bare_kernel_bytes_per_connection", "kernel memory of both ends, a bare socket",
                  kernel_growth(before, options.connections), "B");
  }

 private:
  FleetPlan plan_of(const Options& options) {
    FleetPlan plan;
    plan.groups.push_back(
        {.target = door_.target(), .connections = options.connections, .board = &board_});
    plan.processes = default_processes(options.connections);
    plan.in_flight = options.in_flight;
    plan.sources = options.sources;
    return plan;
  }

  BareDoor door_;
  Board board_;
  Fleet fleet_;
};

}  // namespace

void run_idle(const Options& options, Report& report) {
  std::optional<BareIdle> first;
  std::optional<BareIdle> bare;
  if (options.compares_bare) {
    first.emplace(options, false, report);
    bare.emplace(options, true, report);
  }
  Rig rig(options, report, {.channels = options.rooms});
  const uint64_t before = rig.server_rss_bytes();
  const uint64_t kernel_before = kernel_slab_bytes();
  if (report.has_failed() || !rig.open()) return;
  const uint64_t opened = rig.server_rss_bytes();
  rig.begin_span();
  if (!options.push_url.empty() && options.messages > 0) {
    rig.publish({.count = options.messages,
                 .rate_per_second = kMessagesPerSecond,
                 .payload_bytes = options.payload_bytes});
  }
  rig.finish_span();
  if (report.has_failed() || !await_heartbeats(options, rig, report)) return;
  show_progress("idle for " + format_number(options.idle_seconds, 0) + " s");
  rig.begin_cpu();
  sleep_ms(static_cast<int64_t>(options.idle_seconds * 1000));
  const CpuSpan idle = rig.cpu();
  const double kernel_bytes = kernel_growth(kernel_before, options.connections);
  const uint64_t now = rig.server_rss_bytes();
  const uint64_t descriptors = descriptor_count(options.server_pid);
  rig.report_messages();
  report.number("kernel_bytes_per_connection", "kernel memory of both ends per connection",
                kernel_bytes, "B");
  report.number("pings", "heartbeats received", static_cast<double>(rig.totals().pings), "");
  rig.close();
  if (options.server_pid == 0) return;
  report.number("rss_opened_mb", "server memory when all were open", mb(opened), "MB", 2);
  report_memory(options, report, before, now, rss_after_leaving(rig, before));
  report.number("server_descriptors", "server's descriptors", static_cast<double>(descriptors), "");
  report.number("idle_cpu_us_per_connection_second", "idle CPU per connection",
                idle.server_ns / 1e3 / options.connections / (idle.wall_ns / 1e9), "us/s", 3);
}

}  // namespace livehub::bench
