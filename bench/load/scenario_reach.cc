// reach: one message at a time to everybody, however many they are: how long until the first
// connection to the last is open, and until a message has reached all of them.
#include <algorithm>
#include <string>
#include <vector>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

constexpr double kAnswerSecondsMax = 60;

// From the push being due to the last delivery; negative: it did not reach everybody. `number`
// counts the messages of the span, from 1.
double send_one(const Options& options, uint64_t number, Rig& rig, Report& report) {
  rig.publisher().start({.count = 1, .payload_bytes = options.payload_bytes});
  const PublishTally& tally = rig.publisher().tally();
  if (!rig.publisher().await(kAnswerSecondsMax) || tally.accepted.get() != 1) {
    report.fail(std::string("a push was not accepted: ") + tally.first_error.data());
    return -1;
  }
  if (!rig.await_messages(number * rig.reader_count())) {
    report.fail("a message did not reach everybody");
    return -1;
  }
  const auto due_ns = static_cast<int64_t>(rig.publisher().tally().first_due_ns.get());
  return ns_to_seconds(rig.totals().last_message_ns - due_ns);
}

}  // namespace

void run_reach(const Options& options, Report& report) {
  Rig rig(options, report);
  const uint64_t rss_before = rig.server_rss_bytes();
  const int64_t start_ns = now_ns();
  if (!rig.open()) return;
  const double open_seconds = ns_to_seconds(rig.totals().last_open_ns - start_ns);
  rig.begin_span();
  rig.begin_cpu();
  std::vector<double> seconds;
  for (uint64_t i = 0; i < options.messages; ++i) {
    show_progress("message " + std::to_string(i + 1) + " of " + std::to_string(options.messages));
    const double taken = send_one(options, i + 1, rig, report);
    if (taken < 0) break;
    seconds.push_back(taken);
  }
  const double cpu_us = rig.cpu().server_ns / 1e3;
  rig.finish_span();
  const uint64_t rss = rig.server_rss_bytes();
  report.number("connections", "subscribers", options.connections, "");
  report.number("client_processes", "client processes", rig.fleet().process_count(), "");
  report.number("open_seconds", "all open after", open_seconds, "s", 1);
  report.number("connects_per_second", "  accepted", options.connections / open_seconds, "/s");
  if (!seconds.empty()) {
    report.number("reach_seconds", "a message reaches all within, median",
                  median_interval(seconds).median, "s", 2);
    report.number("reach_seconds_max", "  at the worst",
                  *std::max_element(seconds.begin(), seconds.end()), "s", 2);
  }
  rig.report_messages();
  if (options.server_pid != 0) {
    report.number("cpu_us_per_delivery", "server CPU per delivery",
                  cpu_us / static_cast<double>(std::max<uint64_t>(rig.totals().messages, 1)), "us",
                  3);
    report.number("rss_mb", "server memory with all open", static_cast<double>(rss) / 1e6, "MB", 1);
    report.number(
        "rss_bytes_per_connection", "  per connection",
        (static_cast<double>(rss) - static_cast<double>(rss_before)) / options.connections, "B");
    report.number("server_descriptors", "server's descriptors",
                  static_cast<double>(descriptor_count(options.server_pid)), "");
  }
  rig.report_latency();
  rig.report_publisher();
  rig.report_effort();
}

}  // namespace livehub::bench
