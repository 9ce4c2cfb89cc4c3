// rooms: many channels. What a publication costs where nobody listens is measured too and taken
// off, so that what is left is the price of a delivery. Beside it stand the same deliveries over
// one channel, and a bare loop that wakes up for each of them and sends it: what a delivery costs
// that comes alone.
#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "load/bare_loop.h"
#include "load/fleet.h"
#include "load/pairs.h"
#include "load/proc.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/template.h"

namespace livehub::bench {

namespace {

constexpr uint32_t kBareSocketsMax = 15'000;  // one process, of 20,000 descriptors
constexpr uint32_t kPingBytesMax = 125;

struct Cost {
  double us_per_publish = 0;            // with nobody listening
  double us_per_delivery = 0;           // with that taken off
  double us_per_delivery_and_push = 0;  // with nothing taken off
};

double cpu_us_of(const PublishRun& run, Rig& rig) {
  rig.begin_cpu();
  if (!rig.publish(run)) return 0;
  return rig.cpu().server_ns / 1e3;
}

PublishRun run_of(double seconds, double rate, const Options& options) {
  return {.count = std::max<uint64_t>(static_cast<uint64_t>(seconds * rate), 1),
          .rate_per_second = rate,
          .payload_bytes = options.payload_bytes};
}

// What a push costs while nobody is there, at the rate of the measurement.
double publish_cost(const Options& options, double rate, const RigPlan& plan, Report& report) {
  Options nobody = options;
  nobody.connections = 0;
  Rig rig(nobody, report, plan);
  show_progress("publishing to nobody");
  rig.publish(run_of(options.warm_up_seconds, rate, options));
  const PublishRun run = run_of(options.seconds, rate, options);
  return cpu_us_of(run, rig) / static_cast<double>(run.count);
}

Cost cost_of(double us_per_publish, double cpu_us, uint64_t pushes, uint64_t deliveries) {
  const auto count = static_cast<double>(std::max<uint64_t>(deliveries, 1));
  return {.us_per_publish = us_per_publish,
          .us_per_delivery = (cpu_us - us_per_publish * static_cast<double>(pushes)) / count,
          .us_per_delivery_and_push = cpu_us / count};
}

void report_cost(const std::string& key, const std::string& label, const Cost& cost,
                 Report& report) {
  report.number(key + "_us_per_publish", label + ": CPU per push, nobody listening",
                cost.us_per_publish, "us", 3);
  report.number(key + "_us_per_delivery", "  CPU per delivery, pushes taken off",
                cost.us_per_delivery, "us", 4);
  report.number(key + "_us_per_delivery_and_push", "  CPU per delivery, pushes in it",
                cost.us_per_delivery_and_push, "us", 4);
}

// What a measurement with subscribers found.
struct Found {
  double cpu_us = 0;
  uint64_t pushes = 0;
  uint64_t deliveries = 0;
};

// Warms up and measures. Nothing, and said in the report: it went wrong.
std::optional<Found> measure(const Options& options, double rate, Rig& rig) {
  rig.begin_span();
  show_progress("warming up");
  if (!rig.publish(run_of(options.warm_up_seconds, rate, options))) return std::nullopt;
  rig.begin_span();
  show_progress("measuring");
  const PublishRun run = run_of(options.seconds, rate, options);
  Found found{.cpu_us = cpu_us_of(run, rig), .pushes = run.count};
  rig.finish_span();
  found.deliveries = rig.totals().messages;
  return found;
}

// The same number of deliveries a second, over one channel with all subscribers in it.
std::optional<Cost> measure_one_channel(const Options& options, Report& report) {
  const double rate = options.rate_per_second * options.room_size / options.connections;
  Options one = options;
  one.publishers = 1;
  // At least ten messages: with many subscribers they are far apart.
  one.seconds = std::max(options.seconds, 10 / rate);
  one.warm_up_seconds = std::max(options.warm_up_seconds, 1 / rate);
  std::optional<Found> found;
  {
    Rig rig(one, report);
    if (!rig.open()) return std::nullopt;
    found = measure(one, rate, rig);
    if (rig.totals().faults() > 0) report.fail("one channel: messages were lost, doubled or torn");
  }
  if (!found) return std::nullopt;
  const double per_publish = publish_cost(options, std::max(rate, 10.0), {}, report);
  return cost_of(per_publish, found->cpu_us, found->pushes, found->deliveries);
}

// CPU of a loop that sends one frame of about that size to one of its sockets at a time, as many a
// second. They are pings: a socket gets some of the messages only, and nobody is to miss the rest.
double bare_us(const Options& options, Report& report) {
  Options bare = options;
  bare.connections = std::min(options.connections, kBareSocketsMax);
  Board board;
  BareLoop loop(&board, options.ipv4_only);
  Fleet fleet(fleet_of_groups(
      bare, {{.target = loop.target(), .connections = bare.connections, .board = &board}}));
  if (!open_group(bare, "the bare loop", 0, fleet, report)) return 0;
  BareRun run{.rounds_per_second = options.rate_per_second,
              .payload_bytes = std::min(options.payload_bytes, kPingBytesMax),
              .are_pings = true,
              .is_one_each = true};
  CpuMeter meter(loop.pid());
  double us = 0;
  for (const double seconds : {options.warm_up_seconds, options.seconds}) {
    run.rounds = std::max<uint64_t>(static_cast<uint64_t>(seconds * options.rate_per_second), 1);
    const int64_t before_ns = meter.sample_ns();
    loop.start(run);
    if (!loop.await(seconds * 3 + 10)) report.fail("the bare loop did not come to its end");
    us = static_cast<double>(meter.sample_ns() - before_ns) / 1e3 / static_cast<double>(run.rounds);
  }
  if (loop.tally().blocked.get() > 0) report.fail("sends of the bare loop found a full socket");
  return us;
}

// The channels themselves, first of all: what they take in memory shows on a fresh server only.
std::optional<Found> measure_rooms(const Options& options, const RigPlan& plan, Report& report) {
  Rig rig(options, report, plan);
  const auto rss_before = static_cast<double>(rig.server_rss_bytes());
  if (!rig.open()) return std::nullopt;
  const auto rss_open = static_cast<double>(rig.server_rss_bytes());
  const std::optional<Found> found = measure(options, options.rate_per_second, rig);
  rig.report_messages();
  if (options.server_pid != 0) {
    report.number("rss_bytes_per_connection", "memory of a subscriber and its share of a channel",
                  (rss_open - rss_before) / options.connections, "B");
  }
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
  return found;
}

void check(const Options& options) {
  if (options.rooms < 2) throw std::runtime_error("--rooms must be at least 2");
  if (!has_hole(options.push_url + options.push_body, "channel"))
    throw std::runtime_error("--push or --push-body must say where {channel} goes");
  for (const std::string& url : options.urls) {
    if (has_hole(url + options.first_message, "channel")) continue;
    throw std::runtime_error("the URL or --first-message must say where {channel} goes: " + url);
  }
}

}  // namespace

void run_rooms(const Options& asked, Report& report) {
  check(asked);
  Options options = asked;
  options.connections = options.rooms * options.room_size;
  options.publishers = std::min(options.publishers, options.rooms);
  report.number("rooms", "channels", options.rooms, "");
  report.number("room_size", "subscribers of each", options.room_size, "");
  report.number("rate", "pushes", options.rate_per_second, "/s", 1);
  const RigPlan plan{.channels = options.rooms};
  const std::optional<Found> found = measure_rooms(options, plan, report);
  if (!found || report.has_failed() || options.server_pid == 0) return;
  const double per_publish = publish_cost(options, options.rate_per_second, plan, report);
  const Cost rooms = cost_of(per_publish, found->cpu_us, found->pushes, found->deliveries);
  report_cost("rooms", "many channels", rooms, report);
  if (!options.compares_one_channel) return;
  const std::optional<Cost> one = measure_one_channel(options, report);
  if (!one) return;
  report_cost("one", "one channel", *one, report);
  if (one->us_per_delivery > 0) {
    report.number("ratio", "many channels over one, per delivery",
                  rooms.us_per_delivery / one->us_per_delivery, "", 2);
  }
  const double bare = bare_us(options, report);
  if (bare <= 0) return;
  report.number("bare_us_per_delivery", "bare loop, one send at a time", bare, "us", 4);
  report.number("over_bare", "many channels over the bare loop, per delivery",
                rooms.us_per_delivery / bare, "", 2);
}

}  // namespace livehub::bench
