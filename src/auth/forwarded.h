// Whose connection a proxy passes on: the address that a trusted proxy's header fields name. Pure.
// Nothing here is believed of a peer that is not trusted: the caller asks only for those that are.
// Tests: tests/unit/auth/forwarded_test.cc.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "auth/ip_address.h"

namespace livehub::auth {

// An entry of X-Forwarded-For: an address, with a port behind it maybe (an IPv6 address then stands
// in brackets).
[[nodiscard]] std::optional<IpAddress> parse_forwarded_entry(std::string_view entry);

// Of all X-Forwarded-For fields in order, each a comma list: read from the right, the first address
// that is not a trusted proxy's. Whatever stands left of it was written by somebody unknown.
// nullopt: there is none, or something that is no address came first.
[[nodiscard]] std::optional<IpAddress> forwarded_client(
    const NetworkList& trusted, std::span<const std::string_view> forwarded_for);

}  // namespace livehub::auth
