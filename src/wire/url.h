// Percent-encoding and query strings (RFC 3986 2.1, application/x-www-form-urlencoded). Pure.
// What comes out may hold any byte, NUL and invalid UTF-8 included: the caller checks what it
// needs. Tests: tests/unit/wire/url_test.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace livehub::wire {

// nullopt: a '%' that two hex digits do not follow. '+' becomes a space only if asked.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

// As a path segment or query value may stand in a URL (RFC 3986 2.3): everything but letters,
// digits and "-._~" is encoded. "." and ".." stay what they are: refuse them where they matter.
[[nodiscard]] std::string percent_encode(std::string_view text);

// The first value of that name, decoded ('+' is a space); "" for a name without '='. nullopt: no
// such name, or its value has a malformed escape. Names are decoded before they are compared; pairs
// whose name is malformed are passed over.
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace livehub::wire
