// The scenarios: each loads one server, measures, and says in the report what it found.
#pragma once

#include "load/options.h"
#include "load/report.h"

namespace livehub::bench {

void run_connect(const Options& options, Report& report);
void run_idle(const Options& options, Report& report);
void run_broadcast(const Options& options, Report& report);
void run_saturate(const Options& options, Report& report);
void run_slow(const Options& options, Report& report);
void run_reach(const Options& options, Report& report);
void run_rooms(const Options& options, Report& report);
void run_inbound(const Options& options, Report& report);
void run_storm(const Options& options, Report& report);
void run_mixed(const Options& options, Report& report);
void run_floor(const Options& options, Report& report);
// floor --kind connect, saturate, heartbeats, burst
void run_connect_floor(const Options& options, Report& report);
void run_saturate_floor(const Options& options, Report& report);
void run_heartbeats_floor(const Options& options, Report& report);
void run_burst_floor(const Options& options, Report& report);

}  // namespace livehub::bench
