// What one client has seen of one publisher's sequence: nothing may be lost, doubled or reordered.
// Pure. Tests: bench/load/load_test.cc.
#pragma once

#include <cstdint>

namespace livehub::bench {

struct SequenceFaults {
  uint64_t lost = 0;
  uint64_t doubled = 0;
  uint64_t reordered = 0;
};

class Track {
 public:
  void expect(uint64_t seq) {
    next_ = seq;
    seen_ = ~uint64_t{0};  // what was before it is not asked about
  }

  // The first message to come is the first that is asked about.
  void expect_any() { next_ = kAny; }

  void take(uint64_t seq, SequenceFaults& faults) {
    if (seq == next_) [[likely]] {
      seen_ = (seen_ << 1) | 1;
      ++next_;
      return;
    }
    if (next_ == kAny) {
      expect(seq + 1);
    } else if (seq > next_) {
      skip_to(seq, faults);
    } else {
      take_late(next_ - 1 - seq, faults);
    }
  }

  // Messages that should have come before `end` and did not.
  uint64_t missing_before(uint64_t end) const { return end > next_ ? end - next_ : 0; }
  uint64_t next() const { return next_; }

 private:
  void skip_to(uint64_t seq, SequenceFaults& faults) {
    const uint64_t skipped = seq - next_;
    faults.lost += skipped;  // taken back if they come late
    seen_ = skipped >= 63 ? 1 : (seen_ << (skipped + 1)) | 1;
    next_ = seq + 1;
  }

  void take_late(uint64_t age, SequenceFaults& faults) {
    if (age >= 64 || ((seen_ >> age) & 1) != 0) {
      ++faults.doubled;
      return;
    }
    seen_ |= uint64_t{1} << age;
    ++faults.reordered;
    --faults.lost;
  }

  static constexpr uint64_t kAny = ~uint64_t{0};

  uint64_t next_ = 0;
  uint64_t seen_ = 0;  // bit i: next_ - 1 - i was seen
};

}  // namespace livehub::bench
