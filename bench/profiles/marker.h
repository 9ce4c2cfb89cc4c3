// What a measured message carries somewhere in its text, whatever its profile's form:
// `lhb:<publisher>:<sequence>:<due>;` — the publisher's number (0 or 1), its place in that
// publisher's messages of one group of clients, from 1, and when it was due (monotonic,
// nanoseconds). Pure. Tests: bench/profiles/fleet_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::bench {

inline constexpr unsigned kPublishers = 2;

struct Marker {
  unsigned publisher = 0;
  uint64_t sequence = 0;
  int64_t due_ns = 0;
};
[[nodiscard]] std::optional<Marker> find_marker(std::string_view text);
[[nodiscard]] std::string marker_text(const Marker& marker);

// What one client has seen of its group's publishers: nothing may be missing, come twice or late.
class Sequences {
 public:
  struct Verdict {
    uint64_t lost = 0;  // messages before this one that did not come
    bool is_repeat = false;
  };
  Verdict take(const Marker& marker) {
    uint64_t& last = last_[marker.publisher];
    if (marker.sequence <= last) return {.lost = 0, .is_repeat = true};
    const Verdict verdict{.lost = marker.sequence - last - 1, .is_repeat = false};
    last = marker.sequence;
    return verdict;
  }

 private:
  std::array<uint64_t, kPublishers> last_{};
};

}  // namespace livehub::bench
