// What most scenarios need: subscribers at one server, a publisher to it, and meters on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "load/fleet.h"
#include "load/options.h"
#include "load/pin.h"
#include "load/proc.h"
#include "load/publisher.h"
#include "load/report.h"
#include "load/timeline.h"

namespace livehub::bench {

uint32_t default_processes(uint64_t connections);
std::string header_lines(const Options& options, bool with_token);

// CPU of the server and of the kernel's own network threads over a span of time.
struct CpuSpan {
  double server_ns = 0;
  double softirq_ns = 0;
  double wall_ns = 0;
};

// What differs between scenarios.
struct RigPlan {
  uint32_t never_read_every = 0;  // one client in so many; 0: all read
  uint32_t channels = 1;          // with more than one, each has one publisher
  bool resumes = false;           // clients come back with the id of their last message
  bool answers_clients = false;   // clients send, and get that back; nothing is published
};

class Rig {
 public:
  Rig(const Options& options, Report& report, RigPlan plan = {});

  size_t group_count() const { return groups_; }
  Fleet& fleet() { return *fleet_; }
  const Board& board() const { return board_; }
  Publisher& publisher() { return *publisher_; }
  Totals totals() const;
  uint64_t reader_count() const;
  // Who gets a message.
  uint64_t readers_of_channel() const { return reader_count() / plan_.channels; }

  // Opens all connections; says in the report if it could not.
  bool open();
  void close();
  void begin_span();
  void finish_span();
  // Cuts all clients off; they come back with what they have seen. False, and said in the report:
  // not all of them did.
  bool cut();
  // Runs a paced or saturating publication to its end and waits for its messages to arrive. Says in
  // the report what went wrong.
  bool publish(const PublishRun& run);
  // Its end alone, once it was started.
  bool await_published(const PublishRun& run);
  bool await_messages(uint64_t count);
  Histogram latency() const;

  void begin_cpu();
  CpuSpan cpu();
  uint64_t server_rss_bytes() const { return rss_bytes(options_.server_pid); }

  // What every scenario says about messages, the generator, and the publisher.
  void report_messages();
  void report_effort();
  void report_publisher();
  void report_latency();

 private:
  void pin();
  void fail_to_open();
  void begin_timeline();

  const Options& options_;
  Report& report_;
  size_t groups_;
  RigPlan plan_;
  Board board_;
  std::optional<Publisher> publisher_;
  std::optional<Fleet> fleet_;
  Pinning pinning_;
  CpuMeter server_;
  SoftirqMeter softirq_;
  int64_t cpu_since_ns_ = 0;
  int64_t softirq_since_ns_ = 0;
  int64_t server_since_ns_ = 0;
  std::optional<CpuMeter> publishing_;  // of the span
  int64_t span_since_ns_ = 0;
  std::optional<CpuMeter> sampled_;   // of the timeline's thread
  std::optional<Timeline> timeline_;  // last: it reads the others
};

}  // namespace livehub::bench
