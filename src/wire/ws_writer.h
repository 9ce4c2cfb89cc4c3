// WebSocket frames as a server sends them: unmasked, unfragmented (RFC 6455 section 5). Pure.
// Tests: tests/unit/wire/ws_writer_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/ws_frame.h"

namespace livehub::wire {

inline constexpr size_t kWsServerHeadBytesMax = 10;

// Size of the head before a payload of that size: 2, 4 or 10.
size_t ws_frame_head_size(size_t payload_bytes);

// Writes the head of an unmasked frame with FIN set to out[0 .. ws_frame_head_size()) and returns
// its size. `compressed`: with RSV1 (RFC 7692). A control frame over 125 bytes, or compressed, is
// our mistake and aborts.
size_t write_ws_frame_head(char* out, WsOpcode opcode, size_t payload_bytes,
                           bool compressed = false);

// Head and payload in one string.
std::string ws_frame(WsOpcode opcode, std::string_view payload, bool compressed = false);

// The payload of a close frame: code and reason, at most 125 bytes. The reason is cut between
// characters, and made UTF-8 if it was not. A code that must not be sent (1005 is "none") gives an
// empty payload.
std::string ws_close_payload(uint16_t code, std::string_view reason);
std::string ws_close_frame(uint16_t code, std::string_view reason);

}  // namespace livehub::wire
