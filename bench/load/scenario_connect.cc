// connect: how fast connections are accepted, and what one costs the server.
#include <vector>

#include "load/clock.h"
#include "load/rig.h"
#include "load/scenarios.h"
#include "load/statistics.h"

namespace livehub::bench {

namespace {

struct Round {
  double connects_per_second = 0;
  double cpu_us = 0;
  double rss_bytes = 0;
};

bool run_round(const Options& options, Rig& rig, Round& round) {
  const uint64_t rss_before = rig.server_rss_bytes();
  const int64_t start_ns = now_ns();
  rig.begin_cpu();
  if (!rig.open()) return false;
  const double count = options.connections;
  round.connects_per_second = count / ns_to_seconds(rig.totals().last_open_ns - start_ns);
  round.cpu_us = rig.cpu().server_ns / 1e3 / count;
  round.rss_bytes =
      (static_cast<double>(rig.server_rss_bytes()) - static_cast<double>(rss_before)) / count;
  return true;
}

}  // namespace

void run_connect(const Options& options, Report& report) {
  Rig rig(options, report);
  std::vector<double> rates;
  std::vector<double> cpu_us;
  std::vector<double> rss;
  rig.fleet().begin_effort();
  for (uint32_t i = 0; i < options.rounds; ++i) {
    Round round;
    if (!run_round(options, rig, round)) return;
    rates.push_back(round.connects_per_second);
    cpu_us.push_back(round.cpu_us);
    rss.push_back(round.rss_bytes);
    if (i + 1 == options.rounds) rig.report_effort();
    rig.close();
    if (i + 1 < options.rounds) sleep_ms(1000);  // the server frees what they held
  }
  report.number("connections", "connections", options.connections, "");
  report.number("connects_per_second", "accepted", median_interval(rates).median, "/s");
  report.latency("connect", "connect to response head", rig.fleet().connect_latency(0));
  if (options.server_pid == 0) return;
  report.number("cpu_us_per_connection", "server CPU per connection",
                median_interval(cpu_us).median, "us", 2);
  report.number("rss_bytes_per_connection", "server memory per connection, first round",
                rss.front(), "B");
  report.list("cpu_us_rounds", cpu_us);
}

}  // namespace livehub::bench
