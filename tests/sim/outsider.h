// Something beside the simulated server that acts by itself, as a process of its own would: a
// backend, a broker. One thread.
#pragma once

#include <cstdint>

namespace livehub::sim {

class Outsider {
 public:
  virtual ~Outsider() = default;
  virtual bool is_active() const = 0;
  virtual bool act() = 0;  // one thing; false: there was nothing to do
  virtual int64_t due_ns() const = 0;
  // Throws what the server did wrong with it: thrown where it happens, it would end in a
  // coroutine, and the process.
  virtual void check() const = 0;
};

}  // namespace livehub::sim
