#include "runner_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace livehub::conformance {

using std::chrono::milliseconds;

Socket::Socket(uint16_t port, milliseconds patience)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), patience_(patience) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const std::string why = std::strerror(errno);
    if (fd_ >= 0) close(fd_);
    throw std::runtime_error("cannot connect: " + why);
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Socket::~Socket() { close(fd_); }

bool Socket::wait(short events, milliseconds time) {
  pollfd entry = {fd_, events, 0};
  const int ready = poll(&entry, 1, static_cast<int>(time.count()));
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) return false;
  if ((entry.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && state_ == State::kOpen)
    (void)receive();
  return true;
}

bool Socket::receive() {
  thread_local std::vector<char> buffer(256 << 10);
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) {
    input_.append(buffer.data(), static_cast<size_t>(got));
    return true;
  }
  if (got == 0) {
    state_ = State::kEnded;
  } else if (errno != EAGAIN && errno != EINTR) {
    state_ = State::kReset;
  }
  return false;
}

bool Socket::write(std::string_view bytes, size_t piece_bytes) {
  while (!bytes.empty()) {
    const size_t piece = piece_bytes == 0 ? bytes.size() : std::min(piece_bytes, bytes.size());
    const ssize_t sent = send(fd_, bytes.data(), piece, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      const bool was_reset = errno == ECONNRESET;  // told once: reading on ends like a FIN
      while (receive()) {
      }
      if (was_reset) state_ = State::kReset;
      return false;
    }
    // Once the peer has ended, poll would say so again and again.
    const short events = state_ == State::kOpen ? POLLIN | POLLOUT : POLLOUT;
    if (state_ == State::kReset || !wait(events, patience_)) return false;
  }
  return true;
}

void Socket::end() { shutdown(fd_, SHUT_WR); }

bool Socket::read_until(const std::function<bool()>& enough) {
  while (!enough()) {
    if (state_ != State::kOpen) return true;
    if (!wait(POLLIN, patience_)) return false;
  }
  return true;
}

void Socket::pause(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (state_ == State::kOpen) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return;
    (void)wait(POLLIN, left);
  }
}

void in_parallel(size_t count, size_t jobs, const std::function<void(size_t)>& task) {
  std::atomic<size_t> next = 0;  // pairs with the other lanes; only the numbers matter
  std::vector<std::jthread> lanes;
  for (size_t lane = 0; lane < std::min(jobs, count); ++lane) {
    lanes.emplace_back([&] {
      for (size_t i = next++; i < count; i = next++) task(i);
    });
  }
}

}  // namespace livehub::conformance
