// The driver on plain system calls: level-triggered epoll, accept4, recv, sendmsg. An equal of the
// io_uring one, not a fallback: default container sandboxes refuse io_uring. shard-local (wake():
// mailbox).
//
// Limits: one lent buffer; an event array of Options::receives_per_turn.
// Invariants:
//   1. A socket is in the epoll set exactly while something is wanted of it (receiving, or room to
//      write): the kernel reports EPOLLHUP and EPOLLERR whether asked or not, and a socket that
//      nobody serves would make every wait return at once.
//   2. The listener is in the set exactly while the gate is open and the table has room.
//   3. Events carry the generation, so that those of a socket closed earlier in the same turn are
//      dropped.
//   4. A ready socket is received from once per turn. The kernel puts a reported level-triggered
//      entry at the end of its ready list, so that a full event array is no unfairness.
// Tests: tests/unit/io/contract_*_test.cc.
#pragma once

#include <sys/epoll.h>

#include <vector>

#include "io/accept_gate.h"
#include "io/io.h"
#include "io/socket_options.h"
#include "io/socket_table.h"
#include "io/turn_clock.h"
#include "io/waker.h"

namespace livehub::io {

class EpollDriver final : public Driver {
 public:
  explicit EpollDriver(const Options& options);
  EpollDriver(const EpollDriver&) = delete;
  EpollDriver& operator=(const EpollDriver&) = delete;
  ~EpollDriver() override;

  void listen(int listening_fd) override;
  void stop_listening() override;
  bool turn(int64_t wait_ns, Events& events) override;
  void wake() noexcept override { waker_.wake(); }
  void send_batch(std::span<SendRequest> requests) override;
  void want_writable(Socket socket) override;
  void pause_receive(Socket socket) override;
  void resume_receive(Socket socket) override;
  void shutdown_send(Socket socket) override;
  void close(Socket socket) override;
  void reset(Socket socket) override;
  PeerAddress peer_address(Socket socket) override;

  uint32_t sockets_open() const override { return table_.open_count(); }
  uint32_t sockets_max() const override { return table_.sockets_max(); }
  uint32_t receives_per_turn() const override { return options_.receives_per_turn; }
  const char* name() const override { return "epoll"; }
  int64_t now_ns() const override { return clock_.now_ns(); }
  int64_t read_ns() const override { return TurnClock::read_ns(); }
  int64_t unix_seconds() const override { return clock_.unix_seconds(); }

 private:
  int wait(int64_t wait_ns);
  void watch_listener();
  bool watch(Socket socket, Slot& slot);
  void watch_or_doom(Socket socket, Slot& slot);
  void report_doomed(Events& events);
  void handle(const epoll_event& event, Events& events);
  void accept(Events& events);
  void receive(Socket socket, Slot& slot, Events& events);
  void end_receive(Socket socket, Slot& slot, int error, Events& events);
  void release(Socket socket, Slot& slot);

  const Options options_;
  SocketTable table_;
  Waker waker_;
  AcceptGate gate_;
  TurnClock clock_;
  const int epoll_fd_;
  bool has_pwait2_ = true;
  bool listener_watched_ = false;
  bool more_ = false;  // something is known to be ready beyond this turn
  std::vector<epoll_event> ready_;
  std::vector<char> buffer_;
  std::vector<Socket> doomed_;  // the kernel could not watch them: they end in the next turn
  // Of the client that on_accept() is being called for; so the address survives a client that is
  // gone.
  Socket accepted_;
  SocketAddress accepted_address_{};
};

}  // namespace livehub::io
