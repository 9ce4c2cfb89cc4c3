// A log-linear histogram of durations: 128 steps to each doubling, so a value is known within 0.8 %
// from nanoseconds to 18 minutes. It holds no pointer and may lie in memory shared between
// processes: one writer; others read after the writer has said that it is done. Tests:
// bench/load/load_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace livehub::bench {

class Histogram {
 public:
  void record(int64_t ns) {
    ++counts_[index_of(ns)];
    ++count_;
    if (ns > ns_max_) ns_max_ = ns;
  }
  void add(const Histogram& other);
  void clear();

  uint64_t count() const { return count_; }
  int64_t max_ns() const { return ns_max_; }
  // The smallest recorded value, upper end of its step, that at least `share` (0..1) of all are at
  // or below. 0 if nothing was recorded.
  int64_t percentile_ns(double share) const;

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr unsigned kDoublings =
      33;  // 2^(7+33) ns: 18 minutes; what is longer counts there
  static constexpr size_t kSteps = size_t{1} << kStepBits;
  static constexpr size_t kCounts = kSteps * (kDoublings + 1);

  static size_t index_of(int64_t ns);
  static int64_t upper_end_ns(size_t index);

  uint64_t count_ = 0;
  int64_t ns_max_ = 0;
  std::array<uint64_t, kCounts> counts_{};
};

}  // namespace livehub::bench
