#include "io/epoll_driver.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace livehub::io {
namespace {

// epoll_data of a socket is generation and index; generation 0 is nobody's.
constexpr uint64_t kWakerData = 0;
constexpr uint64_t kListenerData = 1;

constexpr uint64_t to_data(Socket socket) {
  return uint64_t{socket.generation} << 32 | socket.index;
}
constexpr Socket to_socket(uint64_t data) {
  return {static_cast<uint32_t>(data), static_cast<uint32_t>(data >> 32)};
}

int open_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

int64_t send_now(int fd, const SendRequest& request) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(request.pieces);
  message.msg_iovlen = request.piece_count;
  for (;;) {
    const ssize_t sent = request.piece_count == 1
                             ? ::send(fd, request.pieces->iov_base, request.pieces->iov_len,
                                      MSG_DONTWAIT | MSG_NOSIGNAL)
                             : ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

EpollDriver::EpollDriver(const Options& options)
    : options_(options),
      table_(options.sockets_max),
      epoll_fd_(open_epoll()),
      ready_(options.receives_per_turn),
      buffer_(options.receive_bytes) {
  LIVEHUB_CHECK(
      options.receives_per_turn > 0 && options.receive_bytes > 0 && options.accepts_per_turn > 0,
      "a turn must be allowed to do something");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakerData;
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, waker_.fd(), &event) != 0) {
    const int error = errno;
    ::close(epoll_fd_);
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

EpollDriver::~EpollDriver() {
  table_.for_each([](Socket, Slot& slot) { ::close(slot.fd); });
  ::close(epoll_fd_);
}

void EpollDriver::listen(int listening_fd) {
  LIVEHUB_CHECK(gate_.fd() < 0, "a driver has at most one listener");
  // accept4() must not block where a client has gone between the event and the call.
  ::fcntl(listening_fd, F_SETFL, ::fcntl(listening_fd, F_GETFL) | O_NONBLOCK);
  gate_.open(listening_fd);
}

void EpollDriver::stop_listening() {
  if (std::exchange(listener_watched_, false))
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, gate_.fd(), nullptr);
  gate_.shut();
}

bool EpollDriver::turn(int64_t wait_ns, Events& events) {
  // 1. The listener is watched while it can be accepted from, or a full table would make us spin.
  watch_listener();
  // 2. Wait, unless something is known already; then the time, which everything below goes by.
  const int ready = wait(doomed_.empty() ? wait_ns : 0);
  clock_.refresh();
  more_ = ready == static_cast<int>(ready_.size());
  // 3. What the kernel could not watch ends first: it has waited since the last turn.
  report_doomed(events);
  // 4. Each ready socket once, the listener among them.
  for (int i = 0; i < ready; ++i) handle(ready_[static_cast<size_t>(i)], events);
  return more_;
}

int EpollDriver::wait(int64_t wait_ns) {
  wait_ns = gate_.bound_wait(wait_ns, TurnClock::read_ns());
  const int room = static_cast<int>(ready_.size());
  int ready = -1;
  if (has_pwait2_) {
    const timespec limit{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
    ready = ::epoll_pwait2(epoll_fd_, ready_.data(), room, wait_ns < 0 ? nullptr : &limit, nullptr);
    // An older kernel has no such call, an older container sandbox does not permit what it does not
    // know.
    has_pwait2_ = ready >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!has_pwait2_) {
    const int64_t wait_ms = wait_ns < 0 ? -1 : (wait_ns + 999'999) / 1'000'000;
    ready = ::epoll_wait(epoll_fd_, ready_.data(), room, static_cast<int>(wait_ms));
  }
  LIVEHUB_CHECK(ready >= 0 || errno == EINTR, "waiting fails only for a signal");
  return ready < 0 ? 0 : ready;
}

void EpollDriver::watch_listener() {
  const bool wanted = !table_.is_full() && gate_.is_open(TurnClock::read_ns());
  if (wanted == listener_watched_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kListenerData;
  if (::epoll_ctl(epoll_fd_, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, gate_.fd(), &event) == 0)
    listener_watched_ = wanted;
  else
    gate_.note_shortage(TurnClock::read_ns());
}

// Makes the epoll set match what is wanted of a socket (invariant 1). False with Slot::error set if
// the kernel has no memory for it; only entering the set can fail.
bool EpollDriver::watch(Socket socket, Slot& slot) {
  uint16_t wanted =
      slot.has(Slot::kPaused | Slot::kEnded) ? uint16_t{0} : uint16_t{Slot::kReadWatched};
  if (slot.has(Slot::kWantsWritable)) wanted |= Slot::kWriteWatched;
  const uint16_t watched = slot.flags & (Slot::kReadWatched | Slot::kWriteWatched);
  if (wanted == watched) return true;
  epoll_event event{};
  if (wanted & Slot::kReadWatched) event.events |= EPOLLIN | EPOLLRDHUP;
  if (wanted & Slot::kWriteWatched) event.events |= EPOLLOUT;
  event.data.u64 = to_data(socket);
  const int operation = !watched ? EPOLL_CTL_ADD : !wanted ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_fd_, operation, slot.fd, &event) != 0) {
    slot.error = static_cast<uint8_t>(errno);
    return false;
  }
  slot.clear(watched);
  slot.set(wanted);
  return true;
}

void EpollDriver::watch_or_doom(Socket socket, Slot& slot) {
  if (!watch(socket, slot)) doomed_.push_back(socket);
}

void EpollDriver::report_doomed(Events& events) {
  for (const Socket socket : std::exchange(doomed_, {})) {
    Slot* slot = table_.find(socket);
    if (!slot) continue;
    if (!slot->has(Slot::kEnded)) {
      end_receive(socket, *slot, slot->error, events);
    } else if (slot->has(Slot::kWantsWritable)) {
      slot->clear(Slot::kWantsWritable);
      events.on_writable(socket);
    }
  }
}

void EpollDriver::handle(const epoll_event& event, Events& events) {
  if (event.data.u64 == kWakerData) return waker_.acknowledge(true);
  if (event.data.u64 == kListenerData) return accept(events);
  const Socket socket = to_socket(event.data.u64);
  Slot* slot = table_.find(socket);
  if (slot && (event.events & ~uint32_t{EPOLLOUT}) && !slot->has(Slot::kPaused | Slot::kEnded)) {
    receive(socket, *slot, events);
    slot = table_.find(socket);  // the callback may have closed it
  }
  if (slot && (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) &&
      slot->has(Slot::kWantsWritable)) {
    slot->clear(Slot::kWantsWritable);
    watch(socket, *slot);  // leaves the set or changes its mask: cannot fail
    events.on_writable(socket);
  }
}

void EpollDriver::accept(Events& events) {
  for (uint32_t i = 0; i < options_.accepts_per_turn; ++i) {
    if (table_.is_full() || gate_.fd() < 0) return;
    socklen_t size = sizeof accepted_address_;
    accepted_address_.any.sa_family = AF_UNSPEC;
    const int fd =
        ::accept4(gate_.fd(), &accepted_address_.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN) return;
      if (AcceptGate::concerns_one_client(errno)) continue;
      return gate_.note_shortage(clock_.now_ns());
    }
    accepted_ = table_.open(fd);
    Slot& slot = *table_.find(accepted_);
    if (!watch(accepted_, slot)) {
      release(accepted_, slot);
      return gate_.note_shortage(clock_.now_ns());
    }
    events.on_accept(accepted_, table_.spare());
    accepted_ = {};
  }
  more_ = true;
}

void EpollDriver::receive(Socket socket, Slot& slot, Events& events) {
  const ssize_t got = ::recv(slot.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got > 0) {
    if (static_cast<size_t>(got) == buffer_.size()) more_ = true;
    return events.on_receive(socket, {buffer_.data(), static_cast<size_t>(got)});
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // A send that failed has taken the socket's error with it; what is left here looks like an
  // orderly end.
  end_receive(socket, slot, got < 0 ? errno : slot.error, events);
}

void EpollDriver::end_receive(Socket socket, Slot& slot, int error, Events& events) {
  slot.set(Slot::kEnded);
  watch(socket, slot);  // leaves the set or changes its mask: cannot fail
  events.on_receive_end(socket, error);
}

void EpollDriver::send_batch(std::span<SendRequest> requests) {
  for (SendRequest& request : requests) {
    Slot* slot = table_.find(request.socket);
    settle_send(request, slot ? send_now(slot->fd, request) : -EBADF);
    if (slot && request.error) slot->error = static_cast<uint8_t>(request.error);
  }
}

void EpollDriver::want_writable(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  slot->set(Slot::kWantsWritable);
  watch_or_doom(socket, *slot);
}

void EpollDriver::pause_receive(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  slot->set(Slot::kPaused);
  watch_or_doom(socket, *slot);
}

void EpollDriver::resume_receive(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  slot->clear(Slot::kPaused);
  watch_or_doom(socket, *slot);
}

void EpollDriver::shutdown_send(Socket socket) {
  if (Slot* slot = table_.find(socket)) ::shutdown(slot->fd, SHUT_WR);
}

void EpollDriver::close(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  if (!slot->has(Slot::kEnded)) discard_received(slot->fd);
  release(socket, *slot);
}

void EpollDriver::reset(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  set_reset_on_close(slot->fd);
  release(socket, *slot);
}

void EpollDriver::release(Socket socket, Slot& slot) {
  ::close(slot.fd);  // leaves the epoll set with it: nobody else holds the file
  table_.begin_close(slot);
  table_.release(socket.index);
  gate_.note_close();
}

PeerAddress EpollDriver::peer_address(Socket socket) {
  if (socket.generation != 0 && socket == accepted_) return to_peer_address(accepted_address_);
  Slot* slot = table_.find(socket);
  return slot ? peer_address_of(slot->fd) : PeerAddress{};
}

std::unique_ptr<Driver> make_epoll_driver(const Options& options) {
  return std::make_unique<EpollDriver>(options);
}

}  // namespace livehub::io
