// inbound: clients send small messages over their WebSockets and each comes back to its sender (an
// echo endpoint does). Paced, the latency counts from when a message was due.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

constexpr double kEndSecondsMax = 30;

// Lets clients send and waits for the last reply; says in the report if one is missing.
bool run_messages(const Options& options, double seconds, Rig& rig, Report& report) {
  rig.begin_span();
  rig.begin_cpu();
  const auto urls = static_cast<double>(rig.group_count());
  for (size_t i = 0; i < rig.group_count(); ++i) {
    rig.fleet().begin_sending(i, {.seconds = seconds,
                                  .rate_per_second = options.rate_per_second / urls,
                                  .payload_bytes = options.payload_bytes});
  }
  const int64_t deadline_ns = now_ns() + seconds_to_ns(seconds + kEndSecondsMax);
  const auto is_sending = [&] {
    for (size_t i = 0; i < rig.group_count(); ++i)
      if (rig.fleet().is_sending(i)) return true;
    return false;
  };
  while (is_sending() && now_ns() < deadline_ns) sleep_ms(2);
  bool all = true;
  for (size_t i = 0; i < rig.group_count(); ++i) {
    const uint64_t sent = rig.fleet().totals(i).sent;
    all &= rig.fleet().await_messages(i, sent, options.quiet_seconds_max);
  }
  if (!all) report.fail("not every message came back");
  return all;
}

}  // namespace

void run_inbound(const Options& options, Report& report) {
  for (const std::string& url : options.urls) {
    if (!url.starts_with("ws://"))
      throw std::runtime_error("clients can send over WebSockets only: " + url);
  }
  Rig rig(options, report, {.answers_clients = true});
  if (!rig.open()) return;
  show_progress("warming up");
  if (!run_messages(options, options.warm_up_seconds, rig, report)) return rig.report_messages();
  rig.finish_span();
  show_progress("measuring");
  run_messages(options, options.seconds, rig, report);
  const CpuSpan cpu = rig.cpu();
  rig.finish_span();
  const Totals totals = rig.totals();
  const auto sent = static_cast<double>(std::max<uint64_t>(totals.sent, 1));
  report.number("connections", "clients", options.connections, "");
  report.number("sent", "messages sent", static_cast<double>(totals.sent), "");
  report.number("sent_per_second", "  a second", sent / options.seconds, "/s");
  rig.report_messages();
  if (options.server_pid != 0) {
    report.number("cpu_us_per_message", "server CPU per message and reply",
                  cpu.server_ns / 1e3 / sent, "us", 3);
    report.number("server_busy_share", "server busy", cpu.server_ns / cpu.wall_ns * 100,
                  "% of a CPU");
  }
  rig.report_latency();
  rig.report_effort();
}

}  // namespace livehub::bench
