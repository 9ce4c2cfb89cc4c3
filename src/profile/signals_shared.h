// What the shards of profile `signals` share, and the Redis thread with them.
//
// SignalsSettings: immutable. SignalsTally: counters that shards and the Redis thread add to; they
// are read for health pages only, so nothing hangs on their order. Its flaws belong to the Redis
// thread alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "auth/origin.h"
#include "base/siphash.h"
#include "profile/choice.h"
#include "source/redis.h"

namespace livehub::profile {

enum class SignalMode : uint8_t { kPaper, kLive };
inline constexpr size_t kSignalModes = 2;

constexpr std::string_view name_of(SignalMode mode) {
  return mode == SignalMode::kPaper ? "paper" : "live";
}

struct SignalsSettings {
  std::array<std::string, kSignalModes> streams = {"signals:paper", "signals:live"};
  SignalMode active = SignalMode::kPaper;  // whose stream the health pages speak of
  bool has_sse = true;
  bool has_metrics = true;
  bool oldest_first = false;
  bool repeats_connected = false;
  bool is_tracked = false;
  uint32_t heartbeat_seconds = 15;
  std::string track_key;
  auth::OriginList origins;

  const std::string& stream_of(SignalMode mode) const { return streams[static_cast<size_t>(mode)]; }
};

struct SignalsTally {
  std::array<std::atomic<int64_t>, kSignalModes> open{};
  std::array<std::atomic<uint64_t>, kSignalModes> newest_ms{};  // of the entries that were read
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> sent{0};     // signals times the streams open then
  std::atomic<uint64_t> skipped{0};  // entries that no shape fits
  std::atomic<uint64_t> slow{0};     // clients that could not keep up
  std::atomic<uint64_t> requests{0};
  std::atomic<uint32_t> scans{0};  // of the history, under way
  std::map<std::string, uint64_t, std::less<>> flaws;
};

struct SignalsShared {
  SignalsSettings settings;
  std::shared_ptr<SignalsTally> tally = std::make_shared<SignalsTally>();
  std::shared_ptr<source::RedisSource> redis;
  base::HashKey connection_key;  // connection ids are made from it
  int64_t started_seconds = 0;
};

// Why the settings are wrong, or nothing.
[[nodiscard]] std::string read_signals_settings(const SettingMap& settings, SignalsShared& shared);

}  // namespace livehub::profile
