// Tokens. A token that was not made here is never valid; of one whose header and payload are the
// input and whose signature is right, the verifier says valid only where a second, stricter look at
// both agrees.
#include <cmath>
#include <set>
#include <string>

#include "../unit/auth/jwt_maker.h"
#include "auth/jwt.h"
#include "auth/jwt_keys.h"
#include "fuzz.h"

namespace livehub::auth {
namespace {

using Json = nlohmann::json;
constexpr std::string_view kSecret = "a secret of thirty-two bytes....";
constexpr int64_t kNow = 1'800'000'000;

const JwtVerifier& verifier() {
  static const JwtVerifier made = [] {
    std::string error;
    JwtRules rules;
    rules.algorithms = {JwtAlgorithm::kHs256, JwtAlgorithm::kHs512, JwtAlgorithm::kRs256};
    rules.issuer = "issuer";
    return JwtVerifier(rules, *JwtKeys::from_secret(kSecret, error));
  }();
  return made;
}

// Whether a text holds no control character, so that no reader can stop early at one.
bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
  return true;
}

void check_valid(std::string_view header, std::string_view payload, const JwtResult& result) {
  MUST(is_plain(header) && is_plain(payload), "JSON texts hold no control characters");
  MUST(Json::accept(header) && Json::accept(payload), "both are JSON to the end");
  MUST(header.front() != '\xef' && payload.front() != '\xef', "no byte order mark before JSON");
  const Json head = Json::parse(header), claims = Json::parse(payload);
  MUST(head.is_object() && head["alg"] == "HS256", "the algorithm is the one that was used");
  MUST(!head.contains("crit") && !head.contains("b64"), "no extension is passed over");
  MUST(claims.is_object() && claims == result.claims, "the claims are those of the payload");
  MUST(claims["iss"] == "issuer", "the issuer is the right one");
  MUST(claims["exp"].is_number() && claims["exp"].get<double>() > kNow, "the token has not ended");
  MUST(!claims.contains("nbf") || claims["nbf"].get<double>() <= kNow, "the token has begun");
}

void check_made(std::string_view header, std::string_view payload) {
  const std::string token = jwt_maker::hs256(kSecret, header, payload);
  const JwtResult result = verifier().verify(token, kNow);
  if (result.is_valid()) check_valid(header, payload, result);
  MUST(result.is_valid() || result.claims.is_null(), "no claims of a token that is refused");
  if (!result.is_valid()) return;
  // One bit of it elsewhere, and it is void.
  for (size_t i = 0; i < token.size(); i += 7) {
    std::string other = token;
    other[i] = static_cast<char>(other[i] ^ 1);
    MUST(!verifier().verify(other, kNow).is_valid(), "a token that was changed is refused");
  }
  MUST(!verifier().verify(token + "=", kNow).is_valid(), "padding is refused");
  MUST(!verifier().verify(token + ".", kNow).is_valid(), "a fourth part is refused");
}

void check_base64url(std::string_view input) {
  if (const auto bytes = decode_base64url(input))
    MUST(jwt_maker::base64url(*bytes) == input, "there is one spelling of the same bytes");
  MUST(decode_base64url(jwt_maker::base64url(input)) == std::string(input), "bytes come back");
}

void check_raw(std::string_view input) {
  const JwtResult result = verifier().verify(input, kNow);
  (void)JwtVerifier::key_id(input);
  if (!result.is_valid()) return;
  const size_t dot = input.rfind('.');
  const std::string tag = jwt_maker::hmac(EVP_sha256(), kSecret, input.substr(0, dot));
  MUST(input.substr(dot + 1) == jwt_maker::base64url(tag), "no token is valid without the secret");
}

FUZZ_TARGET(jwt) {
  check_base64url(input);
  check_raw(input);
  fuzz::Input parts(input);
  const std::string_view header = parts.until('|');
  check_made(header, parts.rest());
  check_made(R"({"alg":"HS256"})", input);
  std::string error;
  (void)JwtKeys::from_jwk_set(input, error);
  (void)JwtKeys::from_pem(input, error);
  MUST(error.find('\n') == error.npos, "a sentence is one line");
}

}  // namespace
}  // namespace livehub::auth
