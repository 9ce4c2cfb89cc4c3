// Times, counted in buckets that grow with them: four to each doubling from 1 us to 69 s, so that
// any quantile is right to a fifth. One increment and no branch but the ends'. shard-local; copies
// are values. Tests: tests/unit/base/histogram_test.cc.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace livehub::base {

class Histogram {
 public:
  static constexpr int kFirstBit = 10;  // below 2^10 ns is one bucket
  static constexpr int kLastBit = 36;   // from 2^36 ns on is one bucket
  static constexpr size_t kBuckets = (kLastBit - kFirstBit) * 4 + 2;

  void note(int64_t ns) {
    const uint64_t value = ns > 0 ? static_cast<uint64_t>(ns) : 0;
    ++counts_[bucket_of(value)];
    ++count_;
    sum_ns_ += value;
  }

  uint64_t count() const { return count_; }
  uint64_t sum_ns() const { return sum_ns_; }
  // How many were below 2^bit ns; kFirstBit to kLastBit.
  uint64_t below(int bit) const {
    uint64_t sum = 0;
    for (size_t i = 0; i <= static_cast<size_t>(bit - kFirstBit) * 4; ++i) sum += counts_[i];
    return sum;
  }
  // The time that the share `q` of all stays below (its bucket's upper end); 0 if there are none.
  uint64_t quantile_ns(double q) const {
    if (count_ == 0) return 0;
    const auto rank = static_cast<uint64_t>(q * static_cast<double>(count_ - 1));
    uint64_t sum = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      sum += counts_[i];
      if (sum > rank) return upper_ns(i);
    }
    return upper_ns(kBuckets - 1);
  }

  void add(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
  }
  // What came since `earlier`, an older copy of this one.
  Histogram since(const Histogram& earlier) const {
    Histogram rest = *this;
    for (size_t i = 0; i < kBuckets; ++i) rest.counts_[i] -= earlier.counts_[i];
    rest.count_ -= earlier.count_;
    rest.sum_ns_ -= earlier.sum_ns_;
    return rest;
  }

  static constexpr size_t bucket_of(uint64_t ns) {
    if (ns >> kFirstBit == 0) return 0;
    const int bit = static_cast<int>(std::bit_width(ns)) - 1;
    if (bit >= kLastBit) return kBuckets - 1;
    const auto quarter = static_cast<size_t>(ns >> (bit - 2)) & 3;
    return static_cast<size_t>(bit - kFirstBit) * 4 + quarter + 1;
  }
  static constexpr uint64_t upper_ns(size_t bucket) {
    if (bucket == 0) return uint64_t{1} << kFirstBit;
    if (bucket == kBuckets - 1) return uint64_t{1} << (kLastBit + 1);
    const auto bit = static_cast<int>((bucket - 1) / 4) + kFirstBit;
    return (uint64_t{1} << bit) + ((bucket - 1) % 4 + 1) * (uint64_t{1} << (bit - 2));
  }

 private:
  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
};

}  // namespace livehub::base
