// The keys behind JwtKeys, as cjose has them. immutable once made: verifying only reads a key.
#pragma once

#include <cjose/jwk.h>

#include <memory>
#include <string>
#include <vector>

#include "auth/jwt.h"

namespace livehub::auth {

struct JwkDeleter {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
using Jwk = std::unique_ptr<cjose_jwk_t, JwkDeleter>;

struct JwtKey {
  enum class Kind : uint8_t { kSecret, kRsa, kP256 };
  Jwk key;
  Kind kind = Kind::kSecret;
  std::string id;                           // empty: none
  std::optional<JwtAlgorithm> algorithm{};  // the only one it is for, if it says so
};

class JwtKeys::Set {
 public:
  std::vector<JwtKey> keys;
  bool is_set = false;  // from a JWK set: a token's `kid` must be among them
};

[[nodiscard]] std::string_view jwt_algorithm_name(JwtAlgorithm algorithm);
[[nodiscard]] std::optional<JwtAlgorithm> jwt_algorithm_of(std::string_view name);
[[nodiscard]] JwtKey::Kind kind_for(JwtAlgorithm algorithm);
// Nothing, if the text is not the canonical unpadded base64url of some bytes (RFC 4648 section 5).
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);
// An object without a name twice, at most 16 levels deep; else nothing.
[[nodiscard]] std::optional<nlohmann::json> parse_strict_object(std::string_view text);

}  // namespace livehub::auth
