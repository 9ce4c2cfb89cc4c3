#include "load/bare_loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <span>
#include <string>
#include <utility>

#include "load/clock.h"
#include "load/loopback_listener.h"
#include "load/payload.h"

namespace livehub::bench {

namespace {

constexpr uint8_t kText = 0x81;
constexpr uint8_t kPing = 0x89;

// One frame of a server, its payload not yet written.
std::vector<char> frame_of(uint8_t first, size_t payload_bytes, size_t& head_bytes) {
  std::vector<char> frame{static_cast<char>(first)};
  if (payload_bytes < 126) {
    frame.push_back(static_cast<char>(payload_bytes));
  } else if (payload_bytes < 65536) {
    frame.insert(frame.end(),
                 {126, static_cast<char>(payload_bytes >> 8), static_cast<char>(payload_bytes)});
  } else {
    frame.push_back(127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame.push_back(static_cast<char>(payload_bytes >> shift));
  }
  head_bytes = frame.size();
  frame.resize(head_bytes + payload_bytes);
  return frame;
}

std::vector<char> frame_of_round(const BareRun& run, int64_t due_ns, Board& board) {
  size_t head_bytes = 0;
  std::vector<char> frame = frame_of(run.are_pings ? kPing : kText, run.payload_bytes, head_bytes);
  if (run.are_pings) return frame;
  write_payload(frame.data() + head_bytes, run.payload_bytes,
                {.seq = board.next_seq(0).get(), .t_ns = due_ns, .publisher = 0});
  board.next_seq(0).add(1);
  return frame;
}

void send_rounds(const BareRun& run, const std::vector<int>& sockets, Board& board,
                 BareTally& tally) {
  const int64_t start_ns = now_ns() + 2 * kNsPerMs;
  for (uint64_t round = 0; round < run.rounds; ++round) {
    const int64_t due_ns =
        start_ns + seconds_to_ns(static_cast<double>(round) / run.rounds_per_second);
    sleep_until_ns(due_ns);
    const auto frame = frame_of_round(run, due_ns, board);
    const std::span<const int> all(sockets);
    for (const int fd : run.is_one_each ? all.subspan(round % all.size(), 1) : all) {
      const ssize_t sent = send(fd, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent != static_cast<ssize_t>(frame.size())) tally.blocked.add(1);
    }
    tally.reach.record(now_ns() - due_ns);
  }
  tally.is_done.set(1);
}

void accept_all(int listening_fd, std::vector<int>& sockets, BareTally& tally) {
  while (true) {
    const int fd = accept4(listening_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    sockets.push_back(fd);
    tally.accepted.set(sockets.size());
  }
}

void serve(int control_fd, bool ipv4_only, Board& board, BareTally& tally) {
  uint16_t port = 0;
  const int listening_fd = listen_on_loopback(ipv4_only, port);
  tally.port.set(port);
  BareRun run;
  send(control_fd, &run, sizeof run, MSG_NOSIGNAL);
  std::vector<int> sockets;
  std::array<pollfd, 2> waiting{pollfd{listening_fd, POLLIN, 0}, pollfd{control_fd, POLLIN, 0}};
  while (poll(waiting.data(), waiting.size(), -1) > 0) {
    accept_all(listening_fd, sockets, tally);
    if (waiting[1].revents == 0) continue;
    if (recv(control_fd, &run, sizeof run, 0) != sizeof run) return;
    tally.is_done.set(0);
    tally.reach.clear();
    send(control_fd, &run, sizeof run, MSG_NOSIGNAL);
    send_rounds(run, sockets, board, tally);
  }
}

}  // namespace

BareLoop::BareLoop(Board* board, bool ipv4_only)
    : tally_(1), child_([board, ipv4_only, this](int control_fd) {
        serve(control_fd, ipv4_only, *board, tally_[0]);
      }) {
  child_.await<BareRun>();  // it listens
}

Target BareLoop::target() const {
  return parse_target("raw://127.0.0.1:" + std::to_string(tally_[0].port.get()));
}

void BareLoop::start(const BareRun& run) {
  child_.ask(run);
  child_.await<BareRun>();
}

bool BareLoop::await(double seconds_max) const {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(seconds_max);
  while (tally_[0].is_done.get() == 0) {
    if (now_ns() > deadline_ns) return false;
    sleep_ms(2);
  }
  return true;
}

}  // namespace livehub::bench
