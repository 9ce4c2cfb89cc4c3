#include "load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace livehub::bench {

size_t Histogram::index_of(int64_t ns) {
  const uint64_t value = ns < 0 ? 0 : static_cast<uint64_t>(ns);
  if (value < kSteps) return value;
  const auto doubling = static_cast<unsigned>(std::bit_width(value)) - kStepBits;  // from 1
  if (doubling > kDoublings) return kCounts - 1;
  // The top kStepBits bits below the leading one: 0..kSteps-1 inside of its doubling.
  const size_t step = (value >> (doubling - 1)) - kSteps;
  return doubling * kSteps + step;
}

int64_t Histogram::upper_end_ns(size_t index) {
  if (index < kSteps) return static_cast<int64_t>(index);
  const size_t doubling = index / kSteps;
  const size_t step = index % kSteps;
  return static_cast<int64_t>(((kSteps + step + 1) << (doubling - 1)) - 1);
}

void Histogram::add(const Histogram& other) {
  for (size_t i = 0; i < kCounts; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  ns_max_ = std::max(ns_max_, other.ns_max_);
}

void Histogram::clear() {
  counts_.fill(0);
  count_ = 0;
  ns_max_ = 0;
}

int64_t Histogram::percentile_ns(double share) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kCounts; ++i) {
    seen += counts_[i];
    if (seen >= std::max<uint64_t>(rank, 1)) return std::min(upper_end_ns(i), ns_max_);
  }
  return ns_max_;
}

}  // namespace livehub::bench
