#include "load/bare_door.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "load/handshake.h"
#include "load/loopback_listener.h"

namespace livehub::bench {

namespace {

struct Door {
  int listening_fd;
  int epoll_fd;
  std::string answer;
  DoorTally& tally;
};

void watch(int epoll_fd, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

void accept_all(Door& door) {
  while (true) {
    const int fd = accept4(door.listening_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    door.tally.open.add(1);
    watch(door.epoll_fd, fd);
  }
}

// A request comes in one piece here: the clients send it with one call.
void answer(Door& door, int fd) {
  std::array<char, 4096> buffer;
  const ssize_t received = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received > 0) {
    send(fd, door.answer.data(), door.answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    door.tally.answered.add(1);
    return;
  }
  close(fd);
  door.tally.open.add(~uint64_t{0});
}

void serve(int control_fd, Protocol protocol, bool ipv4_only, DoorTally& tally) {
  uint16_t port = 0;
  Door door{.listening_fd = listen_on_loopback(ipv4_only, port),
            .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
            .answer = least_response_head(protocol),
            .tally = tally};
  tally.port.set(port);
  watch(door.epoll_fd, door.listening_fd);
  watch(door.epoll_fd, control_fd);
  send(control_fd, &port, sizeof port, MSG_NOSIGNAL);
  std::array<epoll_event, 512> events;
  while (true) {
    const int count = epoll_wait(door.epoll_fd, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == control_fd) return;
      if (fd == door.listening_fd) {
        accept_all(door);
      } else {
        answer(door, fd);
      }
    }
  }
}

}  // namespace

BareDoor::BareDoor(Protocol protocol, bool ipv4_only)
    : protocol_(protocol), tally_(1), child_([protocol, ipv4_only, this](int control_fd) {
        serve(control_fd, protocol, ipv4_only, tally_[0]);
      }) {
  child_.await<uint16_t>();  // it listens
}

Target BareDoor::target() const {
  const char* const scheme = protocol_ == Protocol::kWebSocket ? "ws" : "http";
  return parse_target(std::string(scheme) + "://127.0.0.1:" + std::to_string(tally_[0].port.get()) +
                      "/");
}

}  // namespace livehub::bench
