// broadcast and saturate: one channel, one publisher or many; what a delivery costs and how long it
// takes.
#include <algorithm>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

constexpr double kSaturatedShare = 0.85;

void report_cost(const Options& options, Report& report, const CpuSpan& cpu, const Totals& totals) {
  const auto deliveries = static_cast<double>(std::max<uint64_t>(totals.messages, 1));
  if (options.server_pid == 0) return;
  report.number("cpu_us_per_delivery", "server CPU per delivery", cpu.server_ns / 1e3 / deliveries,
                "us", 4);
  report.number("softirq_us_per_delivery", "kernel's own network threads",
                cpu.softirq_ns / 1e3 / deliveries, "us", 4);
  report.number("server_busy_share", "server busy", cpu.server_ns / cpu.wall_ns * 100,
                "% of a CPU");
}

// A saturated server has no time to spare; one that has waited for something else.
void warn_if_not_saturated(const Options& options, Report& report, const CpuSpan& cpu) {
  const double busy = cpu.server_ns / cpu.wall_ns;
  if (options.server_pid == 0 || busy > kSaturatedShare) return;
  report.warn(
      "the server was busy " + format_number(busy * 100, 0) +
      " % of a CPU only: the clients, the publishers or other programs were the limit, and the "
      "latencies are theirs");
}

// One measured publication between its warm-up and its report.
bool run_span(const PublishRun& warm_up, const PublishRun& run, Rig& rig, CpuSpan& cpu) {
  rig.begin_span();
  show_progress("warming up");
  if (!rig.publish(warm_up)) return false;
  rig.begin_span();
  rig.begin_cpu();
  show_progress("measuring");
  const bool arrived = rig.publish(run);
  cpu = rig.cpu();
  rig.finish_span();
  return arrived;
}

}  // namespace

void run_broadcast(const Options& options, Report& report) {
  Rig rig(options, report);
  if (!rig.open()) return;
  const auto count_in = [&](double seconds) {
    return std::max<uint64_t>(static_cast<uint64_t>(options.rate_per_second * seconds), 1);
  };
  PublishRun run{.count = count_in(options.warm_up_seconds),
                 .rate_per_second = options.rate_per_second,
                 .payload_bytes = options.payload_bytes};
  const PublishRun warm_up = run;
  run.count = count_in(options.seconds);
  CpuSpan cpu;
  if (!run_span(warm_up, run, rig, cpu)) return rig.report_messages();
  report.number("connections", "subscribers", options.connections, "");
  report.number("rate", "messages", options.rate_per_second, "/s", 1);
  rig.report_messages();
  report_cost(options, report, cpu, rig.totals());
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
}

void run_saturate(const Options& options, Report& report) {
  Rig rig(options, report);
  if (!rig.open()) return;
  PublishRun run{.seconds = options.warm_up_seconds, .payload_bytes = options.payload_bytes};
  const PublishRun warm_up = run;
  run.seconds = options.seconds;
  CpuSpan cpu;
  if (!run_span(warm_up, run, rig, cpu)) return rig.report_messages();
  const Totals totals = rig.totals();
  const auto deliveries = static_cast<double>(totals.messages);
  const auto first_ns = static_cast<int64_t>(rig.publisher().tally().first_due_ns.get());
  report.number("connections", "subscribers", options.connections, "");
  report.number("deliveries_per_second", "deliveries",
                deliveries / ns_to_seconds(std::max<int64_t>(totals.last_message_ns - first_ns, 1)),
                "/s");
  report.number("batch", "messages in a receive",
                deliveries / static_cast<double>(std::max<uint64_t>(totals.receives, 1)), "", 1);
  rig.report_messages();
  const uint64_t pushes = rig.publisher().tally().accepted.get();
  if (options.connections > 0) {
    report_cost(options, report, cpu, totals);
  } else if (options.server_pid != 0) {  // pushes alone, as fast as they are answered
    report.number("cpu_us_per_push", "server CPU per push",
                  cpu.server_ns / 1e3 / static_cast<double>(std::max<uint64_t>(pushes, 1)), "us",
                  2);
  }
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
  warn_if_not_saturated(options, report, cpu);
}

}  // namespace livehub::bench
