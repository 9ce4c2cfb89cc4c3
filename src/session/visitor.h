// Whose connection it is, kept only where proxies are trusted or addresses have limits: 20 bytes
// beside each Connection, under the same index. shard-local.
#pragma once

#include <cstdint>

#include "auth/ip_address.h"
#include "session/address_limits.h"

namespace livehub::session {

struct Visitor {
  auth::IpAddress address;  // the client's, as far as it is known; "::" if it is not
  uint32_t place = AddressLimits::kNoPlace;
};
static_assert(sizeof(Visitor) == 20);

}  // namespace livehub::session
