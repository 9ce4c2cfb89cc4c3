// Remembers the signatures of pushes that were accepted, so that none is accepted twice. One
// thread's own, or behind a lock of its owner. The time is an argument.
//
// A replay carries the same timestamp as the original, since it is signed; so signatures are kept
// by timestamp and forgotten a timestamp at a time, and `floor` is the highest timestamp ever
// forgotten. Invariants:
//   1. A signature with a timestamp at or below the floor is refused: it cannot be proven new. So
//      neither forgetting early nor a clock that jumps back lets a replay in (fail closed).
//   2. A timestamp is forgotten when it is stale, or when the guard is full, the oldest first. So a
//      full guard goes on accepting fresh pushes and only shortens the window for late ones. It
//      refuses a new push only where nothing that it holds is older.
//   3. At most signatures_max digests are held, about 64 bytes each.
// Call it after the signature was found right, so that only publishers who know the secret can fill
// it.
// Tests: tests/unit/auth/replay_guard_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_set>

#include "auth/push_signature.h"

namespace livehub::auth {

class ReplayGuard {
 public:
  static constexpr size_t kSignaturesMaxDefault = 65'536;

  // floor_seconds: the floor to begin with. A new process knows nothing of what the one before it
  // accepted; with its start time here it refuses all that was signed earlier.
  explicit ReplayGuard(size_t signatures_max = kSignaturesMaxDefault,
                       std::optional<int64_t> floor_seconds = std::nullopt);

  // True the first time; false where the signature was seen or cannot be proven new.
  [[nodiscard]] bool remember(const SignatureDigest& signature, int64_t timestamp_seconds,
                              int64_t now_seconds);

  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct DigestHash {
    // The digest is a MAC that was verified: its bytes are as good as random to anyone outside.
    size_t operator()(const SignatureDigest& digest) const {
      size_t hash;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  void forget_oldest();

  std::map<int64_t, std::unordered_set<SignatureDigest, DigestHash>> by_timestamp_;
  size_t size_ = 0;
  size_t signatures_max_;
  std::optional<int64_t> floor_;
};

}  // namespace livehub::auth
