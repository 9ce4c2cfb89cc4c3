#include "io/uring_driver.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "io/uring_probe.h"

namespace livehub::io {
namespace {

constexpr uint32_t kSubmissions = 1024;
constexpr uint32_t kCompletionsMax = 65'536;

// One for each socket, as after a stall in which all became ready; more than that (polls for room,
// closes) go through the kernel's overflow list, which costs time and loses nothing.
uint32_t completions_for(uint32_t sockets_max) {
  return std::bit_ceil(std::clamp(sockets_max, 2 * kSubmissions, kCompletionsMax));
}

// The kernel bounds a table of direct descriptors by the limit of ordinary ones.
uint32_t direct_table_size(uint32_t sockets_max) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return sockets_max;
  return static_cast<uint32_t>(std::min<rlim_t>(sockets_max, limit.rlim_cur));
}

}  // namespace

std::unique_ptr<UringDriver> UringDriver::make(const Options& options, const Ways& ways,
                                               std::string& why_not) {
  const uint32_t sockets_max =
      ways.direct_descriptors ? direct_table_size(options.sockets_max) : options.sockets_max;
  std::unique_ptr<UringDriver> driver(new UringDriver(options, sockets_max, ways));
  if (!driver->open(ways.defer_task_work, why_not)) return nullptr;
  return driver;
}

UringDriver::UringDriver(const Options& options, uint32_t sockets_max, const Ways& ways)
    : options_(options),
      table_(sockets_max),
      ring_(*this),
      direct_(ways.direct_descriptors),
      skip_success_(ways.skip_success),
      tokens_(std::min(options.accepts_per_turn, kTokensMax)),
      group_max_(static_cast<uint32_t>(
          std::clamp<size_t>(kBufferBytesMax / std::max(options.receive_bytes, 1u), 1, kGroupMax))),
      buffers_(size_t{group_max_} * options.receive_bytes) {
  LIVEHUB_CHECK(
      options.receives_per_turn > 0 && options.receive_bytes > 0 && options.accepts_per_turn > 0,
      "a turn must be allowed to do something");
  for (uint32_t i = 0; i < tokens_.size(); ++i)
    free_tokens_.push_back(static_cast<uint32_t>(tokens_.size()) - 1 - i);
}

bool UringDriver::open(bool defer_task_work, std::string& why_not) {
  const uint32_t completions = completions_for(table_.sockets_max());
  if (!ring_.open(kSubmissions, completions, defer_task_work, why_not)) return false;
  // The probe made a small table; a refusal of this one is a limit, and ordinary descriptors will
  // do.
  if (direct_ && ring_.register_direct_table(table_.sockets_max()) != 0) direct_ = false;
  messages_.resize(ring_.submissions_max());
  return true;
}

UringDriver::~UringDriver() { close_all(); }

bool UringDriver::turn(int64_t wait_ns, Events& events) {
  // 1. Queue what this turn waits for, beside the polls that the last one left in the queue.
  arm_wake();
  top_up_accepts();
  // 2. Submit and wait, unless something is known to be ready; then the time, which all below goes
  // by.
  const bool is_ready = !accepted_.empty() || !writable_.empty() || !ready_.empty();
  ring_.submit_and_wait(is_ready ? 0 : gate_.bound_wait(wait_ns, TurnClock::read_ns()));
  ring_.reap(true);
  clock_.refresh();
  if (std::exchange(woken_, false)) waker_.acknowledge(false);
  // 3. New clients first: refusing them clearly is what a full table needs most.
  report_accepted(events);
  // 4. Room before bytes: what blocked connections still hold is older than what is about to be
  // read.
  report_writable(events);
  receive_ready(events);
  return !accepted_.empty() || !writable_.empty() || !ready_.empty();
}

void UringDriver::on_completion(uint64_t user_data, int32_t result, uint32_t flags) {
  const UringTag tag = tag_of(user_data);
  const uint32_t index = static_cast<uint32_t>(user_data);
  switch (tag) {
    case UringTag::kSend:
      return finish_send(user_data, result);
    case UringTag::kReceive:
      group_.results[index] = result;
      return;
    case UringTag::kPollIn:
    case UringTag::kPollOut:
    case UringTag::kClose:
      return finish_operation(tag, socket_of(user_data));
    case UringTag::kAccept:
      return finish_accept(index, result);
    case UringTag::kAwaited:
      awaited_result_ = result;
      return;
    case UringTag::kWake:
      woken_ = true;
      wake_armed_ = (flags & IORING_CQE_F_MORE) != 0;
      return;
    case UringTag::kIgnore:
      return;
  }
}

// A poll's result is not looked at: ready, broken or refused for lack of memory, the next receive
// or send says what is true.
void UringDriver::finish_operation(UringTag tag, Socket socket) {
  Slot* slot = table_.find_live(socket);
  if (!slot) return;
  --slot->in_flight;
  if (slot->has(Slot::kClosing)) {
    if (slot->in_flight > 0) return;
    table_.release(socket.index);
    gate_.note_close();
  } else if (tag == UringTag::kPollIn) {
    slot->clear(Slot::kReadWatched);
    if (!slot->has(Slot::kPaused | Slot::kEnded)) make_ready(socket, *slot);
  } else if (tag == UringTag::kPollOut) {
    slot->clear(Slot::kWriteWatched);
    writable_.push(socket);
  }
}

// A multishot poll reports each write to the eventfd (it is edge-triggered), so that its counter is
// never read: one system call less for each wake.
void UringDriver::arm_wake() {
  if (std::exchange(wake_armed_, true)) return;
  io_uring_sqe& sqe = ring_.queue(IORING_OP_POLL_ADD, pack_user_data(UringTag::kWake, 0, 0));
  sqe.fd = waker_.fd();
  sqe.poll32_events = POLLIN;
  sqe.len = IORING_POLL_ADD_MULTI;
}

void UringDriver::aim(io_uring_sqe& sqe, const Slot& slot) const {
  sqe.fd = slot.fd;
  if (direct_) sqe.flags |= IOSQE_FIXED_FILE;
}

io_uring_sqe& UringDriver::queue_for(uint8_t operation, UringTag tag, Socket socket, Slot& slot) {
  io_uring_sqe& sqe = ring_.queue(operation, pack_user_data(tag, socket));
  aim(sqe, slot);
  ++slot.in_flight;
  return sqe;
}

std::unique_ptr<Driver> make_uring_driver(const Options& options, std::string& why_not) {
  const UringProbe& probe = cached_uring_probe();
  why_not = probe.why;
  if (!probe.usable) return nullptr;
  const UringDriver::Ways ways{
      .direct_descriptors = options.direct_descriptors && probe.direct_descriptors,
      .skip_success = probe.skip_success_is_safe};
  try {
    return UringDriver::make(options, ways, why_not);
  } catch (const std::system_error& error) {
    why_not = error.what();
    return nullptr;
  }
}

}  // namespace livehub::io
