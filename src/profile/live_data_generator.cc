#include "profile/live_data_generator.h"

#include <algorithm>
#include <cstdio>

namespace livehub::profile {

double LiveDataGenerator::walk(double value, double step, double least, double most) {
  state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;  // xorshift64
  const double unit = static_cast<double>(state_ >> 11) / 9007199254740992.0;
  return std::clamp(value + (unit * 2 - 1) * step, least, most);
}

std::string LiveDataGenerator::next_point(int64_t unix_ms) {
  active_users_ = walk(active_users_, 60, 200, 5000);
  signups_ = walk(signups_, 4, 0, 80);
  conversions_ = walk(conversions_, 2, 0, 40);
  revenue_ = walk(revenue_, 80, 0, 4000);
  latency_ = walk(latency_, 20, 60, 900);
  error_rate_ = walk(error_rate_, 0.003, 0, 0.2);
  char text[512];
  const int size = std::snprintf(
      text, sizeof(text),
      R"({"ts":%lld,"activeUsers":%.0f,"signups":%.0f,"conversions":%.0f,"revenue":%.2f,)"
      R"("latencyP95":%.0f,"errorRate":%.4f,)"
      R"("channels":{"Organic":0.38,"Paid":0.24,"Referral":0.16,"Direct":0.14,"Partners":0.08}})",
      static_cast<long long>(unix_ms), active_users_, signups_, conversions_, revenue_, latency_,
      error_rate_);
  return {text, static_cast<size_t>(size)};
}

}  // namespace livehub::profile
