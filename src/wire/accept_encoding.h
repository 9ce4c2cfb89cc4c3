// Accept-Encoding (RFC 9110 12.5.3), as far as gzip goes. Pure.
// Tests: tests/unit/wire/accept_encoding_test.cc.
#pragma once

#include <span>
#include <string_view>

namespace livehub::wire {

// Whether a request with these fields of that name asks for gzip: it is named, or *, with a weight
// over 0. What cannot be read counts as not named: plain is never wrong.
[[nodiscard]] bool accepts_gzip(std::span<const std::string_view> fields);

}  // namespace livehub::wire
