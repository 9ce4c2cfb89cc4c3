// slow: a share of the clients never reads; what does that cost the server, and what do the others
// see?
#include <algorithm>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

struct Peaks {
  uint64_t rss_bytes = 0;
  uint64_t tcp_bytes = 0;
};

double grown_mb(uint64_t peak, uint64_t before) {
  return (static_cast<double>(peak) - static_cast<double>(before)) / 1e6;
}

// Follows the server's memory until the readers have everything, or nothing more comes.
Peaks peaks_until(Rig& rig, uint64_t messages_wanted, double quiet_seconds_max) {
  Peaks peaks;
  uint64_t last_count = 0;
  int64_t last_change_ns = now_ns();
  while (now_ns() - last_change_ns < seconds_to_ns(quiet_seconds_max)) {
    peaks.rss_bytes = std::max(peaks.rss_bytes, rig.server_rss_bytes());
    peaks.tcp_bytes = std::max(peaks.tcp_bytes, tcp_buffer_bytes());
    const uint64_t count = rig.totals().messages_of_readers;
    if (count >= messages_wanted && rig.publisher().is_done()) break;
    if (count != last_count) last_change_ns = now_ns();
    last_count = count;
    show_progress("delivered to readers: " + std::to_string(count) + " of " +
                  std::to_string(messages_wanted));
    sleep_ms(20);
  }
  return peaks;
}

}  // namespace

void run_slow(const Options& options, Report& report) {
  Rig rig(options, report, {.never_read_every = options.never_read_every});
  if (!rig.open()) return;
  const Peaks before{rig.server_rss_bytes(), tcp_buffer_bytes()};
  const uint64_t wanted = options.messages * rig.reader_count();
  rig.begin_span();
  rig.begin_cpu();
  rig.publisher().start({.count = options.messages,
                         .rate_per_second = options.rate_per_second,
                         .payload_bytes = options.payload_bytes});
  const Peaks peaks = peaks_until(rig, wanted, options.quiet_seconds_max);
  const CpuSpan cpu = rig.cpu();
  rig.finish_span();
  const Totals totals = rig.totals();
  if (!rig.publisher().is_done()) report.fail("not all pushes were answered");
  if (totals.messages_of_readers < wanted) report.fail("the readers did not get everything");
  report.number("connections", "subscribers", options.connections, "");
  report.number("readers", "of them read", static_cast<double>(rig.reader_count()), "");
  report.number("reader_deliveries", "deliveries to readers",
                static_cast<double>(totals.messages_of_readers), "");
  report.number("delivery_seconds", "time", cpu.wall_ns / 1e9, "s", 1);
  rig.report_messages();
  report.number("tcp_growth_mb", "TCP buffers of the machine grew by",
                grown_mb(peaks.tcp_bytes, before.tcp_bytes), "MB", 2);
  if (options.server_pid != 0) {
    report.number("rss_growth_mb", "server memory grew by at most",
                  grown_mb(peaks.rss_bytes, before.rss_bytes), "MB", 2);
    report.number("server_cpu_seconds", "server CPU", cpu.server_ns / 1e9, "s", 2);
  }
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
}

}  // namespace livehub::bench
