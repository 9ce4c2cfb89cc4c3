// Where a message stands in its channel: 128 bits, ordered within one channel, opaque to clients.
// immutable.
//
// `epoch` tells whose numbering it is (random per process, or a part of a broker's own id),
// `offset` the place in it. As text: 16 hex digits, '-', 1 to 16 hex digits without leading zeros.
// Positions that are times (kTimeEpoch: milliseconds << 22 + count) read as their broker writes
// them: decimal milliseconds, '-', the count.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace livehub::hub {

struct Position {
  uint64_t epoch = 0;
  uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

inline constexpr uint64_t kTimeEpoch = 0x74696d65'00000000;
inline constexpr int kTimeCountBits = 22;
inline constexpr size_t kPositionTextMax = 33;

// Writes the text of a position; returns its length (3..33). Not terminated.
size_t write_position(char* out, Position position);

// The position a client sent back; nullopt if it is none of ours in form.
std::optional<Position> parse_position(std::string_view text);

}  // namespace livehub::hub
