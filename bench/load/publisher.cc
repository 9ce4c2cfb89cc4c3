#include "load/publisher.h"

#include <utility>

#include "load/clock.h"
#include "load/publish_loop.h"

namespace livehub::bench {

Publisher::Publisher(PublishPlan plan)
    : plan_(std::move(plan)),
      tally_(1),
      child_([this](int control_fd) { PublishLoop(control_fd, plan_, tally_[0]).run(); }) {}

void Publisher::start(const PublishRun& run) {
  child_.ask(run);
  child_.await<PublishRun>();
}

bool Publisher::await(double seconds_max) const {
  const int64_t deadline_ns = now_ns() + seconds_to_ns(seconds_max);
  while (!is_done()) {
    if (now_ns() > deadline_ns) return false;
    sleep_ms(2);
  }
  return true;
}

}  // namespace livehub::bench
