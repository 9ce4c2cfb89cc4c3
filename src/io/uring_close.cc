// Closing, and what needs a descriptor of the ordinary kind for a moment.
//
// close() of a socket with a request armed leaves the connection open, as the request holds the
// file. So polls are cancelled first, in the same submission, and the FIN goes out when their
// completions have been run (in the next turn). The slot is kept until all completions are here.
//
// ASYNC_CANCEL, not POLL_REMOVE: a poll that has fired, but whose completion has not been run yet,
// answers POLL_REMOVE with EALREADY, then looks at the socket again, finds the bytes received (or
// the room filled) meanwhile, and goes on waiting: nobody takes it back any more, and the
// connection stays open. ASYNC_CANCEL leaves a mark in the poll that ends it in any state.
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "io/uring_driver.h"

namespace livehub::io {
namespace {

constexpr int32_t kNoResult = INT32_MIN;
constexpr linger kResetOnClose{.l_onoff = 1, .l_linger = 0};
// 20,000 closes take tens of milliseconds; an operation that a worker holds may take a moment
// longer.
constexpr int kCloseAllTries = 1000;
constexpr int64_t kCloseAllWaitNs = 10'000'000;

}  // namespace

void UringDriver::close(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  if (!slot->has(Slot::kEnded)) {
    // As discard_received(): what has arrived and stays unread would turn our FIN into a RST, which
    // costs the peer the tail of what we sent. Only what has arrived; a peer that goes on sending
    // is the business of the rooms above, who shutdown_send() and read on for a while.
    io_uring_sqe& sqe = ring_.queue(IORING_OP_RECV, pack_user_data(UringTag::kIgnore, socket));
    aim(sqe, *slot);
    sqe.len = 1u << 30;
    sqe.msg_flags = MSG_DONTWAIT | MSG_TRUNC;
    if (skip_success_) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  }
  let_go(socket, *slot);
}

void UringDriver::reset(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  if (direct_) {
    // The fields of struct io_uring_sqe by their later names: level, optname, optlen, optval. A
    // kernel before 6.7 refuses this, and then the close is an orderly one.
    io_uring_sqe& sqe = ring_.queue(IORING_OP_URING_CMD, pack_user_data(UringTag::kIgnore, socket));
    aim(sqe, *slot);
    sqe.cmd_op = kSocketCommandSetOption;
    sqe.addr = uint64_t{SO_LINGER} << 32 | SOL_SOCKET;
    sqe.file_index = sizeof kResetOnClose;
    sqe.addr3 = reinterpret_cast<uint64_t>(&kResetOnClose);
  } else {
    set_reset_on_close(slot->fd);
  }
  let_go(socket, *slot);
}

void UringDriver::let_go(Socket socket, Slot& slot) {
  if (slot.has(Slot::kReadWatched)) queue_cancel(pack_user_data(UringTag::kPollIn, socket));
  if (slot.has(Slot::kWriteWatched)) queue_cancel(pack_user_data(UringTag::kPollOut, socket));
  io_uring_sqe& sqe = ring_.queue(IORING_OP_CLOSE, pack_user_data(UringTag::kClose, socket));
  if (direct_)
    sqe.file_index = static_cast<uint32_t>(slot.fd) + 1;
  else
    sqe.fd = slot.fd;
  ++slot.in_flight;
  if (slot.has(Slot::kStashed)) stashes_.erase(socket.index);
  table_.begin_close(slot);
}

// By user_data: looking for a descriptor would walk over all armed requests.
void UringDriver::queue_cancel(uint64_t user_data) {
  io_uring_sqe& sqe = ring_.queue(IORING_OP_ASYNC_CANCEL, pack_user_data(UringTag::kIgnore, 0, 0));
  sqe.fd = -1;
  sqe.addr = user_data;
  if (skip_success_) sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

// Submits the entry queued last, tagged kAwaited, and returns its result.
int UringDriver::await_result() {
  awaited_result_ = kNoResult;
  ring_.submit();
  ring_.reap(false);
  while (awaited_result_ == kNoResult) {
    ring_.submit_and_wait(-1);
    ring_.reap(true);
  }
  return awaited_result_;
}

// An ordinary descriptor for a direct one, at once; -errno where none is free or the kernel is
// before 6.8.
int UringDriver::install_plain(const Slot& slot) {
  aim(ring_.queue(kOpFixedFdInstall, pack_user_data(UringTag::kAwaited, 0, 0)), slot);
  return await_result();
}

void UringDriver::shutdown_send(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot) return;
  const int fd = direct_ ? install_plain(*slot) : slot->fd;
  if (fd >= 0) {
    ::shutdown(fd, SHUT_WR);
    if (direct_) ::close(fd);
    return;
  }
  // The ring's own way, through a kernel worker (6.8 us). It has to be waited for: the worker looks
  // up the direct descriptor when it runs, and must not find the connection that came after this
  // one.
  io_uring_sqe& sqe = ring_.queue(IORING_OP_SHUTDOWN, pack_user_data(UringTag::kAwaited, 0, 0));
  aim(sqe, *slot);
  sqe.len = SHUT_WR;
  await_result();
}

PeerAddress UringDriver::peer_address(Socket socket) {
  if (socket.generation != 0 && socket == reported_)
    return to_peer_address(tokens_[reported_token_].address);
  Slot* slot = table_.find(socket);
  if (!slot) return {};
  const int fd = direct_ ? install_plain(*slot) : slot->fd;
  if (fd < 0) return {};
  PeerAddress peer = peer_address_of(fd);
  if (direct_) ::close(fd);
  return peer;
}

// The end of the driver: the kernel writes into tokens until their ACCEPTs have completed, and
// peers should see their FIN now and not when the ring's remains are cleared away.
void UringDriver::close_all() {
  if (gate_.fd() >= 0) stop_listening();
  table_.for_each([this](Socket socket, Slot&) { close(socket); });
  for (int tries = 0; tries < kCloseAllTries; ++tries) {
    while (!accepted_.empty()) {
      const Accepted accepted = accepted_.pop();
      free_tokens_.push_back(accepted.token);
      close(table_.open(accepted.fd));
    }
    if (table_.is_empty() && free_tokens_.size() == tokens_.size()) return;
    ring_.submit_and_wait(kCloseAllWaitNs);
    ring_.reap(true);
    cancel_accepts();  // a cancel that failed is not heard of
  }
  LIVEHUB_CHECK(free_tokens_.size() == tokens_.size(), "the kernel lets go of what it was lent");
}

}  // namespace livehub::io
