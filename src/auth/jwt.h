// JSON Web Tokens (RFC 7519, compact JWS of RFC 7515) that clients bring: read and checked, never
// made. Signatures are checked by cjose on OpenSSL; what cjose would let pass is refused here
// before it is asked (size, exactly three parts, canonical base64url, duplicate names, `crit`, the
// algorithm and the key's kind).
//
// JwtKeys and JwtVerifier are immutable: any shard may use one object at once. The time is an
// argument. Limits: a token of 8 KB, 64 keys in a set, JSON 16 levels deep.
// Tests: tests/unit/auth/jwt_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace livehub::auth {

enum class JwtAlgorithm : uint8_t { kHs256, kHs384, kHs512, kRs256, kEs256 };

enum class JwtFault : uint8_t {
  kNone,        // valid
  kTooLarge,    // over kJwtBytesMax; nothing of it was looked at
  kMalformed,   // not three parts of canonical base64url, not JSON objects, a name twice, `crit`,
                // a registered claim of the wrong type
  kAlgorithm,   // one that the rules do not allow, `none` for example
  kUnknownKey,  // its `kid` is not in the set, or no key fits its algorithm
  kSignature,   // wrong
  kExpired,     // `exp` is over
  kMissingExpiry,  // the rules ask for `exp`
  kNotYetValid,    // `nbf` is ahead, or `iat` is far ahead
  kIssuer,         // missing or another
  kAudience,       // missing or not among them
};

// A short English sentence for a log or a metric; it holds nothing of the token.
[[nodiscard]] std::string_view jwt_fault_text(JwtFault fault);

inline constexpr size_t kJwtBytesMax = 8192;

// What a profile demands of every token.
struct JwtRules {
  std::vector<JwtAlgorithm> algorithms = {JwtAlgorithm::kHs256};  // never taken from the token
  std::string issuer = {};                                        // empty: not looked at
  std::string audience = {};                                      // empty: not looked at
  int64_t leeway_seconds = 0;                                     // for exp and nbf
  int64_t iat_leeway_seconds = 60;  // clocks of two machines differ; no service checks it exactly
  bool requires_expiry = true;
};

// One key or several. Copies share them.
class JwtKeys {
 public:
  // Each returns nothing and, in `error`, a sentence without the key, if it cannot be used.
  // A shared secret for HS256, HS384 and HS512: the bytes as they are, at least one. The text of a
  // public key is refused: it is no secret.
  [[nodiscard]] static std::optional<JwtKeys> from_secret(std::string_view secret,
                                                          std::string& error);
  // A public key or certificate in PEM: RSA of 2048 bits or more, or P-256.
  [[nodiscard]] static std::optional<JwtKeys> from_pem(std::string_view pem, std::string& error);
  // The text of a JWK set (RFC 7517). Keys that no algorithm above can use are left out; a set
  // without any other is an error.
  [[nodiscard]] static std::optional<JwtKeys> from_jwk_set(std::string_view json,
                                                           std::string& error);
  [[nodiscard]] size_t count() const;
  [[nodiscard]] bool has_key_id(std::string_view kid) const;

  class Set;  // in jwt_keys.h, for jwt.cc

 private:
  friend class JwtVerifier;
  explicit JwtKeys(std::shared_ptr<const Set> set) : set_(std::move(set)) {}
  std::shared_ptr<const Set> set_;
};

struct JwtResult {
  JwtFault fault = JwtFault::kMalformed;
  nlohmann::json claims = {};  // an object, if `fault` is kNone; else null

  [[nodiscard]] bool is_valid() const { return fault == JwtFault::kNone; }
  // A claim that is a string, else nothing.
  [[nodiscard]] std::optional<std::string> text(const char* name) const;
  // `exp` in whole seconds, rounded up; nothing if the token has none.
  [[nodiscard]] std::optional<int64_t> expires_at() const;
};

class JwtVerifier {
 public:
  JwtVerifier(JwtRules rules, JwtKeys keys);

  // Takes microseconds for HS, tens of them for RS and ES.
  [[nodiscard]] JwtResult verify(std::string_view token, int64_t now_unix_seconds) const;
  // The same with other keys: those of a JWKS that were fetched since (source/jwks.h).
  [[nodiscard]] JwtResult verify(std::string_view token, int64_t now_unix_seconds,
                                 const JwtKeys& keys) const;
  // The `kid` that an unverified token names, for fetching keys and nothing else; empty: none, or
  // no token. At most 256 bytes.
  [[nodiscard]] static std::string key_id(std::string_view token);

 private:
  JwtRules rules_;
  JwtKeys keys_;
};

}  // namespace livehub::auth
