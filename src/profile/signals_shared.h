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
#include <unordered_map>

#include "auth/origin.h"
#include "base/siphash.h"
#include "profile/choice.h"
#include "profile/current.h"
#include "profile/signals_access.h"
#include "profile/signals_entry.h"
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

// Signals that the history has read before: entries never change, and reading one takes longer than
// all else about it. One thread: the Redis thread. Limit: kBytesMax, then it begins anew.
class SignalsCache {
 public:
  const SignalEntry& read(SignalMode mode, uint64_t offset, const SignalFields& fields) {
    if (bytes_ > kBytesMax) *this = SignalsCache();
    const auto [place, is_new] = entries_[static_cast<size_t>(mode)].try_emplace(offset);
    if (is_new) {
      place->second = read_signal(fields, name_of(mode));
      bytes_ += kEntryBytes + place->second.json.size() + place->second.pair.size();
    }
    return place->second;
  }
  // How much the history may read in a second, so that nobody's questions delay the signals.
  bool spend(size_t entries, int64_t now_seconds) {
    if (now_seconds != second_) spent_ = 0;
    second_ = now_seconds;
    spent_ += entries;
    return spent_ <= kEntriesASecond;
  }

 private:
  static constexpr size_t kBytesMax = 16 << 20;
  static constexpr size_t kEntryBytes = 128;
  static constexpr size_t kEntriesASecond = 100'000;

  std::array<std::unordered_map<uint64_t, SignalEntry>, kSignalModes> entries_;
  size_t bytes_ = 0;
  size_t spent_ = 0;
  int64_t second_ = 0;
};

struct SignalsShared {
  SignalsSettings settings;
  Current<auth::OriginList> origins;  // a reload may change them
  std::shared_ptr<SignalsTally> tally = std::make_shared<SignalsTally>();
  std::shared_ptr<source::RedisSource> redis;
  SignalsCache cache;
  std::unique_ptr<SignalsAccess> access;  // none: everybody may read
  base::HashKey connection_key;           // connection ids are made from it
  int64_t started_ms = 0;                 // monotonic
};

// CORS_ALLOW_ORIGINS, else CORS_ORIGINS. nullptr: `error` says what is wrong.
[[nodiscard]] std::unique_ptr<const auth::OriginList> read_signals_origins(
    const SettingMap& settings, std::string& error);
// Why the settings are wrong, or nothing.
[[nodiscard]] std::string read_signals_settings(const SettingMap& settings, SignalsShared& shared);

}  // namespace livehub::profile
