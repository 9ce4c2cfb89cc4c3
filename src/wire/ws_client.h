// WebSocket frames as a client sends them, for our tools and tests: masked, optionally fragmented
// (RFC 6455 section 5.3). A client reads with WsReader(WsRole::kClient). The caller draws the mask
// keys: randomness is its business. Pure. Tests: tests/unit/wire/ws_writer_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/ws_frame.h"

namespace livehub::wire {

// `fin` false leaves the message open for continuation frames.
std::string ws_client_frame(WsOpcode opcode, std::string_view payload, WsMaskKey mask,
                            bool fin = true);

// Code and reason as in ws_close_frame().
std::string ws_client_close_frame(uint16_t code, std::string_view reason, WsMaskKey mask);

}  // namespace livehub::wire
