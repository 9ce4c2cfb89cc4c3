// When a backend is left alone: after some failures in a row calls fail at once, until a single one
// is tried and succeeds. The time is an argument; pure.
// Tests: tests/unit/source/http_breaker_test.cc.
#pragma once

#include <cstdint>

namespace livehub::source {

class HttpBreaker {
 public:
  HttpBreaker(uint32_t failures, int64_t open_ns) : failures_max_(failures), open_ns_(open_ns) {}

  // Whether a call may go out. Where it is a trial, no other may until its outcome is told.
  [[nodiscard]] bool admits(int64_t now_ns) {
    if (state_ == State::kClosed) return true;
    if (state_ == State::kTrial || now_ns < retry_ns_) return false;
    state_ = State::kTrial;
    return true;
  }
  void succeeded(int64_t now_ns) {
    failures_ = 0;
    if (state_ != State::kClosed) since_ns_ = now_ns;
    state_ = State::kClosed;
  }
  void failed(int64_t now_ns) {
    if (state_ == State::kClosed && ++failures_ < failures_max_) return;
    if (state_ == State::kClosed) {
      ++openings_;
      since_ns_ = now_ns;
    }
    state_ = State::kOpen;
    retry_ns_ = now_ns + open_ns_;
  }

  [[nodiscard]] bool is_closed() const { return state_ == State::kClosed; }
  [[nodiscard]] int64_t since_ns() const { return since_ns_; }  // it opened or closed; 0: never
  [[nodiscard]] uint64_t openings() const { return openings_; }

 private:
  enum class State : uint8_t { kClosed, kOpen, kTrial };
  const uint32_t failures_max_;
  const int64_t open_ns_;
  State state_ = State::kClosed;
  uint32_t failures_ = 0;
  int64_t since_ns_ = 0;
  int64_t retry_ns_ = 0;
  uint64_t openings_ = 0;
};

}  // namespace livehub::source
