// What may be called: URLs, header fields and addresses, judged without a socket. Pure.
// Tests: tests/unit/source/http_url_test.cc.
#pragma once

#include <string>
#include <string_view>

struct sockaddr;

namespace livehub::source {

struct UrlOrigin {
  std::string scheme, host, port;
  bool operator==(const UrlOrigin&) const = default;
};

// Printable ASCII without spaces that begins with http:// or https:// and a host.
[[nodiscard]] bool is_callable_url(std::string_view url);
// Of a callable URL; the port is never empty.
[[nodiscard]] UrlOrigin origin_of_url(std::string_view url);
// A field that is one line, with a name of token characters (RFC 9110 section 5.6.2).
[[nodiscard]] bool is_sendable_field(std::string_view name, std::string_view value);
// Loopback, link-local, private, shared, multicast or reserved (RFC 6890): not the open Internet.
[[nodiscard]] bool is_private_address(const sockaddr* address);

}  // namespace livehub::source
