#include "load/pin.h"

#include "load/proc.h"

namespace livehub::bench {

namespace {

struct Halves {
  cpu_set_t first;
  cpu_set_t others;
  bool are_two = false;
};

Halves halves_of_machine() {
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  Halves halves{};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    const bool is_first = CPU_COUNT(&halves.first) == 0;
    CPU_SET(cpu, is_first ? &halves.first : &halves.others);
    halves.are_two = !is_first;
  }
  return halves;
}

}  // namespace

Pinning::~Pinning() {
  for (const Before& one : before_) sched_setaffinity(one.thread, sizeof one.cpus, &one.cpus);
}

void Pinning::pin_measured(pid_t pid) {
  if (const Halves halves = halves_of_machine(); halves.are_two) pin(pid, halves.first);
}

void Pinning::pin_generator(pid_t pid) {
  if (const Halves halves = halves_of_machine(); halves.are_two) pin(pid, halves.others);
}

void Pinning::pin(pid_t pid, const cpu_set_t& cpus) {
  for (const pid_t thread : thread_ids(pid)) {
    Before before{.thread = thread, .cpus = {}};
    if (sched_getaffinity(thread, sizeof before.cpus, &before.cpus) != 0) continue;
    before_.push_back(before);
    sched_setaffinity(thread, sizeof cpus, &cpus);
  }
}

}  // namespace livehub::bench
