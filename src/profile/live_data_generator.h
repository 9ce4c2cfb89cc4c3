// Synthetic points for MODE=generator: a random walk over the fields that the dashboard draws. For
// trying a dashboard without a backend; never on unless asked for. shard-local.
#pragma once

#include <cstdint>
#include <string>

namespace livehub::profile {

class LiveDataGenerator {
 public:
  // One point as a JSON object on one line; unix_ms is its time.
  std::string next_point(int64_t unix_ms);

 private:
  double walk(double value, double step, double least, double most);
  uint64_t state_ = 0x2545f4914f6cdd1d;
  double active_users_ = 1200, signups_ = 14, conversions_ = 6, revenue_ = 420, latency_ = 180;
  double error_rate_ = 0.012;
};

}  // namespace livehub::profile
