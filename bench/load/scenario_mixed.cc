// mixed: what a real evening looks like, in small. Subscribers of all given URLs (WebSocket and
// SSE) at a steady rate, a share of them that never reads, and visitors that come, stay for a
// moment and go, all at once.
#include <algorithm>
#include <string>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

constexpr int64_t kVisitMs = 500;

FleetPlan visitors_plan(const Options& options, const Rig& rig) {
  FleetPlan plan;
  const auto urls = static_cast<uint32_t>(options.urls.size());
  for (uint32_t i = 0; i < urls; ++i) {
    plan.groups.push_back({.target = parse_target(options.urls[i]),
                           .connections = Share{i, urls}.count_of(options.visitors),
                           .publishers = options.publishers,
                           .board = &rig.board(),
                           .extra_headers = header_lines(options, false),
                           .joins_midway = true});
  }
  plan.processes = 1;
  plan.in_flight = options.in_flight;
  plan.sources = options.sources;
  return plan;
}

struct Visits {
  uint64_t count = 0;
  bool have_failed = false;
};

// Visitors come and go until the publisher has ended.
Visits visit(const Options& options, Rig& rig, Fleet& visitors) {
  Visits visits;
  while (!rig.publisher().is_done()) {
    for (size_t i = 0; i < options.urls.size(); ++i)
      visits.have_failed |= !visitors.open(i, 0, options.open_seconds_max);
    visits.count += options.visitors;
    sleep_ms(kVisitMs);
    for (size_t i = 0; i < options.urls.size(); ++i) visitors.close(i);
  }
  return visits;
}

void report_visitors(const Options& options, const Visits& visits, const Fleet& visitors,
                     Report& report) {
  Totals seen;
  for (size_t i = 0; i < options.urls.size(); ++i) seen.add(visitors.totals(i));
  report.number("visits", "visits", static_cast<double>(visits.count), "");
  report.number("visitor_messages", "  messages that visitors got",
                static_cast<double>(seen.messages), "");
  if (visits.have_failed) report.fail("not all visitors were let in: " + seen.first_error);
  if (seen.faults() > 0) report.fail("a visitor missed messages while it was there");
  if (visits.count > 0)
    report.latency("visit", "  connect to response head", visitors.connect_latency(0));
}

}  // namespace

void run_mixed(const Options& options, Report& report) {
  Rig rig(options, report, {.never_read_every = options.never_read_every});
  Fleet visitors(visitors_plan(options, rig));
  if (!rig.open()) return;
  rig.begin_span();
  show_progress("warming up");
  const auto count_in = [&](double seconds) {
    return std::max<uint64_t>(static_cast<uint64_t>(options.rate_per_second * seconds), 1);
  };
  PublishRun run{.count = count_in(options.warm_up_seconds),
                 .rate_per_second = options.rate_per_second,
                 .payload_bytes = options.payload_bytes};
  if (!rig.publish(run)) return rig.report_messages();
  rig.begin_span();
  rig.begin_cpu();
  show_progress("measuring");
  run.count = count_in(options.seconds);
  rig.publisher().start(run);
  const Visits visits = visit(options, rig, visitors);
  rig.await_published(run);
  const CpuSpan cpu = rig.cpu();
  rig.finish_span();
  const Totals totals = rig.totals();
  report.number("connections", "subscribers", options.connections, "");
  report.number("readers", "of them read", static_cast<double>(rig.reader_count()), "");
  report.number("rate", "messages", options.rate_per_second, "/s", 1);
  rig.report_messages();
  report_visitors(options, visits, visitors, report);
  if (options.server_pid != 0) {
    report.number("cpu_us_per_delivery", "server CPU per delivery, visits in it",
                  cpu.server_ns / 1e3 / static_cast<double>(std::max<uint64_t>(totals.messages, 1)),
                  "us", 3);
    report.number("server_busy_share", "server busy", cpu.server_ns / cpu.wall_ns * 100,
                  "% of a CPU");
  }
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
}

}  // namespace livehub::bench
