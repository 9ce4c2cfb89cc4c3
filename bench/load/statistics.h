// Medians with intervals that assume nothing about the distribution: the machines are noisy, and
// noise is not normal. Pure. Tests: bench/load/load_test.cc.
#pragma once

#include <vector>

namespace livehub::bench {

struct MedianInterval {
  double median = 0;
  double low = 0;   // the interval holds the true median with at least 95 %,
  double high = 0;  // or is the whole range where there are fewer than six values
};

MedianInterval median_interval(std::vector<double> values);

}  // namespace livehub::bench
