// The client processes of a run, seen from the process that drives it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/plan.h"
#include "load/proc.h"
#include "load/shared.h"
#include "load/tally.h"
#include "load/worker.h"

namespace livehub::bench {

// Tallies added up, over client processes and groups.
struct Totals {
  uint64_t open = 0, failed = 0, closed_by_server = 0, ended = 0;
  uint64_t messages = 0, messages_of_readers = 0, message_bytes = 0, receives = 0;
  uint64_t received_bytes = 0, segments = 0;
  uint64_t lost = 0, doubled = 0, reordered = 0, corrupt = 0, foreign = 0, gaps = 0;
  uint64_t misrouted = 0, sent = 0, all_messages = 0;
  uint64_t pings = 0, clients_pinged = 0;
  uint64_t clients_complete = 0, order_digest = 0, order_differing = 0;
  int64_t last_open_ns = 0, last_message_ns = 0;
  std::string first_error;

  void add(const Totals& other);
  uint64_t faults() const {
    return lost + doubled + reordered + corrupt + misrouted + order_differing;
  }
};

// How busy the generator itself was between two moments.
struct Effort {
  double busiest_share = 0;  // of the busiest client process, in CPUs
  double machine_idle_share = 0;
};

class Fleet {
 public:
  // Starts the processes; nothing is opened yet. The plan's boards must outlive the fleet.
  explicit Fleet(FleetPlan plan);

  // Opens the group's connections, at most so many per second (0: as fast as it goes). Returns
  // false if not all are open within the time; the tallies say why.
  bool open(size_t group, double connects_per_second, double seconds_max);
  void begin_span(size_t group) { command(Command::Kind::kBegin, group); }
  void finish_span(size_t group) { command(Command::Kind::kFinish, group); }
  void close(size_t group) { command(Command::Kind::kClose, group); }
  // Closes all connections of the group and opens them again, all at once: clients go on where they
  // were. Returns when all are open, as open() does.
  bool cut(size_t group, double seconds_max);
  // Stops the client processes as they are, and lets them go on. What is sent to them meanwhile
  // lies in the kernel's buffers; no command may be given.
  void freeze();
  void thaw();
  // Clients send; returns at once. The plan's numbers are those of the whole group.
  void begin_sending(size_t group, const SendPlan& plan);
  bool is_sending(size_t group) const;

  // Waits until the readers of the group have that many messages of the span, for as long as more
  // keep coming, and at most so long after the last one. False if they do not have them then.
  bool await_messages(size_t group, uint64_t count, double quiet_seconds_max);

  Totals totals(size_t group) const;  // cheap: counters alone
  // Where the client processes count what readers have received of the span: of a group, or of all.
  std::vector<const Cell*> delivered_cells(size_t group) const;
  std::vector<const Cell*> delivered_cells() const;
  Histogram latency(size_t group) const;
  Histogram connect_latency(size_t group) const;
  pid_t process_id(size_t process) const { return children_[process].pid(); }
  uint32_t process_count() const { return static_cast<uint32_t>(children_.size()); }

  void begin_effort();
  Effort effort();

 private:
  Tally& tally(size_t process, size_t group) const {
    return tallies_[process * plan_.groups.size() + group];
  }
  void command(Command::Kind kind, size_t group);
  void ask_all(const Command& command);
  bool await_open(size_t group, uint64_t failed_before, double seconds_max);

  FleetPlan plan_;
  SharedArray<Tally> tallies_;
  std::vector<Child> children_;
  std::vector<CpuMeter> meters_;
  MachineMeter machine_;
  int64_t effort_since_ns_ = 0;
};

}  // namespace livehub::bench
