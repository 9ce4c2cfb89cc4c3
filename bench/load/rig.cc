#include "load/rig.h"

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "load/clock.h"

namespace livehub::bench {

namespace {

// Below the descriptor limit of a process, with room for what else it holds.
constexpr uint64_t kConnectionsPerProcess = 15'000;
constexpr double kBusyShare = 0.9;

// A channel's messages come on one connection each, or on all of a single channel's.
uint32_t publishers_of_channel(const Options& options, const RigPlan& plan) {
  return plan.channels > 1 || plan.answers_clients ? 1 : options.publishers;
}

FleetPlan fleet_plan(const Options& options, const Board* board, const RigPlan& rig) {
  FleetPlan plan;
  const auto urls = static_cast<uint32_t>(options.urls.size());
  for (uint32_t i = 0; i < urls; ++i) {
    plan.groups.push_back({.target = parse_target(options.urls[i]),
                           .connections = Share{i, urls}.count_of(options.connections),
                           .channels = rig.channels,
                           .publishers = publishers_of_channel(options, rig),
                           .board = board,
                           .never_read_every = rig.never_read_every,
                           .extra_headers = header_lines(options, false),
                           .first_message = options.first_message,
                           .resumes = rig.resumes,
                           .answers_clients = rig.answers_clients});
  }
  plan.processes =
      options.processes > 0 ? options.processes : default_processes(options.connections);
  plan.pause_us = options.pause_us;
  plan.in_flight = options.in_flight;
  plan.sources = options.sources;
  return plan;
}

}  // namespace

uint32_t default_processes(uint64_t connections) {
  const uint64_t for_descriptors =
      (connections + kConnectionsPerProcess - 1) / kConnectionsPerProcess;
  const uint64_t for_speed = std::max(std::thread::hardware_concurrency(), 2u) - 1;
  return static_cast<uint32_t>(std::max(for_descriptors, for_speed));
}

std::string header_lines(const Options& options, bool with_token) {
  std::string lines;
  for (const std::string& header : options.headers) lines += header + "\r\n";
  if (with_token && !options.token.empty())
    lines += "Authorization: Bearer " + options.token + "\r\n";
  return lines;
}

Rig::Rig(const Options& options, Report& report, RigPlan plan)
    : options_(options),
      report_(report),
      groups_(options.urls.size()),
      plan_(plan),
      board_(plan.channels * publishers_of_channel(options, plan)),
      server_(options.server_pid) {
  if (options.publishers == 0 || options.publishers > kPublishersMax) {
    throw std::runtime_error("--publishers must lie between 1 and 256");
  }
  if (options.payload_bytes < kPayloadBytesMin && board_.sequences() > kShortSequencesMax)
    throw std::runtime_error("--bytes must be at least 72 for so many sequences");
  if (plan.channels > 1 && options.connections % (plan.channels * options.urls.size()) != 0) {
    throw std::runtime_error("the connections must be the same number for each channel and URL");
  }
  fleet_.emplace(fleet_plan(options, &board_, plan));
  if (!options.push_url.empty() && !plan.answers_clients) {
    publisher_.emplace(PublishPlan{.target = parse_target(options.push_url),
                                   .method = options.push_method,
                                   .body = options.push_body,
                                   .channels = plan.channels,
                                   .connections = plan.channels == 1
                                                      ? options.publishers
                                                      : std::min(options.publishers, plan.channels),
                                   .extra_headers = header_lines(options, true),
                                   .board = &board_,
                                   .window = options.window,
                                   .readers = static_cast<uint32_t>(reader_count()),
                                   .delivered = fleet_->delivered_cells()});
  }
  if (options.pin) pin();
}

void Rig::pin() {
  if (options_.server_pid != 0) pinning_.pin_measured(options_.server_pid);
  if (publisher_) pinning_.pin_generator(publisher_->pid());
  for (size_t i = 0; i < fleet_->process_count(); ++i)
    pinning_.pin_generator(fleet_->process_id(i));
}

Totals Rig::totals() const {
  Totals sum;
  for (size_t i = 0; i < groups_; ++i) sum.add(fleet_->totals(i));
  return sum;
}

// From the first opening on: all processes are there by then.
void Rig::begin_timeline() {
  if (timeline_) return;
  sampled_.emplace(options_.server_pid);
  timeline_.emplace([this] {
    const Totals now = totals();
    Reading reading{.messages = now.all_messages, .open = now.open};
    if (options_.server_pid != 0) {
      reading.rss_bytes = rss_bytes_quickly(options_.server_pid);
      reading.cpu_ns = sampled_->sample_ns();
    }
    return reading;
  });
}

bool Rig::open() {
  begin_timeline();
  bool is_open = true;
  for (size_t i = 0; i < groups_; ++i) {
    show_progress("opening " + std::to_string(options_.connections) + " connections");
    is_open &= fleet_->open(i, options_.connects_per_second, options_.open_seconds_max);
  }
  if (!is_open) fail_to_open();
  return is_open;
}

bool Rig::cut() {
  bool is_open = true;
  for (size_t i = 0; i < groups_; ++i) is_open &= fleet_->cut(i, options_.open_seconds_max);
  if (!is_open) fail_to_open();
  return is_open;
}

void Rig::fail_to_open() {
  const Totals now = totals();
  report_.fail("only " + std::to_string(now.open) + " of " + std::to_string(options_.connections) +
               " connections could be opened, " + std::to_string(now.failed) + " failed (" +
               now.first_error + ")");
}

void Rig::close() {
  for (size_t i = 0; i < groups_; ++i) fleet_->close(i);
}

void Rig::begin_span() {
  for (size_t i = 0; i < groups_; ++i) fleet_->begin_span(i);
  fleet_->begin_effort();
  if (!publisher_) return;
  publishing_.emplace(publisher_->pid());
  publishing_->sample_ns();
  span_since_ns_ = now_ns();
}

void Rig::finish_span() {
  for (size_t i = 0; i < groups_; ++i) fleet_->finish_span(i);
}

uint64_t Rig::reader_count() const {
  if (plan_.never_read_every == 0) return options_.connections;
  const auto urls = static_cast<uint32_t>(groups_);
  uint64_t readers = 0;
  for (uint32_t i = 0; i < urls; ++i) {
    const uint32_t group = Share{i, urls}.count_of(options_.connections);
    readers += group - Share{0, plan_.never_read_every}.count_of(group);
  }
  return readers;
}

bool Rig::await_messages(uint64_t count) {
  bool all = true;
  // The groups are near equal, so waiting for one after the other loses no time.
  const uint64_t readers = std::max<uint64_t>(reader_count(), 1);
  for (size_t i = 0; i < groups_; ++i) {
    const auto urls = static_cast<uint32_t>(groups_);
    const uint32_t group = Share{static_cast<uint32_t>(i), urls}.count_of(options_.connections);
    const uint64_t group_readers = plan_.never_read_every == 0
                                       ? group
                                       : group - Share{0, plan_.never_read_every}.count_of(group);
    all &= fleet_->await_messages(i, count * group_readers / readers, options_.quiet_seconds_max);
  }
  return all;
}

bool Rig::publish(const PublishRun& run) {
  publisher_->start(run);
  return await_published(run);
}

bool Rig::await_published(const PublishRun& run) {
  const double expected_seconds = run.seconds > 0
                                      ? run.seconds
                                      : (run.rate_per_second > 0 && run.count > 0
                                             ? static_cast<double>(run.count) / run.rate_per_second
                                             : 0);
  if (!publisher_->await(expected_seconds + 60)) {
    report_.fail("the publisher did not come to its end");
    return false;
  }
  const PublishTally& tally = publisher_->tally();
  if (tally.rejected.get() + tally.failed.get() > 0) {
    report_.fail(std::to_string(tally.rejected.get() + tally.failed.get()) +
                 " pushes were not accepted: " + tally.first_error.data());
  }
  if (await_messages(tally.accepted.get() * readers_of_channel())) return true;
  const Totals now = totals();
  report_.fail("not all messages arrived" +
               (now.closed_by_server == 0
                    ? std::string()
                    : ": the server closed " + std::to_string(now.closed_by_server) +
                          " connections (" + now.first_error + ")"));
  return false;
}

Histogram Rig::latency() const {
  Histogram sum;
  for (size_t i = 0; i < groups_; ++i) sum.add(fleet_->latency(i));
  return sum;
}

void Rig::begin_cpu() {
  cpu_since_ns_ = now_ns();
  softirq_since_ns_ = softirq_.sample_ns();
  server_since_ns_ = server_.sample_ns();
}

CpuSpan Rig::cpu() {
  return {.server_ns = static_cast<double>(server_.sample_ns() - server_since_ns_),
          .softirq_ns = static_cast<double>(softirq_.sample_ns() - softirq_since_ns_),
          .wall_ns = static_cast<double>(now_ns() - cpu_since_ns_)};
}

void Rig::report_messages() {
  const Totals now = totals();
  report_.number("messages", "deliveries", static_cast<double>(now.messages), "");
  report_.number("lost", "lost", static_cast<double>(now.lost), "");
  report_.number("doubled", "doubled", static_cast<double>(now.doubled), "");
  report_.number("reordered", "reordered", static_cast<double>(now.reordered), "");
  report_.number("corrupt", "corrupt", static_cast<double>(now.corrupt), "");
  report_.number("order_differing", "clients with another order",
                 static_cast<double>(now.order_differing), "");
  report_.number("gaps", "gap notices", static_cast<double>(now.gaps), "");
  report_.number("foreign", "", static_cast<double>(now.foreign), "");
  report_.number("closed_by_server", "closed by the server",
                 static_cast<double>(now.closed_by_server), "");
  if (now.faults() > 0) report_.fail("messages were lost, doubled, reordered or torn");
}

void Rig::report_effort() {
  if (timeline_) report_.set_timeline(timeline_->finish());
  const Effort effort = fleet_->effort();
  report_.number("client_busy_share", "busiest client process", effort.busiest_share * 100,
                 "% of a CPU");
  double publisher_share = 0;
  if (publishing_) {
    publisher_share = static_cast<double>(publishing_->sample_ns()) /
                      static_cast<double>(std::max<int64_t>(now_ns() - span_since_ns_, 1));
    report_.number("publisher_busy_share", "publishing process", publisher_share * 100,
                   "% of a CPU");
  }
  report_.number("machine_idle_share", "machine idle", effort.machine_idle_share * 100, "%");
  if (publisher_share > kBusyShare) {
    report_.warn(
        "the generator is the limit: the publishing process was busy all the time; fewer "
        "--publishers or larger messages would leave it time");
  }
  if (effort.busiest_share > kBusyShare) {
    report_.warn(
        "the generator is the limit: a client process was busy all the time; more --processes, or "
        "more CPUs, would show what the server can do");
  }
}

void Rig::report_publisher() {
  const PublishTally& tally = publisher_->tally();
  report_.number("pushes", "pushes accepted", static_cast<double>(tally.accepted.get()), "");
  report_.number("pushes_postponed", "pushes answered \"later\"",
                 static_cast<double>(tally.postponed.get()), "");
  report_.latency("push", "push answer", tally.answer_latency);
  const int64_t late_ns = tally.lateness.percentile_ns(0.99);
  if (late_ns > 10 * kNsPerMs) {
    report_.warn("pushes were sent late (p99 " +
                 format_number(static_cast<double>(late_ns) / 1e6, 1) +
                 " ms): the server answered slower than the rate, or the generator had no CPU");
  }
}

void Rig::report_latency() { report_.latency("latency", "latency", latency()); }

}  // namespace livehub::bench
