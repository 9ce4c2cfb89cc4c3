// Channels that somebody looks into from outside: what their owner numbers is kept, by reference,
// until the admin port takes it (ten times a second). Whoever does not come for a while is
// forgotten, so nothing has to be told when a watcher dies. shard-local. Limits: kTapsMax taps,
// each kMessagesMax messages and kBytesMax bytes; what is more is counted as missed. Tests:
// tests/unit/session/taps_test.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/message.h"

namespace livehub::session {

class Taps {
 public:
  static constexpr size_t kTapsMax = 8;
  static constexpr size_t kMessagesMax = 256;
  static constexpr size_t kBytesMax = 1 << 20;
  static constexpr int64_t kForgottenNs = 5'000'000'000;

  struct Taken {
    bool is_refused = false;  // kTapsMax others are there
    std::vector<hub::MessagePtr> messages;
    uint64_t missed = 0;
  };

  bool is_any() const { return !taps_.empty(); }

  void note(const hub::MessagePtr& message, int64_t now_ns) {
    forget_old(now_ns);
    for (Tap& tap : taps_) {
      if (tap.channel != message->channel()) continue;
      const bool has_room = tap.taken.messages.size() < kMessagesMax &&
                            tap.bytes + message->payload_bytes <= kBytesMax;
      if (!has_room) {
        ++tap.taken.missed;
        continue;
      }
      tap.bytes += message->payload_bytes;
      tap.taken.messages.push_back(message);
    }
  }

  // What came since the last call with this id; the first one begins it.
  Taken take(uint64_t id, std::string_view channel, int64_t now_ns) {
    forget_old(now_ns);
    for (Tap& tap : taps_) {
      if (tap.id != id) continue;
      tap.asked_ns = now_ns;
      tap.bytes = 0;
      return std::exchange(tap.taken, {});
    }
    Taken taken;
    taken.is_refused = taps_.size() >= kTapsMax;
    if (!taken.is_refused) taps_.push_back({id, std::string(channel), now_ns, 0, {}});
    return taken;
  }

  void drop(uint64_t id) {
    std::erase_if(taps_, [id](const Tap& tap) { return tap.id == id; });
  }

 private:
  struct Tap {
    uint64_t id = 0;
    std::string channel;
    int64_t asked_ns = 0;
    size_t bytes = 0;
    Taken taken;
  };

  void forget_old(int64_t now_ns) {
    std::erase_if(taps_, [now_ns](const Tap& tap) { return now_ns - tap.asked_ns > kForgottenNs; });
  }

  std::vector<Tap> taps_;
};

}  // namespace livehub::session
