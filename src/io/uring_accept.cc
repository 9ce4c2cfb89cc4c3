// Accepting. Not multishot: that one accepts whatever waits in the backlog before we can say stop
// (thousands in one go), and from a full table the kernel drops clients that it has accepted.
// Single ACCEPTs, at most as many as there are slots, need no margin in the table, no cancelling
// when it is full, keep to accepts_per_turn, and bring the peer's address along for nothing.
#include <sys/socket.h>

#include "base/check.h"
#include "io/uring_driver.h"

namespace livehub::io {

void UringDriver::listen(int listening_fd) {
  LIVEHUB_CHECK(gate_.fd() < 0, "a driver has at most one listener");
  gate_.open(listening_fd);
}

// ACCEPTs that complete all the same have accepted a client: it is reported.
void UringDriver::stop_listening() {
  gate_.shut();
  cancel_accepts();
  ring_.submit();
}

void UringDriver::cancel_accepts() {
  for (uint32_t i = 0; i < tokens_.size(); ++i)
    if (tokens_[i].accepting) queue_cancel(pack_user_data(UringTag::kAccept, 0, i));
}

void UringDriver::top_up_accepts() {
  if (gate_.fd() < 0 || free_tokens_.empty() || !gate_.is_open(TurnClock::read_ns())) return;
  // After a shortage one at a time: others would fail as well. But one in any case, even if more
  // are armed: those wait for a new client, and the one that could not be accepted is in the queue
  // already.
  size_t room = was_short_ ? 1 : free_tokens_.size();
  for (; room > 0 && table_.spare() > tokens_.size() - free_tokens_.size(); --room) {
    const uint32_t index = free_tokens_.back();
    free_tokens_.pop_back();
    queue_accept(index);
  }
}

void UringDriver::queue_accept(uint32_t index) {
  Token& token = tokens_[index];
  token = {.address = {}, .address_size = sizeof token.address, .accepting = true};
  io_uring_sqe& sqe = ring_.queue(IORING_OP_ACCEPT, pack_user_data(UringTag::kAccept, 0, index));
  sqe.fd = gate_.fd();
  sqe.addr = reinterpret_cast<uint64_t>(&token.address);
  sqe.addr2 = reinterpret_cast<uint64_t>(&token.address_size);
  if (direct_)
    sqe.file_index = IORING_FILE_INDEX_ALLOC;
  else
    sqe.accept_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
}

void UringDriver::finish_accept(uint32_t token, int32_t result) {
  tokens_[token].accepting = false;
  if (result >= 0) {
    was_short_ = false;
    return accepted_.push({token, result});
  }
  free_tokens_.push_back(token);
  if (result == -ECANCELED || AcceptGate::concerns_one_client(-result)) return;
  was_short_ = true;
  gate_.note_shortage(TurnClock::read_ns());
}

void UringDriver::report_accepted(Events& events) {
  for (size_t left = accepted_.size(); left > 0; --left) {
    const Accepted accepted = accepted_.pop();
    const Socket socket = table_.open(accepted.fd);
    arm_read(socket, *table_.find(socket));
    reported_ = socket;
    reported_token_ = accepted.token;
    events.on_accept(socket, table_.spare());
    reported_ = {};
    free_tokens_.push_back(accepted.token);
  }
}

}  // namespace livehub::io
