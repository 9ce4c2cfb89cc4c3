// storm: while messages go on at a steady rate, all clients are cut off at once and come back with
// the id of the last message they have. Nothing may be missed; how long does it take?
#include <algorithm>
#include <vector>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"

namespace livehub::bench {

namespace {

constexpr int64_t kBeforeCutMs = 1000;
constexpr double kAfterCutSeconds = 2;

struct Storm {
  double open_seconds = 0;  // until the last one was back
  double cpu_seconds = 0;   // of the server, until then
};

bool run_storm_once(Rig& rig, Storm& storm) {
  rig.begin_cpu();
  const int64_t start_ns = now_ns();
  if (!rig.cut()) return false;
  storm.open_seconds = ns_to_seconds(rig.totals().last_open_ns - start_ns);
  storm.cpu_seconds = rig.cpu().server_ns / 1e9;
  return true;
}

// Publishes for as long as the storms last and a little longer.
bool run_storms(const Options& options, Rig& rig, std::vector<Storm>& storms, Report& report) {
  const double seconds_max = options.cuts * (options.open_seconds_max + kAfterCutSeconds) + 1;
  PublishRun run{.seconds = seconds_max,
                 .rate_per_second = options.rate_per_second,
                 .payload_bytes = options.payload_bytes};
  rig.publisher().start(run);
  sleep_ms(kBeforeCutMs);
  for (uint32_t i = 0; i < options.cuts; ++i) {
    show_progress("all are cut off, storm " + std::to_string(i + 1));
    Storm storm;
    if (!run_storm_once(rig, storm)) return false;
    storms.push_back(storm);
    sleep_ms(static_cast<int64_t>(kAfterCutSeconds * 1000));
  }
  rig.publisher().stop();
  if (rig.await_published({})) return true;
  report.fail("what was published during the storm did not reach everybody");
  return false;
}

double worst(const std::vector<Storm>& storms, double Storm::*field) {
  double most = 0;
  for (const Storm& storm : storms) most = std::max(most, storm.*field);
  return most;
}

}  // namespace

void run_storm(const Options& options, Report& report) {
  Rig rig(options, report, {.resumes = true});
  if (!rig.open()) return;
  rig.begin_span();
  show_progress("steady before the storm");
  // Everybody has an id to come back with.
  if (!rig.publish({.count = 5, .rate_per_second = 5, .payload_bytes = options.payload_bytes}))
    return rig.report_messages();
  rig.begin_span();
  std::vector<Storm> storms;
  run_storms(options, rig, storms, report);
  rig.finish_span();
  report.number("connections", "clients", options.connections, "");
  report.number("storms", "storms", static_cast<double>(storms.size()), "");
  report.number("rate", "messages meanwhile", options.rate_per_second, "/s", 1);
  report.number("back_seconds", "all back after, at the worst", worst(storms, &Storm::open_seconds),
                "s", 2);
  if (options.server_pid != 0) {
    report.number("storm_cpu_us_per_connection", "server CPU per client and storm",
                  worst(storms, &Storm::cpu_seconds) * 1e6 / options.connections, "us", 1);
  }
  rig.report_messages();
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
}

}  // namespace livehub::bench
