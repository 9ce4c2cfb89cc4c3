// How a client process sends messages to the server: paced, each at its time whatever came before
// it (what it carries is when it was due), or each client as soon as it has its reply.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "load/clock.h"
#include "load/worker.h"

namespace livehub::bench {

namespace {

constexpr std::array<char, 4> kMask = {0x5a, 0x13, 0x37, 0x71};

std::string masked_frame(std::string_view payload) {
  std::string out{static_cast<char>(0x81)};
  const size_t bytes = payload.size();
  if (bytes < 126) {
    out += static_cast<char>(0x80 | bytes);
  } else if (bytes < 65536) {
    out += {static_cast<char>(0x80 | 126), static_cast<char>(bytes >> 8), static_cast<char>(bytes)};
  } else {
    out += static_cast<char>(0xff);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bytes >> shift);
  }
  out.append(kMask.data(), kMask.size());
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return out;
}

}  // namespace

void Worker::begin_sending(Group& group, const Command& command) {
  Sending& sending = group.sending;
  sending.plan = command.send;
  sending.since_ns = now_ns();
  sending.sent = 0;
  sending.to_send_now.clear();
  group.tally->sent.set(0);
  group.tally->is_sending.set(1);
  if (sending.plan.rate_per_second > 0) return;
  for (uint32_t i = 0; i < group.clients.size(); ++i) sending.to_send_now.push_back(i);
}

void Worker::send_due_messages() {
  for (Group& group : groups_) {
    Sending& sending = group.sending;
    if (sending.since_ns == 0) continue;
    const uint64_t due = due_messages(group);
    for (; sending.sent < due; ++sending.sent) {
      const int64_t after_ns =
          seconds_to_ns(static_cast<double>(sending.sent) / sending.plan.rate_per_second);
      send_message(group, static_cast<uint32_t>(sending.sent % group.clients.size()),
                   sending.since_ns + after_ns);
    }
    for (const uint32_t index : std::exchange(sending.to_send_now, {})) {
      if (sending.plan.is_over(now_ns() - sending.since_ns, sending.sent)) break;
      send_message(group, index, now_ns());
      ++sending.sent;
    }
    if (!sending.plan.is_over(now_ns() - sending.since_ns, sending.sent)) continue;
    sending.since_ns = 0;
    group.tally->is_sending.set(0);
  }
}

// Paced: how many should have been sent by now.
uint64_t Worker::due_messages(const Group& group) const {
  const SendPlan& plan = group.sending.plan;
  if (plan.rate_per_second <= 0 || group.clients.empty()) return 0;
  double seconds = ns_to_seconds(now_ns() - group.sending.since_ns);
  if (plan.seconds > 0) seconds = std::min(seconds, plan.seconds);
  const auto due = static_cast<uint64_t>(seconds * plan.rate_per_second) + 1;
  return plan.count > 0 ? std::min(due, plan.count) : due;
}

void Worker::send_message(Group& group, uint32_t client_index, int64_t due_ns) {
  Client& client = group.clients[client_index];
  if (client.state != Client::State::kOpen) return;
  std::string payload(group.sending.plan.payload_bytes, ' ');
  write_payload(payload.data(), payload.size(),
                {.seq = group.sending.next_seq[client_index]++,
                 .t_ns = due_ns,
                 .publisher = first_sequence(group, client_index)});
  if (send_frame(group, client, payload)) group.tally->sent.add(1);
}

// A client that does not send more than is answered always finds room; false: it was lost.
bool Worker::send_frame(Group& group, Client& client, std::string_view payload) {
  const std::string frame = masked_frame(payload);
  const ssize_t sent = send(client.fd, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(frame.size())) return true;
  lose(group, client, sent < 0 ? std::strerror(errno) : "the server does not read what is sent");
  return false;
}

}  // namespace livehub::bench
