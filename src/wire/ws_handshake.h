// The keys of the WebSocket handshake (RFC 6455 sections 4.1 and 4.2.2). Pure.
// Tests: tests/unit/wire/ws_handshake_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::wire {

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string ws_accept_key(std::string_view client_key);

// Whether the key is the canonical base64 of exactly 16 bytes.
bool ws_key_valid(std::string_view key);

// Sec-WebSocket-Key of a client that drew these bytes at random.
std::string ws_key_from_nonce(const std::array<uint8_t, 16>& nonce);

}  // namespace livehub::wire
