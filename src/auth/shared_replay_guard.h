// A ReplayGuard for all shards. mailbox: behind a lock, since a signed push is not the hot path.
#pragma once

// tidy: pure-rooms: what one shard accepted, another must not; nowhere nearer the profiles to put
// it
#include <mutex>

#include "auth/replay_guard.h"

namespace livehub::auth {

class SharedReplayGuard {
 public:
  // As ReplayGuard::remember().
  [[nodiscard]] bool remember(const SignatureDigest& signature, int64_t timestamp_seconds,
                              int64_t now_seconds) {
    const std::lock_guard guard(mutex_);
    return guard_.remember(signature, timestamp_seconds, now_seconds);
  }

 private:
  std::mutex mutex_;
  ReplayGuard guard_;
};

}  // namespace livehub::auth
