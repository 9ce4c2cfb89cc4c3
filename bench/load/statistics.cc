#include "load/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace livehub::bench {

namespace {

// The largest number of values that may be cut off at each end: the number of values below the
// median is binomial with one half.
size_t cut_off(size_t count) {
  double term = std::pow(0.5, static_cast<double>(count));
  double below = term;
  size_t cut = 0;
  while (below <= 0.025 && cut < count) {
    term *= static_cast<double>(count - cut) / static_cast<double>(cut + 1);
    below += term;
    ++cut;
  }
  return cut;
}

}  // namespace

MedianInterval median_interval(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t count = values.size();
  // `cut` values lie outside at each end with at most 2.5 %: the ends of the interval are the next
  // ones, and the cut-th value itself still bounds it.
  const size_t cut = cut_off(count);
  const size_t low = cut == 0 ? 0 : cut - 1;
  return {.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
          .low = values[low],
          .high = values[count - 1 - low]};
}

}  // namespace livehub::bench
