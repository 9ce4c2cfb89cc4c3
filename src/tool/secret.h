// Secrets of the commands: from the environment, or from a file that NAME_FILE names, never from
// the command line. startup. Tests: tests/unit/tool/secret_test.cc.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tool/command.h"

namespace livehub::tool {

struct Secret {
  std::string text;   // empty: none is set
  std::string error;  // not empty: a sentence, without the secret
};

[[nodiscard]] Secret read_secret(const Invocation& invocation, std::string_view name);
[[nodiscard]] std::string_view without_line_end(std::string_view text);

// HMAC-SHA256 of `text`.
[[nodiscard]] std::array<unsigned char, 32> hmac_sha256(std::string_view key,
                                                        std::string_view text);
// The headers' value of a signed push: "sha256=" and the digits (auth/push_signature.h).
[[nodiscard]] std::string push_signature(std::string_view secret, int64_t seconds,
                                         std::string_view body);
// From 0 (inclusive) to 1.
[[nodiscard]] double random_fraction();

}  // namespace livehub::tool
