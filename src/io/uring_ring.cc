#include "io/uring_ring.h"

#include <signal.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/check.h"

namespace livehub::io {
namespace {

constexpr unsigned kAlways = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
// Best first; a kernel that does not know a flag answers EINVAL. SUBMIT_ALL: one entry that is
// refused does not stop those behind it.
constexpr unsigned kSetups[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_SUBMIT_ALL,                                                      // Linux 6.1
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,  // 5.19
    0,
};
// EXT_ARG: a timeout without an entry for it (5.11). NODROP: an overflowing queue loses nothing
// (5.5).
constexpr unsigned kFeatures = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL;

std::string explain(int error) {
  switch (error) {
    case ENOSYS:
      return "this kernel has no io_uring";
    case EPERM:
    case EACCES:
      return "io_uring is not permitted here (a container's seccomp filter, or "
             "kernel.io_uring_disabled)";
    case ENOMEM:
      return "no memory for an io_uring (RLIMIT_MEMLOCK on older kernels)";
    default:
      return std::string("io_uring cannot be set up: ") + strerrordesc_np(error);
  }
}

}  // namespace

UringRing::~UringRing() {
  if (is_open_) ::io_uring_queue_exit(&ring_);
}

bool UringRing::open(uint32_t submissions, uint32_t completions, bool defer_task_work,
                     std::string& why_not) {
  int error = EINVAL;
  for (const unsigned setup : kSetups) {
    if (!defer_task_work && (setup & IORING_SETUP_DEFER_TASKRUN)) continue;
    io_uring_params params{};
    params.flags = setup | kAlways;
    params.cq_entries = completions;
    error = -::io_uring_queue_init_params(submissions, &ring_, &params);
    if (error != EINVAL) break;
  }
  if (error) {
    why_not = explain(error);
    return false;
  }
  is_open_ = true;
  if ((ring_.features & kFeatures) != kFeatures) {
    why_not = "this kernel's io_uring is too old (5.11 is needed)";
    return false;
  }
  tells_task_work_ = (ring_.flags & IORING_SETUP_TASKRUN_FLAG) != 0;
  // Entries are used in order, so the indirection never changes. Newer libraries may leave it out.
  for (unsigned i = 0; ring_.sq.array && i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
  if (::io_uring_register_ring_fd(&ring_) == 1) enter_flags_ = IORING_ENTER_REGISTERED_RING;
  return true;
}

int UringRing::register_direct_table(uint32_t count) {
  return -::io_uring_register_files_sparse(&ring_, count);
}

io_uring_sqe* UringRing::try_queue(uint8_t operation, uint64_t user_data) {
  io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
  if (!sqe) return nullptr;
  std::memset(sqe, 0, sizeof *sqe);
  sqe->opcode = operation;
  sqe->user_data = user_data;
  return sqe;
}

io_uring_sqe& UringRing::queue(uint8_t operation, uint64_t user_data) {
  if (io_uring_sqe* sqe = try_queue(operation, user_data)) return *sqe;
  submit();
  return *try_queue(operation, user_data);
}

// Shows the queued entries to the kernel; how many it has not taken yet. By hand instead of by
// io_uring_submit_and_wait_timeout(): that of 2.3 waits twice as long where the first wait
// submitted too.
unsigned UringRing::publish() {
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  ring_.sq.sqe_head = ring_.sq.sqe_tail;
  return ring_.sq.sqe_tail - io_uring_smp_load_acquire(ring_.sq.khead);
}

int UringRing::enter(unsigned submissions, unsigned completions_min, unsigned flags,
                     int64_t wait_ns) {
  __kernel_timespec limit{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
  io_uring_getevents_arg argument{};
  argument.sigmask_sz = _NSIG / 8;
  if (wait_ns > 0) argument.ts = reinterpret_cast<uint64_t>(&limit);
  const bool has_argument = (flags & IORING_ENTER_EXT_ARG) != 0;
  const int result = ::io_uring_enter2(
      static_cast<unsigned>(ring_.enter_ring_fd), submissions, completions_min,
      flags | enter_flags_, has_argument ? reinterpret_cast<sigset_t*>(&argument) : nullptr,
      has_argument ? sizeof argument : _NSIG / 8);
  LIVEHUB_CHECK(result != -EEXIST, "a driver is used on the thread that made it");
  // The overflow list could not be extended: a short send may have gone unreported.
  LIVEHUB_CHECK(result != -EBADR, "the kernel has memory to keep every completion");
  return result;
}

void UringRing::submit() {
  while (const unsigned queued = publish()) {
    const int taken = enter(queued, 0, 0, 0);
    if (taken >= 0 || taken == -EINTR) continue;
    // EBUSY: completions have to be read first. EAGAIN: no memory for requests; the kernel frees
    // some.
    LIVEHUB_CHECK(taken == -EBUSY || taken == -EAGAIN,
                  "io_uring takes what its own thread gives it");
    reap(true);
    if (taken == -EAGAIN) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
}

void UringRing::submit_and_wait(int64_t wait_ns) {
  const unsigned queued = publish();
  if (has_completions()) wait_ns = 0;
  const bool nothing_to_do = queued == 0 && wait_ns == 0 && tells_task_work_ &&
                             !(kernel_flags() & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN));
  if (nothing_to_do) return;
  // Interrupted, timed out, or fewer entries taken than offered: what is left is submitted without
  // waiting.
  enter(queued, wait_ns == 0 ? 0 : 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, wait_ns);
  submit();
}

unsigned UringRing::kernel_flags() const {
  return __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
}

bool UringRing::has_completions() const {
  return *ring_.cq.khead != io_uring_smp_load_acquire(ring_.cq.ktail);
}

bool UringRing::drain() {
  const unsigned start = *ring_.cq.khead;
  unsigned head = start;
  for (;;) {
    const unsigned tail = io_uring_smp_load_acquire(ring_.cq.ktail);
    if (head == tail) return head != start;
    for (; head != tail; ++head) {
      const io_uring_cqe& cqe = ring_.cq.cqes[head & ring_.cq.ring_mask];
      sink_->on_completion(cqe.user_data, cqe.res, cqe.flags);
    }
    io_uring_smp_store_release(ring_.cq.khead, head);
  }
}

// The kernel runs about 20 pieces of task work per call, so that one call is not enough. But
// SQ_TASKRUN alone is no reason to go on: another thread that adds work sets the flag after adding,
// when we may have run the work already, and a flag without work is cleared by the next work only.
// So: until a call brings nothing.
void UringRing::reap(bool run_task_work) {
  const unsigned unfinished = IORING_SQ_CQ_OVERFLOW | (run_task_work ? IORING_SQ_TASKRUN : 0u);
  drain();
  while (kernel_flags() & unfinished) {
    enter(0, 0, IORING_ENTER_GETEVENTS, 0);
    if (!drain()) return;
  }
}

}  // namespace livehub::io
