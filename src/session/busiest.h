// The channels with the most messages, of any number of channels in a fixed table (the Space-Saving
// sketch: who is not in it takes the place of the least, with its weight). note() is called once a
// message by the shard that owns the channel; it neither allocates nor locks. shard-local. Limits:
// kKept channels, names of kNameBytes. Tests: tests/unit/session/busiest_test.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::session {

struct BusyChannel {
  std::string channel;
  double messages = 0;  // per second, over the last whole second
  double bytes = 0;
};

class Busiest {
 public:
  static constexpr size_t kKept = 64;
  static constexpr size_t kNameBytes = 200;  // longer names are shown cut

  void note(std::string_view channel, size_t bytes) {
    const uint64_t hash = std::hash<std::string_view>{}(channel) | 1;
    const size_t place = find_or_replace(hash, channel);
    Entry& entry = entries_[place];
    ++weights_[place];
    ++entry.messages;
    entry.bytes += bytes;
  }

  // About once a second: what was counted becomes the rate, and the weight of the past halves.
  void roll(int64_t now_ns) {
    const double seconds = static_cast<double>(now_ns - rolled_ns_) / 1e9;
    rolled_ns_ = now_ns;
    for (size_t i = 0; i < kKept; ++i) {
      Entry& entry = entries_[i];
      entry.messages_rate = seconds > 0 ? static_cast<double>(entry.messages) / seconds : 0;
      entry.bytes_rate = seconds > 0 ? static_cast<double>(entry.bytes) / seconds : 0;
      entry.messages = entry.bytes = 0;
      weights_[i] /= 2;
    }
  }

  // By messages, most first; without those that have been quiet.
  std::vector<BusyChannel> top(size_t most) const {
    std::vector<BusyChannel> out;
    for (size_t i = 0; i < kKept; ++i)
      if (hashes_[i] != 0 && entries_[i].messages_rate > 0)
        out.push_back({std::string(entries_[i].name, entries_[i].name_bytes),
                       entries_[i].messages_rate, entries_[i].bytes_rate});
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.messages > b.messages; });
    if (out.size() > most) out.resize(most);
    return out;
  }

 private:
  struct Entry {
    uint64_t messages = 0;  // since roll()
    uint64_t bytes = 0;
    double messages_rate = 0;
    double bytes_rate = 0;
    size_t name_bytes = 0;
    char name[kNameBytes] = {};
  };

  size_t find_or_replace(uint64_t hash, std::string_view channel) {
    if (hashes_[last_] == hash) return last_;  // one channel is often alone
    size_t least = 0;
    for (size_t i = 0; i < kKept; ++i) {
      if (hashes_[i] == hash) return last_ = i;
      if (weights_[i] < weights_[least]) least = i;
    }
    hashes_[least] = hash;
    Entry& entry = entries_[least];
    entry.messages = entry.bytes = 0;
    entry.messages_rate = entry.bytes_rate = 0;
    entry.name_bytes = std::min(channel.size(), kNameBytes);
    while (entry.name_bytes > 0 && entry.name_bytes < channel.size() &&
           (channel[entry.name_bytes] & 0xc0) == 0x80)
      --entry.name_bytes;
    std::memcpy(entry.name, channel.data(), entry.name_bytes);
    return last_ = least;
  }

  std::array<uint64_t, kKept> hashes_{};  // 0: free
  std::array<uint64_t, kKept> weights_{};
  std::array<Entry, kKept> entries_{};
  size_t last_ = 0;
  int64_t rolled_ns_ = 0;
};

}  // namespace livehub::session
