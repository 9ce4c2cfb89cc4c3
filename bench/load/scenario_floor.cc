// floor: what a delivery costs in a bare loop of send(), and in servers as a multiple of it. All of
// them hold as many sockets in the same client processes, all the time; they take turns, in both
// directions, so that what else happens on the machine meets them alike.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "load/bare_loop.h"
#include "load/fleet.h"
#include "load/named_target.h"
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
  FleetPlan plan;
  for (const Contestant& one : contestants) {
    plan.groups.push_back({.target = one.target,
                           .connections = options.connections,
                           .publishers = 1,
                           .board = one.board.get(),
                           .extra_headers = header_lines(options, false)});
  }
  plan.processes = options.processes > 0
                       ? options.processes
                       : default_processes(uint64_t{options.connections} * contestants.size());
  plan.pause_us = options.pause_us;
  plan.in_flight = options.in_flight;
  plan.sources = options.sources;
  return plan;
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
  if (fleet.totals(group).faults() > 0) {
    report.fail(one.name + ": messages were lost, doubled, reordered or torn");
  }
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
  return {.us_per_delivery = cpu_ns / 1e3 / std::max(deliveries, 1.0),
          .batch = deliveries / static_cast<double>(std::max<uint64_t>(totals.receives, 1))};
}

void take_turns(const Options& options, std::vector<Contestant>& contestants, Fleet& fleet,
                Report& report) {
  const size_t count = contestants.size();
  for (uint32_t round = 0; round <= options.pairs && !report.has_failed(); ++round) {
    show_progress("pair " + std::to_string(round) + " of " + std::to_string(options.pairs));
    for (size_t i = 0; i < count; ++i) {
      const size_t turn = round % 2 == 0 ? i : count - 1 - i;
      const Turn taken = take_turn(options, contestants[turn], turn, fleet, report);
      if (round > 0) contestants[turn].turns.push_back(taken);  // the first one warms up
    }
  }
}

void pin_all(const std::vector<Contestant>& contestants, const Fleet& fleet, Pinning& pinning) {
  for (const Contestant& one : contestants) {
    pinning.pin_measured(one.pid);
    if (one.publisher) pinning.pin_generator(one.publisher->pid());
  }
  for (size_t i = 0; i < fleet.process_count(); ++i) pinning.pin_generator(fleet.process_id(i));
}

std::vector<double> costs_of(const Contestant& one) {
  std::vector<double> costs;
  for (const Turn& turn : one.turns) costs.push_back(turn.us_per_delivery);
  return costs;
}

// Pairs in which one of the two was late say nothing.
void report_ratio(const Contestant& one, const Contestant& other, Report& report) {
  std::vector<double> ratios;
  const size_t pairs = std::min(one.turns.size(), other.turns.size());
  for (size_t i = 0; i < pairs; ++i) {
    if (std::max(one.turns[i].batch, other.turns[i].batch) > kBatchMax) continue;
    ratios.push_back(one.turns[i].us_per_delivery / other.turns[i].us_per_delivery);
  }
  const std::string key = one.name + (other.bare ? "" : "_over_" + other.name);
  const MedianInterval ratio = median_interval(ratios);
  report.number(key + "_ratio", "  over " + (other.bare ? "the bare loop" : other.name),
                ratio.median, "", 3);
  report.number(key + "_ratio_low", "    95 % interval from", ratio.low, "", 3);
  report.number(key + "_ratio_high", "    to", ratio.high, "", 3);
  report.number(key + "_pairs", "    pairs that count", static_cast<double>(ratios.size()), "");
  if (ratios.size() * 2 <= pairs) {
    report.warn(
        one.name + " over " + other.name +
        ": in half of the pairs or more one of them was late and sent messages together; the "
        "machine is too busy, or the rate too high, to tell what a delivery costs");
  }
}

// Over the bare loop, and over those that --over names.
void report_contestant(const Options& options, const Contestant& one,
                       const std::vector<Contestant>& all, Report& report) {
  const std::vector<double> costs = costs_of(one);
  report.number(one.name + "_us_per_delivery", one.name + ": CPU per delivery",
                median_interval(costs).median, "us", 3);
  report.list(one.name + "_us_rounds", costs);
  report.add_turns(one.name, costs);
  if (one.bare) return;
  std::vector<double> batches;
  for (const Turn& turn : one.turns) batches.push_back(turn.batch);
  report.number(one.name + "_batch", "  messages in a receive", median_interval(batches).median, "",
                2);
  for (const Contestant& other : all) {
    const bool is_named =
        std::find(options.over.begin(), options.over.end(), other.name) != options.over.end();
    if (other.bare || (is_named && &other != &one)) report_ratio(one, other, report);
  }
}

void report_bare(const Contestant& bare, Report& report) {
  const uint64_t blocked = bare.bare->tally().blocked.get();
  if (blocked > 0) {
    report.fail(std::to_string(blocked) +
                " sends of the bare loop found a full socket: the clients are too slow");
  }
}

}  // namespace

void run_floor(const Options& options, Report& report) {
  if (options.kind == "connect") return run_connect_floor(options, report);
  std::vector<Contestant> contestants;
  for (const std::string& text : options.targets) contestants.push_back(make_server(options, text));
  contestants.push_back(make_bare(options));
  Fleet fleet(fleet_plan(options, contestants));
  for (size_t i = 0; i < contestants.size(); ++i) {
    if (fleet.open(i, options.connects_per_second, options.open_seconds_max)) continue;
    const Totals totals = fleet.totals(i);
    report.fail(contestants[i].name + ": only " + std::to_string(totals.open) + " of " +
                std::to_string(options.connections) + " connections could be opened, " +
                std::to_string(totals.failed) + " failed (" + totals.first_error + ")");
    return;
  }
  Pinning pinning;
  if (options.pin) pin_all(contestants, fleet, pinning);
  SoftirqMeter softirq;
  fleet.begin_effort();
  take_turns(options, contestants, fleet, report);
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

}  // namespace livehub::bench
