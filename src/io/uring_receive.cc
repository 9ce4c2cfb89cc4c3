// Receiving and readiness: polls, groups of receives, pauses.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "base/check.h"
#include "io/uring_driver.h"

namespace livehub::io {
namespace {

constexpr int32_t kNoResult = INT_MIN;

// The kernel had nothing, or no memory: the poll that is armed next looks again.
bool says_later(int32_t result) {
  return result == -EAGAIN || result == -EINTR || result == -ENOMEM || result == -ENOBUFS;
}

}  // namespace

// Arming looks at the readiness there is, so that nothing is missed between a receive and its poll.
void UringDriver::arm_read(Socket socket, Slot& slot) {
  if (slot.has(Slot::kReadWatched | Slot::kQueued | Slot::kPaused | Slot::kEnded)) return;
  slot.set(Slot::kReadWatched);
  queue_for(IORING_OP_POLL_ADD, UringTag::kPollIn, socket, slot).poll32_events = POLLIN | POLLRDHUP;
}

void UringDriver::make_ready(Socket socket, Slot& slot) {
  if (slot.has(Slot::kQueued)) return;
  slot.set(Slot::kQueued);
  ready_.push(socket);
}

void UringDriver::want_writable(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot || slot->has(Slot::kWantsWritable)) return;
  slot->set(Slot::kWantsWritable);
  if (slot->has(Slot::kWriteWatched)) return;
  slot->set(Slot::kWriteWatched);
  queue_for(IORING_OP_POLL_ADD, UringTag::kPollOut, socket, *slot).poll32_events = POLLOUT;
}

void UringDriver::report_writable(Events& events) {
  for (size_t left = std::min<size_t>(writable_.size(), options_.receives_per_turn); left > 0;
       --left) {
    const Socket socket = writable_.pop();
    Slot* slot = table_.find(socket);
    if (!slot || !slot->has(Slot::kWantsWritable)) continue;
    slot->clear(Slot::kWantsWritable);
    events.on_writable(socket);
  }
}

// A poll that is armed stays so; if it completes during the pause, resuming arms the next.
void UringDriver::pause_receive(Socket socket) {
  if (Slot* slot = table_.find(socket)) slot->set(Slot::kPaused);
}

void UringDriver::resume_receive(Socket socket) {
  Slot* slot = table_.find(socket);
  if (!slot || !slot->has(Slot::kPaused)) return;
  slot->clear(Slot::kPaused);
  if (slot->has(Slot::kStashed))
    make_ready(socket, *slot);
  else
    arm_read(socket, *slot);
}

// As many as are ready now; what comes back to the queue meanwhile is for the next turn.
void UringDriver::receive_ready(Events& events) {
  size_t queued = ready_.size();
  uint32_t budget = options_.receives_per_turn;
  while (queued > 0 && budget > 0) {
    fill_group(queued, std::min(budget, group_max_));
    budget -= group_.count;
    ring_.submit();
    ring_.reap(false);
    // By index: callbacks may close sockets of the group, and send (but never receive).
    for (uint32_t place = 0; place < group_.count; ++place) deliver(place, events);
  }
}

void UringDriver::fill_group(size_t& queued, uint32_t count_max) {
  group_.count = 0;
  for (; queued > 0 && group_.count < count_max; --queued) {
    const Socket socket = ready_.pop();
    Slot* slot = table_.find(socket);
    if (!slot) continue;
    slot->clear(Slot::kQueued);
    if (!slot->has(Slot::kPaused | Slot::kEnded)) queue_receive(socket, *slot);
  }
}

void UringDriver::queue_receive(Socket socket, Slot& slot) {
  const uint32_t place = group_.count++;
  group_.sockets[place] = socket;
  group_.results[place] = kNoResult;
  if (slot.has(Slot::kStashed)) {
    const auto stash = stashes_.extract(socket.index);
    slot.clear(Slot::kStashed);
    std::memcpy(buffer(place), stash.mapped().data(), stash.mapped().size());
    group_.results[place] = static_cast<int32_t>(stash.mapped().size());
    return;
  }
  io_uring_sqe& sqe = ring_.queue(IORING_OP_RECV, pack_user_data(UringTag::kReceive, 0, place));
  aim(sqe, slot);
  sqe.addr = reinterpret_cast<uint64_t>(buffer(place));
  sqe.len = options_.receive_bytes;
  sqe.msg_flags = MSG_DONTWAIT;  // completes during its submission, as sends do
}

void UringDriver::deliver(uint32_t place, Events& events) {
  const Socket socket = group_.sockets[place];
  const int32_t result = group_.results[place];
  LIVEHUB_CHECK(result != kNoResult, "a receive completes during its submission");
  Slot* slot = table_.find(socket);
  if (!slot) return;  // an earlier callback closed it
  if (result > 0) {
    const std::span<char> bytes(buffer(place), static_cast<size_t>(result));
    if (slot->has(Slot::kPaused)) return stash(socket, *slot, bytes);
    events.on_receive(socket, bytes);
    slot = table_.find(socket);
    if (!slot) return;
  } else if (!says_later(result)) {
    // A send that failed has taken the socket's error with it; what is left looks like an orderly
    // end.
    return end_receive(socket, *slot, result < 0 ? -result : slot->error, events);
  }
  const bool is_full = result > 0 && static_cast<uint32_t>(result) == options_.receive_bytes;
  if (is_full && !slot->has(Slot::kReadWatched | Slot::kPaused))
    make_ready(socket, *slot);
  else
    arm_read(socket, *slot);
}

void UringDriver::end_receive(Socket socket, Slot& slot, int error, Events& events) {
  if (slot.has(Slot::kPaused)) {
    // The next receive says the same again, except for an error: reading has cleared it.
    slot.error = static_cast<uint8_t>(error);
    return;
  }
  slot.set(Slot::kEnded);
  events.on_receive_end(socket, error);
}

// Another socket's callback paused this one after its bytes had been received: they wait for the
// resume. At most one buffer per socket, and only within a group.
void UringDriver::stash(Socket socket, Slot& slot, std::span<const char> bytes) {
  slot.set(Slot::kStashed);
  stashes_[socket.index].assign(bytes.begin(), bytes.end());
}

}  // namespace livehub::io
