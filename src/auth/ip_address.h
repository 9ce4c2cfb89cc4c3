// IP addresses and networks as values: text to bytes and back, and what a list of networks holds.
// Pure; NetworkList is immutable once parsed. Tests: tests/unit/auth/ip_address_test.cc; against
// the C library's reader in tests/fuzz/visitor_target.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::auth {

// 16 bytes as of IPv6; an IPv4 address is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2).
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  bool operator==(const IpAddress&) const = default;
  bool is_v4() const;
  bool is_none() const { return *this == IpAddress(); }  // "::", which nobody connects from
};

// "192.0.2.1" in four decimal numbers without leading zeros, or IPv6 as RFC 4291 section 2.2 has
// it, without zone. nullopt: neither.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

// As RFC 5952 writes it; what is mapped, as IPv4.
[[nodiscard]] std::string ip_text(const IpAddress& address);

class NetworkList {
 public:
  // Networks with commas between, as in "10.0.0.0/8, fd00::/8"; an address alone is a network of
  // one; "none" is the empty list. nullopt and a sentence: what is none, or has bits set behind its
  // prefix.
  [[nodiscard]] static std::optional<NetworkList> parse(std::string_view comma_list,
                                                        std::string& error);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    IpAddress first;
    unsigned bits;  // of the 128
  };
  std::vector<Network> networks_;
};

}  // namespace livehub::auth
