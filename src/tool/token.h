// JSON web tokens for tests, signed with HS256 (RFC 7515, RFC 7519). Pure.
// Tests: tests/unit/tool/token_test.cc.
#pragma once

#include <string>
#include <string_view>

namespace livehub::tool {

// base64url without padding.
[[nodiscard]] std::string base64url(std::string_view bytes);
// `claims` is a JSON object.
[[nodiscard]] std::string make_token(std::string_view claims, std::string_view secret,
                                     std::string_view key_id = {});

}  // namespace livehub::tool
