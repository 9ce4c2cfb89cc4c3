// The head of a WebSocket frame and the rules that need nothing but the head (RFC 6455
// sections 5.2, 5.3, 5.5 and 7.4), for both directions. Pure. Tests:
// tests/unit/wire/ws_frame_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace livehub::wire {

enum class WsOpcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

constexpr bool ws_is_control(WsOpcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

// Which end of the connection we are: a server reads masked frames, a client unmasked ones.
enum class WsRole : uint8_t { kServer, kClient };

using WsMaskKey = std::array<uint8_t, 4>;

inline constexpr size_t kWsControlBytesMax = 125;
inline constexpr size_t kWsHeadBytesMax = 14;  // 2, the 8 of a long length, the 4 of a mask

// Close codes of RFC 6455 section 7.4 and its registry that this program sends or tells apart.
inline constexpr uint16_t kWsCloseNormal = 1000;
inline constexpr uint16_t kWsCloseProtocolError = 1002;
inline constexpr uint16_t kWsCloseNoStatus = 1005;  // never on the wire: "the frame had no code"
inline constexpr uint16_t kWsCloseInvalidPayload = 1007;
inline constexpr uint16_t kWsClosePolicyViolation = 1008;
inline constexpr uint16_t kWsCloseTooBig = 1009;

// Whether the code may stand in a close frame: 1000-1003, 1007-1014, 3000-4999.
bool ws_close_code_valid(uint16_t code);

struct WsHead {
  WsOpcode opcode = WsOpcode::kContinuation;
  bool fin = false;
  bool compressed = false;  // RSV1 on the first frame of a message (RFC 7692 section 6)
  WsMaskKey mask = {};      // all zero where the frame is unmasked
  uint64_t payload_bytes = 0;
};

// What the bytes so far tell of a head, in the order in which they arrive.
struct WsHeadParse {
  enum class Known : uint8_t { kNothing, kOpcode, kLength, kAll } known = Known::kNothing;
  uint8_t bytes = 2;                // the head's size, as far as it is known
  const char* violation = nullptr;  // a sentence where the peer broke a rule (1002)
};

// Reads as much of a head as `bytes` holds and fills the fields of `head` up to `known`. Reports a
// violation at the earliest byte that shows it. More bytes than the head are not looked at.
// `has_deflate`: permessage-deflate was agreed to, so text and binary frames may have RSV1.
WsHeadParse parse_ws_head(std::span<const char> bytes, WsRole role, WsHead& head,
                          bool has_deflate = false);

// Masks or unmasks in place (RFC 6455 section 5.3); `offset` is the position of data[0] in its
// payload.
void ws_mask(std::span<char> data, WsMaskKey key, uint64_t offset = 0);

}  // namespace livehub::wire
