// When a NATS server is dialled next, and how many attempts in a row came to nothing: at once after
// a link that lasted, otherwise after a pause that doubles. A server that accepts and hangs up is
// thus not dialled without end. one thread. Tests: tests/unit/source/nats_redial_test.cc.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace livehub::source {

class NatsRedial {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kFirst{50};  // the first pause, up to
  static constexpr std::chrono::milliseconds kLasting{
      1000};  // a link shorter than this is a failure

  explicit NatsRedial(int64_t pause_ms_max) : pause_max_(pause_ms_max) {}

  Clock::time_point at() const { return at_; }
  uint32_t failures() const { return failures_; }  // in a row

  void succeeded(Clock::time_point now) { up_since_ = now; }
  // A dial failed, or a link was lost.
  void failed(Clock::time_point now) {
    const bool has_lasted = up_since_ && now - *up_since_ >= kLasting;
    up_since_.reset();
    failures_ = has_lasted ? 0 : failures_ + 1;
    at_ = has_lasted ? now : now + pause(now);
  }

 private:
  // Half of it by chance of the clock: many hubs must not come back in step.
  std::chrono::milliseconds pause(Clock::time_point now) const {
    const auto step = std::min(pause_max_, kFirst * (1 << std::min(failures_ - 1, 10u)));
    const int64_t chance = now.time_since_epoch().count() / 1000 % (step.count() / 2 + 1);
    return step / 2 + std::chrono::milliseconds(chance);
  }

  std::chrono::milliseconds pause_max_;
  Clock::time_point at_;  // long ago: at once
  std::optional<Clock::time_point> up_since_;
  uint32_t failures_ = 0;
};

}  // namespace livehub::source
