// Bearer tokens (RFC 6750 section 2.1). Pure.
// Tests: tests/unit/auth/bearer_test.cc.
#pragma once

#include <string_view>

namespace livehub::auth {

// Whether an Authorization header's value is "Bearer", any case, one or more spaces, and exactly
// the token. The time taken tells nothing about the token. An empty token never matches: whoever
// has none set treats the endpoint as open and does not ask.
[[nodiscard]] bool bearer_matches(std::string_view authorization_header, std::string_view token);

}  // namespace livehub::auth
