#include "load/fleet.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "load/clock.h"

namespace livehub::bench {

namespace {

constexpr int64_t kPollMs = 5;

Totals totals_of(const Tally& tally) {
  return {.open = tally.open.get(),
          .failed = tally.failed.get(),
          .closed_by_server = tally.closed_by_server.get(),
          .ended = tally.ended.get(),
          .messages = tally.messages.get(),
          .messages_of_readers = tally.messages_of_readers.get(),
          .message_bytes = tally.message_bytes.get(),
          .receives = tally.receives.get(),
          .received_bytes = tally.received_bytes.get(),
          .segments = tally.segments.get(),
          .lost = tally.lost.get(),
          .doubled = tally.doubled.get(),
          .reordered = tally.reordered.get(),
          .corrupt = tally.corrupt.get(),
          .foreign = tally.foreign.get(),
          .gaps = tally.gaps.get(),
          .misrouted = tally.misrouted.get(),
          .sent = tally.sent.get(),
          .all_messages = tally.all_messages.get(),
          .pings = tally.pings.get(),
          .clients_pinged = tally.clients_pinged.get(),
          .clients_complete = tally.clients_complete.get(),
          .order_digest = tally.order_digest.get(),
          .order_differing = tally.order_differing.get(),
          .last_open_ns = static_cast<int64_t>(tally.last_open_ns.get()),
          .last_message_ns = static_cast<int64_t>(tally.last_message_ns.get()),
          .first_error = tally.first_error.data()};
}

}  // namespace

void Totals::add(const Totals& other) {
  for (uint64_t Totals::*field : {&Totals::open,
                                  &Totals::failed,
                                  &Totals::closed_by_server,
                                  &Totals::ended,
                                  &Totals::messages,
                                  &Totals::messages_of_readers,
                                  &Totals::message_bytes,
                                  &Totals::receives,
                                  &Totals::lost,
                                  &Totals::doubled,
                                  &Totals::reordered,
                                  &Totals::corrupt,
                                  &Totals::foreign,
                                  &Totals::gaps,
                                  &Totals::misrouted,
                                  &Totals::sent,
                                  &Totals::all_messages,
                                  &Totals::pings,
                                  &Totals::clients_pinged,
                                  &Totals::order_differing,
                                  &Totals::received_bytes,
                                  &Totals::segments}) {
    this->*field += other.*field;
  }
  // Where two processes saw different orders, all clients of one of them differ.
  if (clients_complete > 0 && other.clients_complete > 0 && order_digest != other.order_digest) {
    order_differing += other.clients_complete;
  }
  if (clients_complete == 0) order_digest = other.order_digest;
  clients_complete += other.clients_complete;
  last_open_ns = std::max(last_open_ns, other.last_open_ns);
  last_message_ns = std::max(last_message_ns, other.last_message_ns);
  if (first_error.empty()) first_error = other.first_error;
}

Fleet::Fleet(FleetPlan plan)
    : plan_(std::move(plan)), tallies_(plan_.processes * plan_.groups.size()) {
  for (uint32_t process = 0; process < plan_.processes; ++process) {
    children_.emplace_back([&](int control_fd) {
      const auto tallies =
          tallies_.all().subspan(process * plan_.groups.size(), plan_.groups.size());
      Worker(control_fd, plan_, process, tallies).run();
    });
    meters_.emplace_back(children_.back().pid());
  }
}

void Fleet::command(Command::Kind kind, size_t group) {
  ask_all({.kind = kind, .group = static_cast<uint32_t>(group)});
}

void Fleet::ask_all(const Command& command) {
  for (const Child& child : children_) child.ask(command);
  for (const Child& child : children_) child.await<Command>();
}

bool Fleet::open(size_t group, double connects_per_second, double seconds_max) {
  const auto processes = static_cast<uint32_t>(children_.size());
  const uint64_t before = totals(group).failed + totals(group).closed_by_server;
  const Command command{.kind = Command::Kind::kOpen,
                        .group = static_cast<uint32_t>(group),
                        .connects_per_second = connects_per_second / processes,
                        .in_flight = std::max(plan_.in_flight / processes, 1u)};
  ask_all(command);
  return await_open(group, before, seconds_max);
}

bool Fleet::cut(size_t group, double seconds_max) {
  const Totals now = totals(group);
  ask_all({.kind = Command::Kind::kCut,
           .group = static_cast<uint32_t>(group),
           .in_flight = plan_.groups[group].connections});
  return await_open(group, now.failed + now.closed_by_server, seconds_max);
}

void Fleet::freeze() {
  for (const Child& child : children_) kill(child.pid(), SIGSTOP);
  // The signal is on its way only: a process that has stopped is reported to its parent.
  for (const Child& child : children_) waitpid(child.pid(), nullptr, WUNTRACED);
}

void Fleet::thaw() {
  for (const Child& child : children_) kill(child.pid(), SIGCONT);
}

void Fleet::begin_sending(size_t group, const SendPlan& plan) {
  const auto processes = static_cast<uint32_t>(children_.size());
  for (uint32_t i = 0; i < processes; ++i) {
    Command command{.kind = Command::Kind::kSend, .group = static_cast<uint32_t>(group)};
    command.send = plan;
    command.send.count = (plan.count + processes - 1 - i) / processes;
    command.send.rate_per_second = plan.rate_per_second / processes;
    children_[i].ask(command);
  }
  for (const Child& child : children_) child.await<Command>();
}

bool Fleet::is_sending(size_t group) const {
  for (size_t i = 0; i < children_.size(); ++i)
    if (tally(i, group).is_sending.get() != 0) return true;
  return false;
}

bool Fleet::await_open(size_t group, uint64_t before, double seconds_max) {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(seconds_max);
  while (now_ns() < deadline_ns) {
    const Totals now = totals(group);
    if (now.open == plan_.groups[group].connections) return true;
    if (now.open + now.failed + now.closed_by_server - before >= plan_.groups[group].connections)
      break;
    sleep_ms(kPollMs);
  }
  return false;
}

bool Fleet::await_messages(size_t group, uint64_t count, double quiet_seconds_max) {
  uint64_t last_count = totals(group).messages_of_readers;
  int64_t last_change_ns = now_ns();
  while (last_count < count) {
    sleep_ms(kPollMs);
    const uint64_t now_count = totals(group).messages_of_readers;
    if (now_count != last_count) {
      last_change_ns = now_ns();
    } else if (now_ns() - last_change_ns > seconds_to_ns(quiet_seconds_max)) {
      return false;
    }
    last_count = now_count;
  }
  return true;
}

Totals Fleet::totals(size_t group) const {
  Totals sum;
  for (size_t process = 0; process < children_.size(); ++process)
    sum.add(totals_of(tally(process, group)));
  return sum;
}

std::vector<const Cell*> Fleet::delivered_cells(size_t group) const {
  std::vector<const Cell*> cells;
  for (size_t i = 0; i < children_.size(); ++i)
    cells.push_back(&tally(i, group).messages_of_readers);
  return cells;
}

std::vector<const Cell*> Fleet::delivered_cells() const {
  std::vector<const Cell*> cells;
  for (const Tally& one : tallies_.all()) cells.push_back(&one.messages_of_readers);
  return cells;
}

Histogram Fleet::latency(size_t group) const {
  Histogram sum;
  for (size_t i = 0; i < children_.size(); ++i) sum.add(tally(i, group).latency);
  return sum;
}

Histogram Fleet::connect_latency(size_t group) const {
  Histogram sum;
  for (size_t i = 0; i < children_.size(); ++i) sum.add(tally(i, group).connect_latency);
  return sum;
}

void Fleet::begin_effort() {
  meters_.clear();
  for (const Child& child : children_) meters_.emplace_back(child.pid()).sample_ns();
  machine_ = MachineMeter();
  effort_since_ns_ = now_ns();
}

Effort Fleet::effort() {
  const auto wall_ns = static_cast<double>(std::max<int64_t>(now_ns() - effort_since_ns_, 1));
  Effort effort{.machine_idle_share = machine_.idle_share()};
  for (CpuMeter& meter : meters_) {
    effort.busiest_share =
        std::max(effort.busiest_share, static_cast<double>(meter.sample_ns()) / wall_ns);
  }
  return effort;
}

}  // namespace livehub::bench
