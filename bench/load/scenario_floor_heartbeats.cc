// floor --kind heartbeats: what idle connections cost whose server sends each of them a heartbeat
// every --seconds, over a bare loop that sends as many bytes as often. Servers beat by their own
// clocks, so they cannot take turns; instead they are opened a part of the period after each other,
// and the bare loop sends in the part that is left. A window is a period of all of them.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "load/bare_loop.h"
#include "load/clock.h"
#include "load/fleet.h"
#include "load/named_target.h"
#include "load/pairs.h"
#include "load/proc.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

constexpr double kBeatsWrongMax = 0.1;
constexpr uint32_t kFrameHeadBytes = 2;

struct Window {
  double us_per_beat = 0;
  double us_per_second = 0;  // and connection
};

struct Contestant {
  std::string name;
  Target target;
  CpuMeter meter;
  int64_t cpu_ns = 0;  // when the window began
  uint64_t beats = 0;
  std::vector<Window> windows = {};
  double beats_seen = 0;  // of all windows that count
};

std::vector<Contestant> make_contestants(const Options& options, const BareLoop& bare) {
  std::vector<Contestant> contestants;
  for (const std::string& text : options.targets) {
    const NamedTarget named = parse_named_target(text);
    contestants.push_back({.name = named.name,
                           .target = parse_target(named.subscribe_url),
                           .meter = CpuMeter(named.pid)});
  }
  contestants.push_back({.name = "bare", .target = bare.target(), .meter = CpuMeter(bare.pid())});
  return contestants;
}

FleetPlan fleet_plan(const Options& options, const std::vector<Contestant>& contestants,
                     const Board& board) {
  std::vector<GroupPlan> groups;
  for (const Contestant& one : contestants) {
    groups.push_back({.target = one.target,
                      .connections = options.connections,
                      .board = &board,
                      .extra_headers = header_lines(options, false)});
  }
  return fleet_of_groups(options, std::move(groups));
}

// What ends here is the window that began with the last call.
void read_meters(const Options& options, std::vector<Contestant>& contestants, const Fleet& fleet,
                 bool counts) {
  for (size_t i = 0; i < contestants.size(); ++i) {
    Contestant& one = contestants[i];
    const int64_t cpu_ns = one.meter.sample_ns();
    const uint64_t beats = fleet.totals(i).pings;
    const double cpu_us = static_cast<double>(cpu_ns - std::exchange(one.cpu_ns, cpu_ns)) / 1e3;
    const auto seen = static_cast<double>(beats - std::exchange(one.beats, beats));
    if (!counts) continue;
    one.beats_seen += seen;
    one.windows.push_back({.us_per_beat = cpu_us / std::max(seen, 1.0),
                           .us_per_second = cpu_us / options.connections / options.seconds});
  }
}

// As many bytes as the first server's beats of the span have had, its framing in them.
uint32_t beat_bytes(const Totals& span, uint64_t pings_before) {
  const auto beats = static_cast<double>(std::max<uint64_t>(span.pings - pings_before, 1));
  return static_cast<uint32_t>(static_cast<double>(span.received_bytes) / beats + 0.5);
}

void send_bare(const Options& options, uint32_t bytes, BareLoop& bare, Report& report) {
  if (bytes < kFrameHeadBytes) return report.fail("no heartbeat came within a period");
  bare.start({.rounds = 1,
              .rounds_per_second = 1,
              .payload_bytes = bytes - kFrameHeadBytes,
              .are_pings = true});
  if (!bare.await(options.seconds)) report.fail("the bare loop did not come to its end");
}

// Each a part of the period after the one before; returns when the first began.
int64_t open_all(const Options& options, const std::vector<Contestant>& contestants,
                 double part_seconds, Fleet& fleet, Report& report) {
  const int64_t start_ns = now_ns();
  for (size_t i = 0; i < contestants.size() && !report.has_failed(); ++i) {
    open_group(options, contestants[i].name, i, fleet, report);
    sleep_until_ns(start_ns + seconds_to_ns(part_seconds * static_cast<double>(i + 1)));
  }
  return start_ns;
}

void run_windows(const Options& options, std::vector<Contestant>& contestants, BareLoop& bare,
                 Fleet& fleet, Report& report) {
  const double part = options.seconds / static_cast<double>(contestants.size());
  const int64_t opened_ns = open_all(options, contestants, part, fleet, report);
  if (report.has_failed()) return;
  // Before the second period's first beat: a beat a little late or early is still in its window.
  int64_t begin_ns = opened_ns + seconds_to_ns(options.seconds - part / 2);
  sleep_until_ns(begin_ns);
  read_meters(options, contestants, fleet, false);
  fleet.begin_span(0);
  const uint64_t pings_before = fleet.totals(0).pings;
  for (uint32_t i = 0; i <= options.pairs && !report.has_failed(); ++i) {
    show_progress("period " + std::to_string(i) + " of " + std::to_string(options.pairs));
    sleep_until_ns(begin_ns + seconds_to_ns(options.seconds - part / 2));
    send_bare(options, beat_bytes(fleet.totals(0), pings_before), bare, report);
    begin_ns += seconds_to_ns(options.seconds);
    sleep_until_ns(begin_ns);
    read_meters(options, contestants, fleet, i > 0);  // the first one warms up
  }
  report.number("heartbeat_bytes", "bytes of a heartbeat",
                beat_bytes(fleet.totals(0), pings_before), "B");
}

std::vector<double> column(const Contestant& one, double Window::*field) {
  std::vector<double> values;
  for (const Window& window : one.windows) values.push_back(window.*field);
  return values;
}

void report_contestant(const Options& options, const Contestant& one, const Contestant& bare,
                       const Totals& totals, Report& report) {
  const double expected = static_cast<double>(options.connections) * options.pairs;
  report.number(one.name + "_us_per_second", one.name + ": CPU per second and connection",
                median_interval(column(one, &Window::us_per_second)).median, "us", 4);
  report.number(one.name + "_us_per_heartbeat", "  per heartbeat",
                median_interval(column(one, &Window::us_per_beat)).median, "us", 3);
  const double per_period = one.beats_seen / expected;
  report.number(one.name + "_heartbeats", "  heartbeats a period", per_period, "", 3);
  report.add_turns(one.name, column(one, &Window::us_per_beat));
  // At each end of all windows, a late beat may fall out or in.
  if (std::abs(per_period - 1) > kBeatsWrongMax + 1.0 / options.pairs) {
    report.fail(one.name + " does not send a heartbeat every " + format_number(options.seconds, 0) +
                " s to each client");
  }
  if (totals.closed_by_server > 0)
    report.fail(one.name + " closed connections: " + totals.first_error);
  if (&one == &bare) return;
  report_ratio(one.name + "_ratio", "  over the bare sends",
               quotients(column(one, &Window::us_per_beat), column(bare, &Window::us_per_beat)),
               report);
}

}  // namespace

void run_heartbeats_floor(const Options& options, Report& report) {
  Board board;
  BareLoop bare(&board, options.ipv4_only);
  std::vector<Contestant> contestants = make_contestants(options, bare);
  Fleet fleet(fleet_plan(options, contestants, board));
  run_windows(options, contestants, bare, fleet, report);
  if (report.has_failed()) return;
  report.number("connections", "sockets each", options.connections, "");
  report.number("pairs", "periods", options.pairs, "");
  for (size_t i = 0; i < contestants.size(); ++i)
    report_contestant(options, contestants[i], contestants.back(), fleet.totals(i), report);
  if (bare.tally().blocked.get() > 0) report.fail("sends of the bare loop found a full socket");
}

}  // namespace livehub::bench
