// The subprotocol that the original services echo: the first one a client offers. Pure.
// Tests: tests/unit/profile/live_data_test.cc, and each profile's integration tests.
#pragma once

#include <string>

#include "base/text.h"
#include "livehub/profile.h"

namespace livehub::profile {

// Of Sec-WebSocket-Protocol (RFC 6455 4.2.1), without the blanks around it; empty: none.
[[nodiscard]] inline std::string first_subprotocol(const Request& request) {
  const std::string_view offered = request.header("sec-websocket-protocol").value_or("");
  return std::string(base::trimmed(offered.substr(0, offered.find(','))));
}

}  // namespace livehub::profile
