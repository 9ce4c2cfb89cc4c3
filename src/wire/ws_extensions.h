// What a WebSocket client offers in Sec-WebSocket-Extensions (RFC 6455 9.1), as far as
// permessage-deflate goes (RFC 7692 section 7). Pure. Tests: tests/unit/wire/ws_extensions_test.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace livehub::wire {

struct WsDeflateOutcome {
  bool is_malformed = false;  // the list breaks its grammar: the handshake fails (RFC 6455 9.1)
  bool is_agreed = false;
  std::string answer = {};  // agreed: the value of our Sec-WebSocket-Extensions
};

// `fields`: the values of all fields of that name, in order; together they are one list. Of its
// offers the first one is taken that we can serve: no context is taken over on either side, and the
// window has 15 bits. An offer with an unknown, repeated or ill-valued parameter, or one that asks
// for a smaller window of ours, is passed over (RFC 7692 7.1).
[[nodiscard]] WsDeflateOutcome answer_ws_deflate(std::span<const std::string_view> fields);

}  // namespace livehub::wire
