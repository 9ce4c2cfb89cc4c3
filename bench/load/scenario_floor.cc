// floor: what a delivery costs in a bare loop of send(), and in servers as a multiple of it. All of
// them hold as many sockets in the same client processes, all the time; they take turns, in both
// directions, so that what else happens on the machine meets them alike.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "load/bare_loop.h"
#include "load/fleet.h"
#include "load/named_target.h"
#include "load/pairs.h"
#include "load/pin.h"
#include "load/proc.h"
#include "load/publisher.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

// A socket that was idle acknowledges each of its next 16 segments at once instead of later, at the
// sender's cost; a steady stream does not see that, so a turn begins with more messages than that
// which do not count.
constexpr uint64_t kMessagesBeforeTurn = 20;

// A server that is late sends two messages at once, at the price of one: such a turn says nothing
// about the cost of a delivery, and its pair is left out.
constexpr double kBatchMax = 1.05;

struct Turn {
  double us_per_delivery = 0;
  double batch = 0;  // messages that clients found in a receive
  double p99_ms = 0;
  double reach_ms = 0;  // of the bare loop: until it had sent to its last socket
};

// One of those that take turns. The bare loop is the one without a publisher.
struct Contestant {
  std::string name;
  Target target;
  std::unique_ptr<Board> board = std::make_unique<Board>();
  std::unique_ptr<BareLoop> bare;
  std::unique_ptr<Publisher> publisher;
  pid_t pid = 0;
  std::vector<Turn> turns;  // by round
  uint64_t deliveries = 0;
};

Contestant make_server(const Options& options, const std::string& text) {
  const NamedTarget named = parse_named_target(text);
  Contestant server;
  server.name = named.name;
  server.pid = named.pid;
  server.target = parse_target(named.subscribe_url);
  server.publisher =
      std::make_unique<Publisher>(PublishPlan{.target = parse_target(named.push_url),
                                              .connections = 1,
                                              .extra_headers = header_lines(options, true),
                                              .board = server.board.get()});
  return server;
}

Contestant make_bare(const Options& options) {
  Contestant bare;
  bare.name = "bare";
  bare.bare = std::make_unique<BareLoop>(bare.board.get(), options.ipv4_only);
  bare.target = bare.bare->target();
  bare.pid = bare.bare->pid();
  return bare;
}

FleetPlan fleet_plan(const Options& options, const std::vector<Contestant>& contestants) {
  std::vector<GroupPlan> groups;
  for (const Contestant& one : contestants) {
    groups.push_back({.target = one.target,
                      .connections = options.connections,
                      .board = one.board.get(),
                      .extra_headers = header_lines(options, false)});
  }
  return fleet_of_groups(options, std::move(groups));
}

void start(const Options& options, Contestant& one, uint64_t messages) {
  if (one.bare) {
    one.bare->start({.rounds = messages,
                     .rounds_per_second = options.rate_per_second,
                     .payload_bytes = options.payload_bytes});
  } else {
    one.publisher->start({.count = messages,
                          .rate_per_second = options.rate_per_second,
                          .payload_bytes = options.payload_bytes});
  }
}

bool await_end(const Contestant& one, double seconds) {
  return one.bare ? one.bare->await(seconds) : one.publisher->await(seconds);
}

// Sends so many messages and waits until all have arrived; says in the report if they did not.
void run_messages(const Options& options, Contestant& one, uint64_t messages, size_t group,
                  Fleet& fleet, Report& report) {
  fleet.begin_span(group);
  start(options, one, messages);
  const double seconds = static_cast<double>(messages) / options.rate_per_second;
  if (!await_end(one, seconds + 60) ||
      !fleet.await_messages(group, messages * options.connections, options.quiet_seconds_max)) {
    report.fail(one.name + ": not all messages arrived");
  }
  fleet.finish_span(group);
  check_span(one.name, group, fleet, report);
}

Turn take_turn(const Options& options, Contestant& one, size_t group, Fleet& fleet,
               Report& report) {
  run_messages(options, one, kMessagesBeforeTurn, group, fleet, report);
  const auto messages =
      std::max<uint64_t>(static_cast<uint64_t>(options.rate_per_second * options.seconds), 1);
  CpuMeter meter(one.pid);
  meter.sample_ns();
  run_messages(options, one, messages, group, fleet, report);
  const auto cpu_ns = static_cast<double>(meter.sample_ns());
  const Totals totals = fleet.totals(group);
  one.deliveries += totals.messages;
  const auto deliveries = static_cast<double>(totals.messages);
  Turn turn{.us_per_delivery = cpu_ns / 1e3 / std::max(deliveries, 1.0),
            .batch = deliveries / static_cast<double>(std::max<uint64_t>(totals.receives, 1)),
            .p99_ms = static_cast<double>(fleet.latency(group).percentile_ns(0.99)) / 1e6};
  if (one.bare)
    turn.reach_ms = static_cast<double>(one.bare->tally().reach.percentile_ns(0.5)) / 1e6;
  return turn;
}

void pin_all(const std::vector<Contestant>& contestants, const Fleet& fleet, Pinning& pinning) {
  for (const Contestant& one : contestants) {
    pinning.pin_measured(one.pid);
    if (one.publisher) pinning.pin_generator(one.publisher->pid());
  }
  for (size_t i = 0; i < fleet.process_count(); ++i) pinning.pin_generator(fleet.process_id(i));
}

std::vector<double> column(const Contestant& one, double Turn::*field) {
  std::vector<double> values;
  for (const Turn& turn : one.turns) values.push_back(turn.*field);
  return values;
}

// Of one over the other, in the pairs in which neither was late: late ones say nothing.
std::vector<double> ratios_of(const Contestant& one, double Turn::*ours, const Contestant& other,
                              double Turn::*theirs) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(one.turns.size(), other.turns.size()); ++i) {
    if (std::max(one.turns[i].batch, other.turns[i].batch) > kBatchMax) continue;
    ratios.push_back(one.turns[i].*ours / (other.turns[i].*theirs));
  }
  return ratios;
}

void report_over(const Contestant& one, const Contestant& other, Report& report) {
  const std::string key = one.name + (other.bare ? "" : "_over_" + other.name);
  const std::vector<double> ratios =
      ratios_of(one, &Turn::us_per_delivery, other, &Turn::us_per_delivery);
  report_ratio(key + "_ratio", "  over " + (other.bare ? "the bare loop" : other.name), ratios,
               report);
  const size_t pairs = std::min(one.turns.size(), other.turns.size());
  report.number(key + "_pairs", "    pairs that count", static_cast<double>(ratios.size()), "");
  if (ratios.size() * 2 <= pairs) {
    report.warn(
        one.name + " over " + other.name +
        ": in half of the pairs or more one of them was late and sent messages together; the "
        "machine is too busy, or the rate too high, to tell what a delivery costs");
  }
  if (!other.bare) return;
  report_ratio(one.name + "_latency_ratio", "  p99 latency over the loop's time to its last socket",
               ratios_of(one, &Turn::p99_ms, other, &Turn::reach_ms), report);
}

// Over the bare loop, and over those that --over names.
void report_contestant(const Options& options, const Contestant& one,
                       const std::vector<Contestant>& all, Report& report) {
  const std::vector<double> costs = column(one, &Turn::us_per_delivery);
  report.number(one.name + "_us_per_delivery", one.name + ": CPU per delivery",
                median_interval(costs).median, "us", 3);
  report.list(one.name + "_us_rounds", costs);
  report.add_turns(one.name, costs);
  report.number(one.name + "_latency_p99_ms", "  p99 latency",
                median_interval(column(one, &Turn::p99_ms)).median, "ms", 2);
  if (one.bare) return;
  report.number(one.name + "_batch", "  messages in a receive",
                median_interval(column(one, &Turn::batch)).median, "", 2);
  for (const Contestant& other : all) {
    const bool is_named =
        std::find(options.over.begin(), options.over.end(), other.name) != options.over.end();
    if (other.bare || (is_named && &other != &one)) report_over(one, other, report);
  }
}

void report_bare(const Contestant& bare, Report& report) {
  report.number("bare_reach_ms", "bare loop: time to its last socket",
                median_interval(column(bare, &Turn::reach_ms)).median, "ms", 2);
  const uint64_t blocked = bare.bare->tally().blocked.get();
  if (blocked > 0) {
    report.fail(std::to_string(blocked) +
                " sends of the bare loop found a full socket: the clients are too slow");
  }
}

void run_delivery_floor(const Options& options, Report& report) {
  std::vector<Contestant> contestants;
  for (const std::string& text : options.targets) contestants.push_back(make_server(options, text));
  contestants.push_back(make_bare(options));
  Fleet fleet(fleet_plan(options, contestants));
  for (size_t i = 0; i < contestants.size(); ++i)
    if (!open_group(options, contestants[i].name, i, fleet, report)) return;
  Pinning pinning;
  if (options.pin) pin_all(contestants, fleet, pinning);
  SoftirqMeter softirq;
  fleet.begin_effort();
  take_turns(options.pairs, contestants.size(), report, [&](size_t i, bool counts) {
    const Turn turn = take_turn(options, contestants[i], i, fleet, report);
    if (counts) contestants[i].turns.push_back(turn);
  });
  const Effort effort = fleet.effort();
  uint64_t deliveries = 0;
  for (const Contestant& one : contestants) deliveries += one.deliveries;
  report.number("connections", "sockets each", options.connections, "");
  report.number("pairs", "interleaved pairs", options.pairs, "");
  report.number("client_processes", "client processes", fleet.process_count(), "");
  for (const Contestant& one : contestants) report_contestant(options, one, contestants, report);
  report_bare(contestants.back(), report);
  report.number("softirq_us_per_delivery", "kernel's own network threads",
                static_cast<double>(softirq.sample_ns()) / 1e3 /
                    static_cast<double>(std::max<uint64_t>(deliveries, 1)),
                "us", 4);
  report.number("client_busy_share", "busiest client process", effort.busiest_share * 100,
                "% of a CPU");
  report.number("machine_idle_share", "machine idle", effort.machine_idle_share * 100, "%");
}

}  // namespace

void run_floor(const Options& options, Report& report) {
  if (options.kind == "connect") return run_connect_floor(options, report);
  if (options.kind == "saturate") return run_saturate_floor(options, report);
  if (options.kind == "heartbeats") return run_heartbeats_floor(options, report);
  if (options.kind == "burst") return run_burst_floor(options, report);
  run_delivery_floor(options, report);
}

}  // namespace livehub::bench
