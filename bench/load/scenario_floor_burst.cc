// floor --kind burst: how much faster a server sends with more CPUs. While the client processes are
// stopped, so that all CPUs are the server's, messages are pushed; they go into the clients'
// receive buffers. One at a time, each when the server has come to rest: otherwise it would put as
// many into a send as have come meanwhile, and a faster one would have more sends to do. The first
// target is what the others are compared with: one shard, say, with two.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "load/clock.h"
#include "load/fleet.h"
#include "load/named_target.h"
#include "load/pairs.h"
#include "load/proc.h"
#include "load/publisher.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

constexpr int64_t kSampleMs = 1;
constexpr int64_t kRestNs = 15 * kNsPerMs;
constexpr double kMessageSecondsMax = 60;

// The CPU time of a process whose threads stay as they are, read often: its files stay open, so
// that looking costs no CPU that the process could use.
class OpenCpuMeter {
 public:
  explicit OpenCpuMeter(pid_t pid) {
    for (const pid_t thread : thread_ids(pid)) {
      const std::string path =
          "/proc/" + std::to_string(pid) + "/task/" + std::to_string(thread) + "/schedstat";
      files_.push_back(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
  }
  OpenCpuMeter(const OpenCpuMeter&) = delete;
  OpenCpuMeter& operator=(const OpenCpuMeter&) = delete;
  ~OpenCpuMeter() {
    for (const int file : files_) close(file);
  }

  int64_t sum_ns() const {
    int64_t sum = 0;
    for (const int file : files_) {
      std::array<char, 64> text{};
      int64_t ns = 0;
      const ssize_t count = pread(file, text.data(), text.size(), 0);
      if (count > 0) std::from_chars(text.data(), text.data() + count, ns);
      sum += ns;
    }
    return sum;
  }

 private:
  std::vector<int> files_;
};

struct Turn {
  double wall_ms = 0;
  double us_per_delivery = 0;
  double batch = 0;  // messages in a send
};

struct Contestant {
  std::string name;
  Target target;
  std::unique_ptr<Board> board;
  std::unique_ptr<Publisher> publisher;
  pid_t pid = 0;
  std::vector<Turn> turns = {};
};

Contestant make_contestant(const Options& options, const std::string& text) {
  const NamedTarget named = parse_named_target(text);
  auto board = std::make_unique<Board>();
  auto publisher =
      std::make_unique<Publisher>(PublishPlan{.target = parse_target(named.push_url),
                                              .extra_headers = header_lines(options, true),
                                              .board = board.get()});
  return {.name = named.name,
          .target = parse_target(named.subscribe_url),
          .board = std::move(board),
          .publisher = std::move(publisher),
          .pid = named.pid};
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

// Until the push is answered and the process has used no CPU for a while: when it last did, as well
// as samples tell. 0: it did not come to rest.
int64_t await_rest(const Contestant& one, const OpenCpuMeter& meter) {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(kMessageSecondsMax);
  int64_t active_ns = now_ns();
  int64_t cpu_ns = meter.sum_ns();
  while (now_ns() < deadline_ns) {
    sleep_ms(kSampleMs);
    const int64_t before_ns = std::exchange(cpu_ns, meter.sum_ns());
    if (cpu_ns != before_ns) active_ns = now_ns() - kSampleMs * kNsPerMs / 2;
    if (one.publisher->is_done() && now_ns() - active_ns > kRestNs) return active_ns;
  }
  return 0;
}

// Sends the messages, the clients standing still; returns the time that they took, without rests.
int64_t send_all(const Options& options, Contestant& one, const OpenCpuMeter& meter,
                 Report& report) {
  int64_t wall_ns = 0;
  for (uint64_t i = 0; i < options.messages; ++i) {
    one.publisher->start({.count = 1, .payload_bytes = options.payload_bytes});
    const int64_t end_ns = await_rest(one, meter);
    const PublishTally& tally = one.publisher->tally();
    if (end_ns == 0 || tally.accepted.get() != 1) {
      report.fail(one.name + " did not take a push and come to rest; " + tally.first_error.data());
      break;
    }
    wall_ns += end_ns - static_cast<int64_t>(tally.first_due_ns.get());
  }
  return wall_ns;
}

Turn take_turn(const Options& options, Contestant& one, size_t group, Fleet& fleet,
               Report& report) {
  fleet.begin_span(group);
  fleet.freeze();
  const OpenCpuMeter meter(one.pid);
  const int64_t before_ns = meter.sum_ns();
  const int64_t wall_ns = send_all(options, one, meter, report);
  const int64_t cpu_ns = meter.sum_ns() - before_ns;
  fleet.thaw();
  const uint64_t deliveries = options.messages * options.connections;
  if (!fleet.await_messages(group, deliveries, options.quiet_seconds_max))
    report.fail(one.name + ": not all messages arrived");
  fleet.finish_span(group);
  check_span(one.name, group, fleet, report);
  const uint64_t sends = std::max<uint64_t>(fleet.totals(group).segments, 1);
  return {.wall_ms = static_cast<double>(wall_ns) / 1e6 / static_cast<double>(options.messages),
          .us_per_delivery = static_cast<double>(cpu_ns) / 1e3 / static_cast<double>(deliveries),
          .batch = static_cast<double>(deliveries) / static_cast<double>(sends)};
}

std::vector<double> column(const Contestant& one, double Turn::*field) {
  std::vector<double> values;
  for (const Turn& turn : one.turns) values.push_back(turn.*field);
  return values;
}

void report_contestant(const Contestant& one, const Contestant& first, Report& report) {
  report.number(one.name + "_wall_ms", one.name + ": wall time of a message to all",
                median_interval(column(one, &Turn::wall_ms)).median, "ms", 1);
  report.number(one.name + "_us_per_delivery", "  CPU per delivery",
                median_interval(column(one, &Turn::us_per_delivery)).median, "us", 3);
  report.number(one.name + "_batch", "  messages in a send",
                median_interval(column(one, &Turn::batch)).median, "", 2);
  report.add_turns(one.name, column(one, &Turn::us_per_delivery));
  if (&one == &first) return;
  report_ratio(one.name + "_speedup", "  wall time of " + first.name + " over this",
               quotients(column(first, &Turn::wall_ms), column(one, &Turn::wall_ms)), report);
  report_ratio(
      one.name + "_cpu_ratio", "  CPU per delivery over that of " + first.name,
      quotients(column(one, &Turn::us_per_delivery), column(first, &Turn::us_per_delivery)),
      report);
}

}  // namespace

void run_burst_floor(const Options& options, Report& report) {
  std::vector<Contestant> contestants;
  for (const std::string& text : options.targets)
    contestants.push_back(make_contestant(options, text));
  Fleet fleet(fleet_plan(options, contestants));
  for (size_t i = 0; i < contestants.size(); ++i)
    if (!open_group(options, contestants[i].name, i, fleet, report)) return;
  take_turns(options.pairs, contestants.size(), report, [&](size_t i, bool counts) {
    const Turn turn = take_turn(options, contestants[i], i, fleet, report);
    if (counts) contestants[i].turns.push_back(turn);
  });
  report.number("connections", "sockets each", options.connections, "");
  report.number("messages", "messages of a turn", static_cast<double>(options.messages), "");
  report.number("pairs", "interleaved pairs", options.pairs, "");
  for (const Contestant& one : contestants) report_contestant(one, contestants.front(), report);
}

}  // namespace livehub::bench
