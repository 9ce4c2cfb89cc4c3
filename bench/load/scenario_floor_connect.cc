// floor --kind connect: what an accepted connection costs in a bare loop of accept(), recv() and
// send(), and in servers as a multiple of it. They take turns, in both directions: each turn opens
// all connections to one of them, as fast as the clients can, and closes them again.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "load/bare_door.h"
#include "load/clock.h"
#include "load/fleet.h"
#include "load/named_target.h"
#include "load/pairs.h"
#include "load/pin.h"
#include "load/proc.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

// Closing goes on after a turn; its cost must not fall into the next one. A process that used less
// than this in a tenth of a second has done it.
constexpr int64_t kQuietNs = kNsPerMs;
constexpr int64_t kQuietSampleMs = 100;
constexpr double kQuietSecondsMax = 10;

struct Turn {
  double us_per_connection = 0;
  double connects_per_second = 0;
};

struct Contestant {
  std::string name;
  Target target;
  pid_t pid = 0;
  std::vector<Turn> turns = {};  // by round
};

std::vector<Contestant> make_contestants(const Options& options) {
  std::vector<Contestant> contestants;
  for (const std::string& text : options.targets) {
    const NamedTarget named = parse_named_target(text);
    contestants.push_back(
        {.name = named.name, .target = parse_target(named.subscribe_url), .pid = named.pid});
    if (contestants.back().target.protocol != contestants.front().target.protocol) {
      throw std::runtime_error(
          "all of --target must speak one protocol: the bare loop answers one");
    }
  }
  return contestants;
}

FleetPlan fleet_plan(const Options& options, const std::vector<Contestant>& contestants,
                     const Board& board) {
  FleetPlan plan;
  for (const Contestant& one : contestants) {
    plan.groups.push_back({.target = one.target,
                           .connections = options.connections,
                           .board = &board,
                           .extra_headers = header_lines(options, false)});
  }
  plan.processes =  // one of them is open at a time
      options.processes > 0 ? options.processes : default_processes(options.connections);
  plan.in_flight = options.in_flight;
  plan.sources = options.sources;
  return plan;
}

void await_quiet(pid_t pid) {
  CpuMeter meter(pid);
  int64_t before_ns = meter.sample_ns();
  const int64_t deadline_ns = now_ns() + seconds_to_ns(kQuietSecondsMax);
  while (now_ns() < deadline_ns) {
    sleep_ms(kQuietSampleMs);
    const int64_t used_ns = meter.sample_ns() - before_ns;
    if (used_ns < kQuietNs) return;
    before_ns += used_ns;
  }
}

// Opens all connections of one and closes them again; says in the report if it could not.
Turn take_turn(const Options& options, const Contestant& one, size_t group, Fleet& fleet,
               Report& report) {
  CpuMeter meter(one.pid);
  meter.sample_ns();
  const int64_t start_ns = now_ns();
  open_group(options, one.name, group, fleet, report);
  const auto cpu_ns = static_cast<double>(meter.sample_ns());
  const double seconds = ns_to_seconds(fleet.totals(group).last_open_ns - start_ns);
  const Turn turn{.us_per_connection = cpu_ns / 1e3 / options.connections,
                  .connects_per_second = options.connections / seconds};
  fleet.close(group);
  await_quiet(one.pid);
  return turn;
}

std::vector<double> costs_of(const Contestant& one) {
  std::vector<double> costs;
  for (const Turn& turn : one.turns) costs.push_back(turn.us_per_connection);
  return costs;
}

void report_over(const Contestant& one, const Contestant& other, bool is_bare, Report& report) {
  report_ratio(one.name + (is_bare ? "" : "_over_" + other.name) + "_ratio",
               "  over " + (is_bare ? "the bare loop" : other.name),
               quotients(costs_of(one), costs_of(other)), report);
}

// Over the bare loop, the last of them, and over those that --over names.
void report_contestant(const Options& options, const Contestant& one,
                       const std::vector<Contestant>& all, Report& report) {
  const std::vector<double> costs = costs_of(one);
  std::vector<double> rates;
  for (const Turn& turn : one.turns) rates.push_back(turn.connects_per_second);
  report.number(one.name + "_us_per_connection", one.name + ": CPU per connection",
                median_interval(costs).median, "us", 2);
  report.number(one.name + "_connects_per_second", "  accepted", median_interval(rates).median,
                "/s");
  report.list(one.name + "_us_rounds", costs);
  report.add_turns(one.name, costs);
  const Contestant& bare = all.back();
  if (&one == &bare) return;
  for (const Contestant& other : all) {
    const bool is_named =
        std::find(options.over.begin(), options.over.end(), other.name) != options.over.end();
    if (&other == &bare || (is_named && &other != &one))
      report_over(one, other, &other == &bare, report);
  }
}

}  // namespace

void run_connect_floor(const Options& options, Report& report) {
  std::vector<Contestant> contestants = make_contestants(options);
  const BareDoor door(
      contestants.empty() ? Protocol::kWebSocket : contestants.front().target.protocol,
      options.ipv4_only);
  contestants.push_back({.name = "bare", .target = door.target(), .pid = door.pid()});
  const Board board;
  Fleet fleet(fleet_plan(options, contestants, board));
  Pinning pinning;
  if (options.pin) {
    for (const Contestant& one : contestants) pinning.pin_measured(one.pid);
    for (size_t i = 0; i < fleet.process_count(); ++i) pinning.pin_generator(fleet.process_id(i));
  }
  fleet.begin_effort();
  take_turns(options.pairs, contestants.size(), report, [&](size_t i, bool counts) {
    const Turn turn = take_turn(options, contestants[i], i, fleet, report);
    if (counts) contestants[i].turns.push_back(turn);
  });
  const Effort effort = fleet.effort();
  report.number("connections", "connections each", options.connections, "");
  report.number("pairs", "interleaved pairs", options.pairs, "");
  report.number("client_processes", "client processes", fleet.process_count(), "");
  for (const Contestant& one : contestants) report_contestant(options, one, contestants, report);
  report.number("machine_idle_share", "machine idle", effort.machine_idle_share * 100, "%");
}

}  // namespace livehub::bench
