// floor --kind saturate: what a delivery costs in servers that are pushed to as fast as they take
// it, as a multiple of a bare loop's price for the same bytes in sends as large as the server's
// own. How many messages a server put into a send is what the segments say that its bytes came in.
// What the pushes themselves cost is measured first, with nobody listening, and taken off.
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

// The bare loop sends that much slower than the server did, so that its clients keep up.
constexpr double kPaceOfBare = 0.8;
constexpr double kAwaitSeconds = 60;
constexpr uint32_t kFrameHeadBytes = 4;

struct Turn {
  double us_per_delivery = 0;  // pushes taken off
  double batch = 0;            // messages in a send
  double bytes = 0;            // of a send
  double sends_per_second = 0;
  double p99_ms = 0;
  double bare_us_per_delivery = 0;
};

struct Server {
  std::string name;
  Target subscribe;
  Target push;
  pid_t pid = 0;
  double us_per_push = 0;
  std::unique_ptr<Board> board = nullptr;
  std::unique_ptr<Publisher> publisher = nullptr;
  std::vector<Turn> turns = {};
};

Server make_server(const Options& options, const std::string& text) {
  const NamedTarget named = parse_named_target(text);
  return {.name = named.name,
          .subscribe = parse_target(named.subscribe_url),
          .push = parse_target(named.push_url),
          .pid = named.pid,
          .board = std::make_unique<Board>(options.publishers)};
}

PublishPlan publish_plan(const Options& options, const Server& server) {
  return {.target = server.push,
          .connections = options.publishers,
          .extra_headers = header_lines(options, true),
          .board = server.board.get()};
}

bool publish(Publisher& publisher, const PublishRun& run, const std::string& name, Report& report) {
  publisher.start(run);
  const bool is_done = publisher.await(run.seconds + kAwaitSeconds);
  const PublishTally& tally = publisher.tally();
  if (is_done && tally.rejected.get() + tally.failed.get() == 0) return true;
  report.fail(name + ": pushes were not accepted: " + tally.first_error.data());
  return false;
}

// With nobody listening, as fast as they are answered.
void measure_push(const Options& options, Server& server, Report& report) {
  Publisher publisher(publish_plan(options, server));
  CpuMeter meter(server.pid);
  meter.sample_ns();
  publish(publisher, {.seconds = options.seconds, .payload_bytes = options.payload_bytes},
          server.name, report);
  const auto pushes = std::max<uint64_t>(publisher.tally().accepted.get(), 1);
  server.us_per_push = static_cast<double>(meter.sample_ns()) / 1e3 / static_cast<double>(pushes);
}

// Publishes for so long, and waits until everybody has it all.
bool run_span(const Options& options, double seconds, Server& server, size_t group, Fleet& fleet,
              Report& report) {
  fleet.begin_span(group);
  const bool is_published =
      publish(*server.publisher, {.seconds = seconds, .payload_bytes = options.payload_bytes},
              server.name, report);
  const uint64_t owed = server.publisher->tally().accepted.get() * options.connections;
  if (is_published && !fleet.await_messages(group, owed, options.quiet_seconds_max))
    report.fail(server.name + ": not all messages arrived");
  fleet.finish_span(group);
  check_span(server.name, group, fleet, report);
  return !report.has_failed();
}

Turn take_turn(const Options& options, Server& server, size_t group, Fleet& fleet, Report& report) {
  if (!run_span(options, options.seconds / 4, server, group, fleet, report)) return {};
  CpuMeter meter(server.pid);
  meter.sample_ns();
  run_span(options, options.seconds, server, group, fleet, report);
  const double cpu_us = static_cast<double>(meter.sample_ns()) / 1e3;
  const Totals totals = fleet.totals(group);
  const auto messages = static_cast<double>(std::max<uint64_t>(totals.messages, 1));
  const auto sends = static_cast<double>(std::max<uint64_t>(totals.segments, 1));
  const auto pushes = static_cast<double>(server.publisher->tally().accepted.get());
  return {.us_per_delivery = (cpu_us - pushes * server.us_per_push) / messages,
          .batch = messages / sends,
          .bytes = static_cast<double>(totals.received_bytes) / sends,
          .sends_per_second = sends / options.connections / options.seconds,
          .p99_ms = static_cast<double>(fleet.latency(group).percentile_ns(0.99)) / 1e6};
}

// As many bytes in each send as the server's turn had.
double take_bare_turn(const Options& options, const Turn& turn, BareLoop& bare, size_t group,
                      Fleet& fleet, Report& report) {
  const double rate = std::max(turn.sends_per_second * kPaceOfBare, 1.0);
  const BareRun run{.rounds = std::max<uint64_t>(static_cast<uint64_t>(rate * options.seconds), 1),
                    .rounds_per_second = rate,
                    .payload_bytes = std::max(static_cast<uint32_t>(turn.bytes) - kFrameHeadBytes,
                                              options.payload_bytes)};
  fleet.begin_span(group);
  CpuMeter meter(bare.pid());
  meter.sample_ns();
  bare.start(run);
  const uint64_t sends = run.rounds * options.connections;
  if (!bare.await(options.seconds + kAwaitSeconds) ||
      !fleet.await_messages(group, sends, options.quiet_seconds_max)) {
    report.fail("bare: not all messages arrived");
  }
  const auto cpu_ns = static_cast<double>(meter.sample_ns());
  fleet.finish_span(group);
  check_span("bare", group, fleet, report);
  return cpu_ns / 1e3 / static_cast<double>(sends) / turn.batch;
}

FleetPlan fleet_plan(const Options& options, const std::vector<Server>& servers,
                     const BareLoop& bare, const Board& bare_board) {
  std::vector<GroupPlan> groups;
  for (const Server& server : servers) {
    groups.push_back({.target = server.subscribe,
                      .connections = options.connections,
                      .publishers = options.publishers,
                      .board = server.board.get(),
                      .extra_headers = header_lines(options, false)});
  }
  groups.push_back(
      {.target = bare.target(), .connections = options.connections, .board = &bare_board});
  return fleet_of_groups(options, std::move(groups));
}

std::vector<double> column(const Server& server, double Turn::*field) {
  std::vector<double> values;
  for (const Turn& turn : server.turns) values.push_back(turn.*field);
  return values;
}

void report_server(const Server& server, Report& report) {
  const auto number = [&](const char* key, const char* label, double Turn::*field, const char* unit,
                          int decimals) {
    report.number(server.name + key, label, median_interval(column(server, field)).median, unit,
                  decimals);
  };
  report.number(server.name + "_us_per_push", server.name + ": CPU per push, nobody listening",
                server.us_per_push, "us", 2);
  number("_us_per_delivery", "  CPU per delivery, pushes taken off", &Turn::us_per_delivery, "us",
         4);
  number("_bare_us_per_delivery", "  the bare loop's, in sends as large",
         &Turn::bare_us_per_delivery, "us", 4);
  number("_batch", "  messages in a send", &Turn::batch, "", 1);
  report_ratio(server.name + "_ratio", "  over the bare loop",
               quotients(column(server, &Turn::us_per_delivery),
                         column(server, &Turn::bare_us_per_delivery)),
               report);
  number("_latency_p99_ms", "  p99 latency", &Turn::p99_ms, "ms", 2);
  report.add_turns(server.name, column(server, &Turn::us_per_delivery));
  report.add_turns(server.name + "'s bare loop", column(server, &Turn::bare_us_per_delivery));
}

// Publishers that wait for the readers of their own server, and all connections.
bool start_all(const Options& options, std::vector<Server>& servers, Fleet& fleet, Report& report) {
  for (size_t i = 0; i < servers.size(); ++i) {
    PublishPlan plan = publish_plan(options, servers[i]);
    plan.window = options.window;
    plan.readers = options.connections;
    plan.delivered = fleet.delivered_cells(i);
    servers[i].publisher = std::make_unique<Publisher>(std::move(plan));
    if (!open_group(options, servers[i].name, i, fleet, report)) return false;
  }
  return open_group(options, "bare", servers.size(), fleet, report);
}

void pin_all(const std::vector<Server>& servers, const BareLoop& bare, const Fleet& fleet,
             Pinning& pinning) {
  pinning.pin_measured(bare.pid());
  for (const Server& server : servers) {
    pinning.pin_measured(server.pid);
    pinning.pin_generator(server.publisher->pid());
  }
  for (size_t i = 0; i < fleet.process_count(); ++i) pinning.pin_generator(fleet.process_id(i));
}

}  // namespace

void run_saturate_floor(const Options& options, Report& report) {
  std::vector<Server> servers;
  for (const std::string& text : options.targets) servers.push_back(make_server(options, text));
  for (Server& server : servers) measure_push(options, server, report);
  Board bare_board;
  BareLoop bare(&bare_board, options.ipv4_only);
  Fleet fleet(fleet_plan(options, servers, bare, bare_board));
  if (!start_all(options, servers, fleet, report)) return;
  Pinning pinning;
  if (options.pin) pin_all(servers, bare, fleet, pinning);
  fleet.begin_effort();
  // The bare loop's turn follows each of a server, whose sends it takes as its measure.
  take_turns(options.pairs, servers.size(), report, [&](size_t i, bool counts) {
    Turn turn = take_turn(options, servers[i], i, fleet, report);
    if (report.has_failed()) return;
    turn.bare_us_per_delivery = take_bare_turn(options, turn, bare, servers.size(), fleet, report);
    if (counts) servers[i].turns.push_back(turn);
  });
  const Effort effort = fleet.effort();
  report.number("connections", "sockets each", options.connections, "");
  report.number("pairs", "interleaved pairs", options.pairs, "");
  for (const Server& server : servers) report_server(server, report);
  if (bare.tally().blocked.get() > 0)
    report.fail("sends of the bare loop found a full socket: the clients are too slow");
  report.number("client_busy_share", "busiest client process", effort.busiest_share * 100,
                "% of a CPU");
  report.number("machine_idle_share", "machine idle", effort.machine_idle_share * 100, "%");
}

}  // namespace livehub::bench
