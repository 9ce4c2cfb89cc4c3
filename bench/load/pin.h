// Keeps the measured process and the generator on CPUs of their own: left to the scheduler, a
// delivery costs half as much again in the turns in which a client process happens to share the
// server's CPU.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <vector>

namespace livehub::bench {

class Pinning {
 public:
  Pinning() = default;
  Pinning(const Pinning&) = delete;
  Pinning& operator=(const Pinning&) = delete;
  ~Pinning();  // gives every thread its CPUs back

  // The first CPU that this process may use; nothing where there is only one.
  void pin_measured(pid_t pid);
  // All CPUs but that one.
  void pin_generator(pid_t pid);

 private:
  struct Before {
    pid_t thread;
    cpu_set_t cpus;
  };
  void pin(pid_t pid, const cpu_set_t& cpus);

  std::vector<Before> before_;
};

}  // namespace livehub::bench
