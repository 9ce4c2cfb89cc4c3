// The content of a login cookie: until when it holds, sealed with a key made from the token
// (HMAC-SHA256), so that nothing is remembered here and the token itself is never in a browser's
// store. Pure. Tests: tests/unit/auth/sealed_expiry_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::auth {

// "<unix seconds>.<64 hex digits>".
[[nodiscard]] std::string seal_expiry(std::string_view token, int64_t expires_unix_seconds);

// Whether the text was sealed with this token and holds at `now`. The time taken tells nothing of
// the seal. An empty token seals nothing.
[[nodiscard]] bool is_sealed_and_fresh(std::string_view token, std::string_view text,
                                       int64_t now_unix_seconds);

}  // namespace livehub::auth
