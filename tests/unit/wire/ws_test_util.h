// What the tests of the WebSocket reader share: bytes in any pieces in, a list of events out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/ws_client.h"
#include "wire/ws_reader.h"

namespace livehub::wire::testing {

using Kind = WsEvent::Kind;

inline constexpr WsMaskKey kMask = {0x37, 0xFA, 0x21, 0x3D};

struct Seen {
  Kind kind;
  std::string payload;
  uint16_t close_code = 0;
  bool operator==(const Seen&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{kind " << int{static_cast<uint8_t>(seen.kind)} << ", " << seen.payload.size()
             << " bytes, code " << seen.close_code << "}";
}

inline Seen error(uint16_t code) { return {Kind::kError, "", code}; }

inline bool ends_connection(const std::vector<Seen>& seen) {
  return !seen.empty() && (seen.back().kind == Kind::kError || seen.back().kind == Kind::kClose);
}

// Feeds one piece from a buffer of exactly its size that is gone afterwards, so that reading beyond
// it or keeping a view of it shows under the address sanitizer.
inline void feed(WsReader& reader, std::string_view piece, const WsLimits& limits,
                 std::vector<Seen>& seen) {
  std::vector<char> bytes(piece.begin(), piece.end());
  std::span<char> input(bytes);
  while (!ends_connection(seen)) {
    const WsEvent event = reader.next(input, limits);
    if (event.kind == Kind::kNeedMore) {
      EXPECT_TRUE(input.empty());
      return;
    }
    seen.push_back({event.kind, std::string(event.payload), event.close_code});
  }
}

// The pieces end at `cuts`, which rise; the last one ends with the bytes.
inline std::vector<Seen> read_cut(std::string_view bytes, std::span<const size_t> cuts,
                                  const WsLimits& limits = {}, WsRole role = WsRole::kServer) {
  WsReader reader(role);
  std::vector<Seen> seen;
  size_t from = 0;
  for (const size_t cut : cuts) {
    feed(reader, bytes.substr(from, cut - from), limits, seen);
    from = cut;
  }
  feed(reader, bytes.substr(from), limits, seen);
  if (!ends_connection(seen)) {
    std::span<char> nothing;
    EXPECT_EQ(reader.next(nothing, limits).kind, Kind::kNeedMore);
  }
  return seen;
}

// Whole, in two pieces cut at every byte, and byte by byte.
inline void expect_events(std::string_view bytes, const std::vector<Seen>& expected,
                          const WsLimits& limits = {}, WsRole role = WsRole::kServer) {
  EXPECT_EQ(read_cut(bytes, {}, limits, role), expected) << "in one piece";
  std::vector<size_t> every;
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    const size_t cuts[] = {cut};
    ASSERT_EQ(read_cut(bytes, cuts, limits, role), expected) << "cut at " << cut;
    every.push_back(cut);
  }
  EXPECT_EQ(read_cut(bytes, every, limits, role), expected) << "byte by byte";
}

inline std::string frame(WsOpcode opcode, std::string_view payload, bool fin = true) {
  return ws_client_frame(opcode, payload, kMask, fin);
}

}  // namespace livehub::wire::testing
