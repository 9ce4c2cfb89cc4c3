// One io_uring: setup, submission and reaping, with the traps of these three and nothing of
// sockets. shard-local: made and used on one thread (SINGLE_ISSUER); owned by its driver.
//
// Invariants:
//   1. After submit() the kernel has taken every queued entry: a short submission is continued.
//   2. After reap() the completion queue is empty and nothing waits in the kernel's overflow list;
//      with task work, what was ready has completed, up to a few stragglers that the next wait
//      takes up.
//   3. The sink queues nothing, so that reaping inside of a submission does not recurse.
// Tests: tests/unit/io/uring_test.cc.
#pragma once

#include <cstdint>
#include <string>

#include "io/uring_abi.h"

namespace livehub::io {

class CompletionSink {
 public:
  virtual ~CompletionSink() = default;
  virtual void on_completion(uint64_t user_data, int32_t result, uint32_t flags) = 0;
};

class UringRing {
 public:
  explicit UringRing(CompletionSink& sink) : sink_(&sink) {}
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;
  ~UringRing();

  // False and a sentence where the kernel refuses.
  bool open(uint32_t submissions, uint32_t completions, bool defer_task_work, std::string& why_not);
  // A table of so many direct descriptors; 0 or an errno.
  int register_direct_table(uint32_t count);

  uint32_t submissions_max() const { return ring_.sq.ring_entries; }
  uint32_t completions_max() const { return ring_.cq.ring_entries; }

  // A zeroed entry. queue() submits what is there if the queue is full, try_queue() gives null.
  io_uring_sqe& queue(uint8_t operation, uint64_t user_data);
  io_uring_sqe* try_queue(uint8_t operation, uint64_t user_data);

  void submit();
  // Submits and waits up to wait_ns (0: not at all; < 0: for ever) until there is a completion.
  void submit_and_wait(int64_t wait_ns);
  // Hands every completion to the sink. Operations that completed during their submission are all
  // there; `run_task_work` also completes what became ready since (DEFER_TASKRUN leaves that to
  // us).
  void reap(bool run_task_work);

 private:
  friend struct UringRingPeek;  // tests

  unsigned publish();
  int enter(unsigned submissions, unsigned completions_min, unsigned flags, int64_t wait_ns);
  unsigned kernel_flags() const;
  bool has_completions() const;
  bool drain();

  CompletionSink* sink_;
  io_uring ring_{};
  bool is_open_ = false;
  bool tells_task_work_ = false;  // SQ_TASKRUN is maintained
  unsigned enter_flags_ = 0;      // REGISTERED_RING where the kernel took it
};

}  // namespace livehub::io
