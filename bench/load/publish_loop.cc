#include "load/publish_loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "load/clock.h"
#include "load/template.h"

namespace livehub::bench {

namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr std::string_view kPayloadAlone = "{payload}";
constexpr int64_t kPostponedNs = 50 * kNsPerMs;
constexpr int64_t kHeldNs = kNsPerMs / 5;
constexpr int64_t kLeadNs = 2 * kNsPerMs;  // from the order to the first message

std::string_view header_value(std::string_view head, std::string_view lower_case_name) {
  for (size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    const bool same =
        line.size() > lower_case_name.size() && line[lower_case_name.size()] == ':' &&
        std::equal(lower_case_name.begin(), lower_case_name.end(), line.begin(),
                   [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
    if (!same) continue;
    std::string_view value = line.substr(lower_case_name.size() + 1);
    value = value.substr(0, value.find('\r'));
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    return value;
  }
  return {};
}

}  // namespace

Answer read_answer(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || bytes.size() < 12) return {};
  const std::string_view head = bytes.substr(0, end + 2);
  const std::string_view body = bytes.substr(end + 4);
  Answer answer;
  std::from_chars(head.data() + 9, head.data() + 12, answer.status);
  answer.closes = header_value(head, "connection") == "close";
  if (header_value(head, "transfer-encoding") == "chunked") {
    answer.is_complete = body.ends_with("0\r\n\r\n");
    return answer;
  }
  size_t length = 0;
  const std::string_view value = header_value(head, "content-length");
  std::from_chars(value.data(), value.data() + value.size(), length);
  answer.is_complete = body.size() >= length;
  return answer;
}

PublishLoop::PublishLoop(int control_fd, const PublishPlan& plan, PublishTally& tally)
    : control_fd_(control_fd),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      plan_(plan),
      tally_(tally),
      dialer_({}),
      connections_(plan.connections) {}

void PublishLoop::run() {
  while (await_run()) publish();
}

bool PublishLoop::await_run() {
  if (recv(control_fd_, &run_, sizeof run_, 0) != sizeof run_) return false;
  // Cells first: the driver asks is_done as soon as it has the answer.
  for (Cell* cell : {&tally_.accepted, &tally_.postponed, &tally_.rejected, &tally_.failed,
                     &tally_.is_done, &tally_.last_answer_ns}) {
    cell->set(0);
  }
  tally_.is_stopped.set(0);
  tally_.answer_latency.clear();
  tally_.lateness.clear();
  sent_count_ = 0;
  start_ns_ = now_ns() + kLeadNs;
  end_ns_ = run_.seconds > 0 ? start_ns_ + seconds_to_ns(run_.seconds) : kNever;
  tally_.first_due_ns.set(static_cast<uint64_t>(start_ns_));
  send(control_fd_, &run_, sizeof run_, MSG_NOSIGNAL);
  return true;
}

void PublishLoop::publish() {
  for (uint32_t i = 0; i < connections_.size(); ++i) begin(connections_[i], i);
  const auto is_finished = [](const Connection& c) {
    return c.state == Connection::State::kFinished;
  };
  while (!std::all_of(connections_.begin(), connections_.end(), is_finished)) {
    const int64_t now = now_ns();
    is_held_ = false;
    for (uint32_t i = 0; i < connections_.size(); ++i) send_if_due(connections_[i], i, now);
    wait();
  }
  tally_.is_done.set(1);
}

void PublishLoop::begin(Connection& connection, uint32_t number) {
  connection.state = Connection::State::kIdle;
  connection.next_number = number;
  connection.is_repeat = false;
  connection.not_before_ns = 0;
}

bool PublishLoop::has_more(const Connection& connection) const {
  if (connection.is_repeat) return true;
  return run_.count == 0 || connection.next_number < run_.count;
}

bool PublishLoop::are_readers_behind() const {
  if (plan_.window == 0) return false;
  uint64_t delivered = 0;
  for (const Cell* cell : plan_.delivered) delivered += cell->get();
  return sent_count_ * plan_.readers > delivered + uint64_t{plan_.window} * plan_.readers;
}

int64_t PublishLoop::due_ns(const Connection& connection) const {
  if (connection.is_repeat) return connection.not_before_ns;
  if (run_.rate_per_second <= 0) return start_ns_;
  return start_ns_ +
         seconds_to_ns(static_cast<double>(connection.next_number) / run_.rate_per_second);
}

void PublishLoop::send_if_due(Connection& connection, uint32_t index, int64_t now) {
  if (connection.state != Connection::State::kIdle) return;
  const int64_t due = due_ns(connection);
  const bool is_over =
      !connection.is_repeat && (tally_.is_stopped.get() != 0 ||
                                std::max(due, run_.rate_per_second > 0 ? 0 : now) >= end_ns_);
  if (is_over || !has_more(connection)) {
    connection.state = Connection::State::kFinished;
    return;
  }
  if (due > now) return;
  if (run_.rate_per_second <= 0 && are_readers_behind()) {
    is_held_ = true;
    return;
  }
  if (!connection.is_repeat) {
    const bool is_paced = run_.rate_per_second > 0;
    const uint32_t sequence = sequence_of(connection, index);
    connection.stamp = {.seq = plan_.board->next_seq(sequence).get(),
                        .t_ns = is_paced ? due : now,
                        .publisher = sequence};
    plan_.board->next_seq(sequence).add(1);
    connection.next_number += connections_.size();
    ++sent_count_;
    if (is_paced) tally_.lateness.record(now - due);
  }
  connection.is_repeat = false;
  connection.sent_ns = now;
  compose(connection);
  if (connection.fd < 0) connect(connection, index);
  if (connection.fd >= 0) flush(connection);
}

// With one channel a sequence is a connection; with many it is a channel, and those of a connection
// take turns.
uint32_t PublishLoop::sequence_of(const Connection& connection, uint32_t index) const {
  if (plan_.channels <= 1) return index;
  const auto count = static_cast<uint32_t>(connections_.size());
  const uint32_t own = (plan_.channels + count - 1 - index) / count;
  return index + count * static_cast<uint32_t>(connection.next_number / count % own);
}

void PublishLoop::compose(Connection& connection) {
  payload_.resize(run_.payload_bytes);
  write_payload(payload_.data(), payload_.size(), connection.stamp);
  const std::string channel = std::to_string(plan_.channels > 1 ? connection.stamp.publisher : 0);
  const Holes holes{.channel = channel, .payload = payload_};
  const bool is_filled = plan_.body != kPayloadAlone;
  if (is_filled) filled_ = fill(plan_.body, holes);
  const std::string& body = is_filled ? filled_ : payload_;
  std::string& out = connection.out;
  out.assign(plan_.method).append(" ").append(fill(plan_.target.path, holes));
  out.append(" HTTP/1.1\r\nHost: ").append(plan_.target.authority);
  out.append("\r\nContent-Type: application/json\r\nContent-Length: ");
  out.append(std::to_string(body.size())).append("\r\n").append(plan_.extra_headers);
  out.append("\r\n").append(body);
  connection.out_done = 0;
  connection.in.clear();
  connection.state = Connection::State::kSending;
}

void PublishLoop::connect(Connection& connection, uint32_t index) {
  connection.fd = dialer_.dial(plan_.target, index);
  if (connection.fd < 0) {
    give_up(connection, std::strerror(-connection.fd));
    return;
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = index}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection.fd, &event);
}

void PublishLoop::disconnect(Connection& connection) {
  if (connection.fd >= 0) close(connection.fd);
  connection.fd = -1;
}

void PublishLoop::flush(Connection& connection) {
  while (connection.out_done < connection.out.size()) {
    const ssize_t sent =
        send(connection.fd, connection.out.data() + connection.out_done,
             connection.out.size() - connection.out_done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return give_up(connection, std::strerror(errno));
    connection.out_done += static_cast<size_t>(sent);
  }
  connection.state = Connection::State::kAwaitingAnswer;
}

void PublishLoop::receive(Connection& connection) {
  std::array<char, 16384> buffer;
  while (connection.fd >= 0) {
    const ssize_t received = recv(connection.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) {
      if (connection.state == Connection::State::kSending ||
          connection.state == Connection::State::kAwaitingAnswer) {
        return give_up(connection, "the server closed a publishing connection before its answer");
      }
      return disconnect(connection);
    }
    connection.in.append(buffer.data(), static_cast<size_t>(received));
    const Answer answer = read_answer(connection.in);
    if (answer.is_complete) take_answer(connection, answer);
  }
}

void PublishLoop::take_answer(Connection& connection, const Answer& answer) {
  const int64_t now = now_ns();
  tally_.answer_latency.record(now - connection.sent_ns);
  tally_.last_answer_ns.set(static_cast<uint64_t>(now));
  connection.state = Connection::State::kIdle;
  connection.in.clear();
  if (answer.status / 100 == 2) {
    tally_.accepted.add(1);
  } else if (answer.status == 503 || answer.status == 429) {
    tally_.postponed.add(1);
    connection.is_repeat = true;
    connection.not_before_ns = now + kPostponedNs;
  } else {
    tally_.rejected.add(1);
    std::snprintf(tally_.first_error.data(), tally_.first_error.size(),
                  "a push was answered with status %d", answer.status);
  }
  if (answer.closes) disconnect(connection);
}

// The message may have been delivered or not; it is counted, and clients that miss it will tell.
void PublishLoop::give_up(Connection& connection, std::string_view why) {
  disconnect(connection);
  tally_.failed.add(1);
  std::snprintf(tally_.first_error.data(), tally_.first_error.size(), "%.*s",
                static_cast<int>(why.size()), why.data());
  connection.state = Connection::State::kFinished;
}

void PublishLoop::wait() {
  int64_t next_ns = kNever;
  bool awaits = false;
  for (const Connection& connection : connections_) {
    if (connection.state == Connection::State::kIdle)
      next_ns = std::min(next_ns, due_ns(connection));
    awaits |= connection.state == Connection::State::kSending ||
              connection.state == Connection::State::kAwaitingAnswer;
  }
  if (next_ns == kNever && !awaits) return;
  const int64_t wait_ns =
      std::clamp<int64_t>(next_ns - now_ns(), is_held_ ? kHeldNs : 0, kNsPerSecond);
  const timespec timeout{.tv_sec = wait_ns / kNsPerSecond, .tv_nsec = wait_ns % kNsPerSecond};
  std::array<epoll_event, 64> events;
  const int count = epoll_pwait2(epoll_fd_, events.data(), events.size(), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    Connection& connection = connections_[events[static_cast<size_t>(i)].data.u32];
    if (connection.fd < 0) continue;
    if (connection.state == Connection::State::kSending) flush(connection);
    receive(connection);
  }
}

}  // namespace livehub::bench
