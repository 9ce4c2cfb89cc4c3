#include "load/worker.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "load/clock.h"
#include "load/tcp_info.h"

namespace livehub::bench {

namespace {

constexpr uint64_t kControlName = ~uint64_t{0};
constexpr size_t kReceiveBytes = 64 * 1024;  // stays in the cache
constexpr uint64_t kDigestFactor = 0x9e3779b97f4a7c15;

}  // namespace

Worker::Worker(int control_fd, const FleetPlan& plan, uint32_t process, std::span<Tally> tallies)
    : control_fd_(control_fd),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      pause_us_(plan.pause_us),
      share_{process, plan.processes},
      dialer_(plan.sources),
      buffer_(kReceiveBytes) {
  for (size_t i = 0; i < plan.groups.size(); ++i) {
    Group& group = groups_.emplace_back();
    group.plan = &plan.groups[i];
    group.tally = &tallies[i];
    if (is_request_shared(*group.plan)) group.request = request_head(*group.plan);
    group.clients.resize(share_.count_of(group.plan->connections));
    group.tracks.resize(group.clients.size() * group.plan->publishers);
    group.sending.next_seq.resize(group.plan->answers_clients ? group.clients.size() : 0);
    group.ids.resize(group.plan->resumes ? group.clients.size() : 0);
  }
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kControlName}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, control_fd_, &event);
}

Worker::~Worker() { close(epoll_fd_); }

void Worker::run() {
  std::array<epoll_event, 512> events;
  while (is_running_) {
    // 1. Open what is due, so that answers to it can be in this very turn.
    open_due_connections();
    send_due_messages();
    // 2. Wait for the server, the next connection's or message's time, or a command.
    const int64_t ns = wait_ns();
    const timespec timeout{.tv_sec = ns / kNsPerSecond, .tv_nsec = ns % kNsPerSecond};
    const int count =
        epoll_pwait2(epoll_fd_, events.data(), events.size(), ns < 0 ? nullptr : &timeout, nullptr);
    // 3. Serve each once: one receive for each connection keeps the turns fair.
    has_received_ = false;
    for (int i = 0; i < count; ++i) serve(events[static_cast<size_t>(i)]);
    // 4. Rest, if asked to.
    rest();
  }
}

int64_t Worker::wait_ns() const {
  int64_t wait_ns = -1;
  const auto at_most = [&](int64_t ns) {
    wait_ns = wait_ns < 0 ? std::max<int64_t>(ns, 0) : std::clamp<int64_t>(ns, 0, wait_ns);
  };
  for (const Group& group : groups_) {
    if (group.opening_next < group.opening_end && group.connects_per_second > 0) at_most(kNsPerMs);
    const Sending& sending = group.sending;
    if (sending.since_ns == 0) continue;
    at_most(kNsPerMs);  // so that the end of its time is seen
    if (!sending.to_send_now.empty()) at_most(0);
    if (sending.plan.rate_per_second <= 0) continue;
    const double next = static_cast<double>(sending.sent) / sending.plan.rate_per_second;
    at_most(sending.since_ns + seconds_to_ns(next) - now_ns());
  }
  return wait_ns;
}

void Worker::serve(const epoll_event& event) {
  if (event.data.u64 != kControlName) {
    serve_client(groups_[event.data.u64 >> 32], static_cast<uint32_t>(event.data.u64),
                 event.events);
    return;
  }
  Command command;
  if (recv(control_fd_, &command, sizeof command, 0) != sizeof command) {
    is_running_ = false;
    return;
  }
  obey(command);
  send(control_fd_, &command, sizeof command, MSG_NOSIGNAL);
}

void Worker::rest() const {
  if (pause_us_ > 0 && has_received_) sleep_until_ns(now_ns() + int64_t{pause_us_} * 1000);
}

void Worker::obey(const Command& command) {
  switch (command.kind) {
    case Command::Kind::kOpen:
      return begin_opening(groups_[command.group], command);
    case Command::Kind::kBegin:
      return begin_span(groups_[command.group]);
    case Command::Kind::kFinish:
      return finish_span(groups_[command.group]);
    case Command::Kind::kClose:
      return close_group(groups_[command.group]);
    case Command::Kind::kCut:
      return cut_group(groups_[command.group], command);
    case Command::Kind::kSend:
      return begin_sending(groups_[command.group], command);
    case Command::Kind::kQuit:
      is_running_ = false;
  }
}

// ------------------------------------------------------------------ spans

void Worker::begin_span(Group& group) {
  group.tally->begin_span();
  group.segments_before = segments_of(group);
  const uint32_t publishers = group.plan->publishers;
  for (size_t i = 0; i < group.clients.size(); ++i) {
    group.clients[i].order_digest = 0;
    for (uint32_t p = 0; p < publishers; ++p) {
      group.tracks[i * publishers + p].expect(sequence_end(group, i, p));
    }
  }
}

void Worker::finish_span(Group& group) {
  for (size_t i = 0; i < group.clients.size(); ++i) {
    const Client& client = group.clients[i];
    if (client.state == Client::State::kOpen && !client.never_reads) finish_client(group, i);
  }
  group.tally->segments.set(segments_of(group) - group.segments_before);
}

uint64_t Worker::segments_of(const Group& group) const {
  uint64_t segments = 0;
  for (const Client& client : group.clients)
    if (client.fd >= 0) segments += data_segments_received(client.fd);
  return segments;
}

void Worker::finish_client(Group& group, size_t index) {
  const uint32_t publishers = group.plan->publishers;
  uint64_t missing = 0;
  for (uint32_t p = 0; p < publishers; ++p) {
    missing += group.tracks[index * publishers + p].missing_before(sequence_end(group, index, p));
  }
  Tally& tally = *group.tally;
  tally.lost.add(missing);
  if (missing > 0) return;
  const uint64_t digest = group.plan->channels > 1 || group.plan->answers_clients
                              ? 0  // they were not to see the same
                              : group.clients[index].order_digest;
  if (tally.clients_complete.get() == 0) tally.order_digest.set(digest);
  if (tally.order_digest.get() != digest) tally.order_differing.add(1);
  tally.clients_complete.add(1);
}

// A client that sends has a sequence of its own: its number.
uint32_t Worker::first_sequence(const Group& group, size_t index) const {
  const uint32_t ordinal = share_.ordinal(static_cast<uint32_t>(index));
  if (group.plan->answers_clients) return ordinal;
  return ordinal % group.plan->channels * group.plan->publishers;
}

uint64_t Worker::sequence_end(const Group& group, size_t index, uint32_t publisher) const {
  if (group.plan->answers_clients) return group.sending.next_seq[index];
  return group.plan->board->next_seq(first_sequence(group, index) + publisher).get();
}

void Worker::close_group(Group& group) {
  group.opening_next = group.opening_end = group.opening_in_flight = 0;
  for (Client& client : group.clients) {
    if (client.fd >= 0) close(client.fd);
    client = Client{};
  }
  group.tally->open.set(0);
}

// ------------------------------------------------------------------ messages

void Worker::feed(Group& group, Client& client, std::string_view bytes) {
  group_ = &group;
  client_ = &client;
  const auto index = static_cast<size_t>(&client - group.clients.data());
  tracks_ = &group.tracks[index * group.plan->publishers];
  first_sequence_ = first_sequence(group, index);
  received_ns_ = now_ns();
  group.tally->received_bytes.add(bytes.size());
  burst_messages_ = 0;
  burst_bytes_ = 0;
  const bool is_valid =
      std::visit([&](auto& inbox) { return inbox.feed(bytes, *this); }, client.inbox);
  if (burst_messages_ > 0) {
    Tally& tally = *group.tally;
    tally.receives.add(1);
    tally.messages.add(burst_messages_);
    tally.all_messages.add(burst_messages_);
    if (!client.never_reads) tally.messages_of_readers.add(burst_messages_);
    tally.message_bytes.add(burst_bytes_);
    tally.last_message_ns.set(static_cast<uint64_t>(received_ns_));
  }
  if (!is_valid) lose(group, client, "the server sent bytes that no server may send");
}

void Worker::on_message(const std::optional<Stamp>& stamp, uint64_t bytes, bool intact) {
  Tally& tally = *group_->tally;
  if (!stamp || stamp->publisher - first_sequence_ >= group_->plan->publishers) {
    tally.foreign.add(1);
    if (stamp) tally.misrouted.add(1);
    return;
  }
  if (!intact) tally.corrupt.add(1);
  SequenceFaults faults;
  tracks_[stamp->publisher - first_sequence_].take(stamp->seq, faults);
  if ((faults.lost | faults.doubled | faults.reordered) != 0) [[unlikely]] {
    tally.lost.add(faults.lost);
    tally.doubled.add(faults.doubled);
    tally.reordered.add(faults.reordered);
  }
  client_->order_digest =
      (client_->order_digest + stamp->seq + (uint64_t{stamp->publisher} << 48) + 1) * kDigestFactor;
  tally.latency.record(received_ns_ - stamp->t_ns);
  ++burst_messages_;
  burst_bytes_ += bytes;
  if (group_->plan->answers_clients && group_->sending.plan.rate_per_second <= 0) {
    group_->sending.to_send_now.push_back(static_cast<uint32_t>(client_ - group_->clients.data()));
  }
}

void Worker::on_ping(std::string_view payload) {
  group_->tally->pings.add(1);
  if (!client_->was_pinged) group_->tally->clients_pinged.add(1);
  client_->was_pinged = true;
  if (group_->plan->target.protocol != Protocol::kWebSocket) return;  // nobody wants an answer
  // A mask of zeros is a mask, and leaves the payload as it is.
  std::array<char, 6 + 125> pong{};
  pong[0] = static_cast<char>(0x8a);
  pong[1] = static_cast<char>(0x80 | payload.size());
  std::memcpy(pong.data() + 6, payload.data(), payload.size());
  send(client_->fd, pong.data(), 6 + payload.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Worker::on_id(std::string_view id) {
  group_->ids[static_cast<size_t>(client_ - group_->clients.data())] = id;
}

void Worker::on_gap() { group_->tally->gaps.add(1); }

void Worker::on_end(uint16_t code) {
  client_->has_ended = true;
  group_->tally->ended.add(1);
  if (code != 0) {
    group_->tally->note_error("the server closed a WebSocket with code " + std::to_string(code));
  }
}

}  // namespace livehub::bench
