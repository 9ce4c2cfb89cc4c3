// How a client process opens, receives on and loses its connections.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "load/clock.h"
#include "load/template.h"
#include "load/worker.h"

namespace livehub::bench {

void Worker::begin_opening(Group& group, const Command& command) {
  group.opening_end = static_cast<uint32_t>(group.clients.size());
  group.in_flight_max = std::max(command.in_flight, 1u);
  group.connects_per_second = command.connects_per_second;
  group.opening_since_ns = now_ns();
}

void Worker::cut_group(Group& group, const Command& command) {
  for (Client& client : group.clients) {
    if (client.fd >= 0) close(client.fd);
    const uint64_t digest = client.order_digest;
    client = Client{};
    client.order_digest = digest;
  }
  group.tally->open.set(0);
  group.opening_next = group.opening_in_flight = 0;
  begin_opening(group, command);
}

void Worker::open_due_connections() {
  for (uint32_t g = 0; g < groups_.size(); ++g) {
    Group& group = groups_[g];
    if (group.opening_next == group.opening_end) continue;
    const uint32_t due = due_count(group);
    while (group.opening_next < due && group.opening_in_flight < group.in_flight_max) {
      dial(g, group.opening_next++);
    }
  }
}

// How many connections should have been dialled by now.
uint32_t Worker::due_count(const Group& group) const {
  if (group.connects_per_second <= 0) return group.opening_end;
  const double due =
      ns_to_seconds(now_ns() - group.opening_since_ns) * group.connects_per_second + 1;
  return due >= group.opening_end ? group.opening_end : static_cast<uint32_t>(due);
}

void Worker::dial(uint32_t group_index, uint32_t client_index) {
  Group& group = groups_[group_index];
  Client& client = group.clients[client_index];
  const uint32_t ordinal = share_.ordinal(client_index);
  const int fd = dialer_.dial(group.plan->target, ordinal);
  if (fd < 0) {
    group.tally->failed.add(1);
    group.tally->note_error(std::string("a connection could not be made: ") + std::strerror(-fd));
    return;
  }
  client.fd = fd;
  client.dialled_ns = now_ns();
  client.state = Client::State::kConnecting;
  if (group.plan->target.protocol == Protocol::kSse) client.inbox.emplace<SseInbox>();
  if (group.plan->resumes) std::visit([](auto& inbox) { inbox.keep_ids(); }, client.inbox);
  if (group.plan->joins_midway) group.tracks[client_index].expect_any();
  ++group.opening_in_flight;
  watch(client, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT, name_of(group, client));
}

uint64_t Worker::name_of(const Group& group, const Client& client) const {
  const auto group_index = static_cast<uint64_t>(&group - groups_.data());
  return (group_index << 32) | static_cast<uint64_t>(&client - group.clients.data());
}

void Worker::watch(const Client& client, int operation, uint32_t events, uint64_t name) const {
  epoll_event event{.events = events, .data = {.u64 = name}};
  epoll_ctl(epoll_fd_, operation, client.fd, &event);
}

void Worker::serve_client(Group& group, uint32_t index, uint32_t events) {
  Client& client = group.clients[index];
  if (client.state == Client::State::kClosed) return;  // closed earlier in this turn
  if (client.state == Client::State::kConnecting && (events & EPOLLOUT) != 0) {
    send_request(group, client);
  } else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    receive(group, client);
  }
}

void Worker::send_request(Group& group, Client& client) {
  int error = 0;
  socklen_t error_bytes = sizeof error;
  getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
  if (error != 0) return lose(group, client, std::strerror(error));
  const auto index = static_cast<size_t>(&client - group.clients.data());
  const std::string own =
      group.request.empty()
          ? request_head(*group.plan, channel_of(group, index),
                         group.ids.empty() ? std::string_view() : group.ids[index])
          : std::string();
  const std::string& request = group.request.empty() ? own : group.request;
  // The first bytes of a socket always fit.
  if (!request.empty() && send(client.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
                              static_cast<ssize_t>(request.size())) {
    return lose(group, client, "the request could not be sent");
  }
  client.state = Client::State::kAwaitingHead;
  if (request.empty()) opened(group, client, {});
  if (client.state != Client::State::kClosed && !client.never_reads) {
    watch(client, EPOLL_CTL_MOD, EPOLLIN, name_of(group, client));
  }
}

void Worker::receive(Group& group, Client& client) {
  const ssize_t received = recv(client.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received < 0) return lose(group, client, std::strerror(errno));
  if (received == 0) return lose(group, client, "the server closed the connection");
  has_received_ = true;
  std::string_view bytes(buffer_.data(), static_cast<size_t>(received));
  if (client.state != Client::State::kOpen && !take_head(group, client, bytes)) return;
  if (!bytes.empty()) feed(group, client, bytes);
}

std::string Worker::channel_of(const Group& group, size_t index) const {
  return std::to_string(share_.ordinal(static_cast<uint32_t>(index)) % group.plan->channels);
}

// True once the connection is open; `bytes` is then what came behind the head.
bool Worker::take_head(Group& group, Client& client, std::string_view& bytes) {
  const size_t before = client.head ? client.head->size() : 0;
  if (client.head) client.head->append(bytes);
  const ResponseHead head =
      read_response_head(client.head ? *client.head : bytes, group.plan->target.protocol);
  switch (head.state) {
    case ResponseHead::State::kIncomplete:
      if (!client.head) client.head = std::make_unique<std::string>(bytes);
      return false;
    case ResponseHead::State::kRefused:
      lose(group, client, head.why);
      return false;
    case ResponseHead::State::kAccepted:
      break;
  }
  bytes.remove_prefix(head.bytes - before);
  client.head.reset();
  opened(group, client, head);
  return true;
}

void Worker::opened(Group& group, Client& client, const ResponseHead& head) {
  const int64_t opened_ns = now_ns();
  const uint32_t ordinal = share_.ordinal(static_cast<uint32_t>(&client - group.clients.data()));
  client.state = Client::State::kOpen;
  if (auto* sse = std::get_if<SseInbox>(&client.inbox)) sse->set_chunked(head.chunked);
  --group.opening_in_flight;
  group.tally->open.add(1);
  group.tally->last_open_ns.set(static_cast<uint64_t>(opened_ns));
  group.tally->connect_latency.record(opened_ns - client.dialled_ns);
  if (!group.plan->first_message.empty()) {
    const auto index = static_cast<size_t>(&client - group.clients.data());
    const std::string channel = channel_of(group, index);
    if (!send_frame(group, client, fill(group.plan->first_message, {.channel = channel}))) return;
  }
  const uint32_t every = group.plan->never_read_every;
  if (every > 0 && ordinal % every == 0) {
    client.never_reads = true;
    watch(client, EPOLL_CTL_MOD, 0, name_of(group, client));
  }
}

void Worker::lose(Group& group, Client& client, std::string_view why) {
  Tally& tally = *group.tally;
  if (client.state == Client::State::kOpen) {
    tally.open.add(~uint64_t{0});
    tally.closed_by_server.add(1);
  } else {
    tally.failed.add(1);
    --group.opening_in_flight;
  }
  tally.note_error(why);
  close(client.fd);
  client.fd = -1;
  client.state = Client::State::kClosed;
}

}  // namespace livehub::bench
