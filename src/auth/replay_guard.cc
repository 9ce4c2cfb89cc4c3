#include "auth/replay_guard.h"

#include "base/check.h"

namespace livehub::auth {

ReplayGuard::ReplayGuard(size_t signatures_max, std::optional<int64_t> floor_seconds)
    : signatures_max_(signatures_max), floor_(floor_seconds) {
  LIVEHUB_CHECK(signatures_max > 0, "a replay guard remembers at least one signature");
}

bool ReplayGuard::remember(const SignatureDigest& signature, int64_t timestamp_seconds,
                           int64_t now_seconds) {
  while (!by_timestamp_.empty() &&
         by_timestamp_.begin()->first < now_seconds - kSignatureWindowSeconds)
    forget_oldest();
  if (floor_ && timestamp_seconds <= *floor_) return false;
  const auto same_second = by_timestamp_.find(timestamp_seconds);
  if (same_second != by_timestamp_.end() && same_second->second.contains(signature)) return false;
  if (size_ == signatures_max_) {
    if (by_timestamp_.begin()->first >= timestamp_seconds) return false;
    forget_oldest();
  }
  by_timestamp_[timestamp_seconds].insert(signature);
  ++size_;
  return true;
}

// The floor only rises: the map's first timestamp is above it, since remember() refuses others.
void ReplayGuard::forget_oldest() {
  const auto oldest = by_timestamp_.begin();
  floor_ = oldest->first;
  size_ -= oldest->second.size();
  by_timestamp_.erase(oldest);
}

}  // namespace livehub::auth
