// One core's loop. shard-local; task_box() is a mailbox.
//
// run() is where the program spends its life; its steps are numbered in loop.cc with their reasons.
// Tests: tests/unit/shard/loop_test.cc, and with the real kernel tests/integration/pause.test.mjs.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/histogram.h"
#include "io/io.h"
#include "shard/mailbox.h"

namespace livehub::shard {

// What a loop drives. All on the loop's thread.
class Tenant {
 public:
  virtual ~Tenant() = default;
  // What had come by `read_until_ns` is read: until then, silence is a client's.
  virtual void on_timers(int64_t now_ns, int64_t read_until_ns) = 0;
  virtual int64_t ns_to_next_timer(int64_t now_ns) = 0;
  virtual MailLeft drain_mail() = 0;
  virtual bool has_mail() const = 0;  // anything new; looked at once more before sleeping
  virtual bool flush() = 0;           // true: more can be sent at once
  virtual bool is_finished() const = 0;
};

// Work handed to a shard from any thread (start-up, signals, scrapes): rare, so a lock is fine.
class TaskBox {
 public:
  TaskBox(Doors& doors, uint32_t shard) : doors_(doors), shard_(shard) {}
  void post(std::function<void()> task) {
    {
      const std::lock_guard guard(mutex_);
      tasks_.push_back(std::move(task));
      has_tasks_.store(true, std::memory_order_seq_cst);  // pairs with has_tasks() before sleep
    }
    doors_.knock(shard_);
  }
  bool has_tasks() const { return has_tasks_.load(std::memory_order_seq_cst); }
  void run() {
    if (!has_tasks_.load(std::memory_order_relaxed)) return;
    std::vector<std::function<void()>> tasks;
    {
      const std::lock_guard guard(mutex_);
      tasks.swap(tasks_);
      has_tasks_.store(false, std::memory_order_relaxed);
    }
    for (auto& task : tasks) task();
  }

 private:
  Doors& doors_;
  const uint32_t shard_;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  std::atomic<bool> has_tasks_{false};
};

struct LoopCounters {
  uint64_t turns = 0;
  uint64_t busy_turns = 0;  // did not sleep
  uint64_t awake_ns = 0;
  base::Histogram awake;  // how long a turn took once it was awake
};

class Loop {
 public:
  Loop(uint32_t shard, io::Driver& driver, io::Events& events, Tenant& tenant, Doors& doors,
       TaskBox& tasks)
      : shard_(shard),
        driver_(driver),
        events_(events),
        tenant_(tenant),
        doors_(doors),
        tasks_(tasks),
        last_turn_ns_(driver.now_ns()),
        read_until_ns_(last_turn_ns_) {}

  void run();
  bool turn();  // one turn of run(); what the simulator calls. False when the tenant is finished
  const LoopCounters& counters() const { return counters_; }

 private:
  bool is_catching_up(int64_t waited_ns, bool io_left);
  void note_read(bool io_left);

  const uint32_t shard_;
  io::Driver& driver_;
  io::Events& events_;
  Tenant& tenant_;
  Doors& doors_;
  TaskBox& tasks_;
  bool has_more_ = false;
  bool is_stuck_ = false;  // mail waits for another shard to make room
  int64_t last_turn_ns_;
  int64_t read_until_ns_;  // what had come by then is read
  int64_t round_start_ns_ = 0;
  uint32_t round_turns_left_ = 0;  // 0: a turn left nothing unread
  int64_t catch_up_until_ns_ = 0;  // 0: there was no pause
  LoopCounters counters_;
};

}  // namespace livehub::shard
