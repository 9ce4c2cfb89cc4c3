// When a peer that we dial is dialled next, and how many attempts in a row came to nothing: after a
// pause that doubles, and begins anew once a link has lasted. A server that accepts and hangs up is
// thus not dialled without end. Half of each pause is drawn: many hubs must not come back in step.
// one thread. Tests: tests/unit/source/redial_test.cc.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace livehub::source {

class Redial {
 public:
  using Clock = std::chrono::steady_clock;  // or any other's times, as long as they are one's
  struct Times {
    std::chrono::milliseconds first{50};  // the first pause, at most
    std::chrono::milliseconds most{1000};
    std::chrono::milliseconds lasting{1000};  // a link shorter than this is a failure
  };

  Redial(Times times, uint64_t seed) : times_(times), state_(seed | 1) {}

  Clock::time_point at() const { return at_; }
  uint32_t failures() const { return failures_; }  // in a row

  // The link is up; said once more, it changes nothing.
  void succeeded(Clock::time_point now) {
    if (!up_since_) up_since_ = now;
  }
  // A dial failed, or a link was lost.
  void failed(Clock::time_point now) {
    const bool has_lasted = up_since_ && now - *up_since_ >= times_.lasting;
    up_since_.reset();
    if (has_lasted) failures_ = 0;
    at_ = now + pause();
    if (!has_lasted) ++failures_;
  }

 private:
  std::chrono::milliseconds pause() {
    const auto step = std::min(times_.most, times_.first * (1 << std::min(failures_, 10u)));
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const uint64_t draw = (state_ >> 33) % (static_cast<uint64_t>(step.count()) / 2 + 1);
    return step / 2 + std::chrono::milliseconds(draw);
  }

  const Times times_;
  uint64_t state_;
  Clock::time_point at_;  // long ago: at once
  std::optional<Clock::time_point> up_since_;
  uint32_t failures_ = 0;
};

}  // namespace livehub::source
