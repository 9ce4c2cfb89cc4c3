// What comparisons in turns share. Contestants take their turns round by round, in both directions,
// so that what else happens on the machine meets them alike, and each round of two of them is a
// pair: the ratio is the median over the pairs. Pure, but for the fleet that is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "load/fleet.h"
#include "load/options.h"
#include "load/report.h"

namespace livehub::bench {

// Calls `turn` for each contestant in each round, until something has failed. The first round warms
// up: `counts` is false.
void take_turns(uint32_t pairs, size_t contestants, const Report& report,
                const std::function<void(size_t contestant, bool counts)>& turn);

// The quotients of what two contestants took in the same rounds.
std::vector<double> quotients(const std::vector<double>& ours, const std::vector<double>& theirs);

// <key>, <key>_low and <key>_high: the median and its 95 % interval.
void report_ratio(std::string_view key, const std::string& label, const std::vector<double>& ratios,
                  Report& report);

// Opens all connections of a group; says in the report if it could not.
bool open_group(const Options& options, const std::string& name, size_t group, Fleet& fleet,
                Report& report);

// Several groups of as many connections, in the same client processes.
FleetPlan fleet_of_groups(const Options& options, std::vector<GroupPlan> groups);

// Says in the report what was lost, doubled, reordered or torn in the group's span.
void check_span(const std::string& name, size_t group, const Fleet& fleet, Report& report);

}  // namespace livehub::bench
