#include "load/pairs.h"

#include <algorithm>
#include <utility>

#include "load/rig.h"
#include "load/statistics.h"

namespace livehub::bench {

void take_turns(uint32_t pairs, size_t contestants, const Report& report,
                const std::function<void(size_t contestant, bool counts)>& turn) {
  for (uint32_t round = 0; round <= pairs; ++round) {
    show_progress("pair " + std::to_string(round) + " of " + std::to_string(pairs));
    for (size_t i = 0; i < contestants; ++i) {
      if (report.has_failed()) return;
      turn(round % 2 == 0 ? i : contestants - 1 - i, round > 0);
    }
  }
}

std::vector<double> quotients(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
    ratios.push_back(ours[i] / theirs[i]);
  return ratios;
}

void report_ratio(std::string_view key, const std::string& label, const std::vector<double>& ratios,
                  Report& report) {
  const MedianInterval ratio = median_interval(ratios);
  report.number(key, label, ratio.median, "", 3);
  report.number(std::string(key) + "_low", "    95 % interval from", ratio.low, "", 3);
  report.number(std::string(key) + "_high", "    to", ratio.high, "", 3);
}

bool open_group(const Options& options, const std::string& name, size_t group, Fleet& fleet,
                Report& report) {
  if (fleet.open(group, options.connects_per_second, options.open_seconds_max)) return true;
  const Totals totals = fleet.totals(group);
  report.fail(name + ": only " + std::to_string(totals.open) + " of " +
              std::to_string(options.connections) + " connections could be opened, " +
              std::to_string(totals.failed) + " failed (" + totals.first_error + ")");
  return false;
}

FleetPlan fleet_of_groups(const Options& options, std::vector<GroupPlan> groups) {
  const uint64_t connections = uint64_t{options.connections} * groups.size();
  return {.groups = std::move(groups),
          .processes = options.processes > 0 ? options.processes : default_processes(connections),
          .in_flight = options.in_flight,
          .pause_us = options.pause_us,
          .sources = options.sources};
}

void check_span(const std::string& name, size_t group, const Fleet& fleet, Report& report) {
  if (fleet.totals(group).faults() > 0)
    report.fail(name + ": messages were lost, doubled, reordered or torn");
}

}  // namespace livehub::bench
