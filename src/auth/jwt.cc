// Debian 12's cjose (0.6.2), asked alone, takes tokens with `crit`, with names twice, padded, with
// a last digit that means the same bytes, of any size, and keys of 1024 bits: all of it is refused
// before. The algorithm in its header is compared with the one that was read here.
#include "auth/jwt.h"

#include <cjose/header.h>
#include <cjose/jws.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "auth/jwt_keys.h"

namespace livehub::auth {
namespace {

using Json = nlohmann::json;
using Jws = std::unique_ptr<cjose_jws_t, decltype(&cjose_jws_release)>;

constexpr size_t kKeyIdBytesMax = 256;

struct Parts {
  std::string_view header, payload, signature;  // in base64url
};

std::optional<Parts> split(std::string_view token) {
  const size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  const Parts parts = {token.substr(0, first), token.substr(first + 1, second - first - 1),
                       token.substr(second + 1)};
  if (parts.header.empty() || parts.payload.empty()) return std::nullopt;
  return parts;
}

std::optional<Json> object_of(std::string_view part) {
  const std::optional<std::string> text = decode_base64url(part);
  return text ? parse_strict_object(*text) : std::nullopt;
}

// A token as far as it can be read without a key.
struct Unverified {
  JwtFault fault = JwtFault::kMalformed;
  std::optional<JwtAlgorithm> algorithm = {};
  std::optional<std::string> key_id = {};
  size_t signature_bytes = 0;
};

Unverified read_header(const Parts& parts) {
  Unverified read;
  const std::optional<Json> header = object_of(parts.header);
  const std::optional<std::string> signature = decode_base64url(parts.signature);
  if (!header || !signature) return read;
  // No extension is understood here, so none may be critical (RFC 7515 section 4.1.11); an
  // unencoded payload (RFC 7797) is one.
  if (header->contains("crit") || header->contains("b64")) return read;
  const auto algorithm = header->find("alg");
  if (algorithm == header->end() || !algorithm->is_string()) return read;
  if (const auto id = header->find("kid"); id != header->end()) {
    if (!id->is_string()) return read;
    read.key_id = id->get<std::string>();
    if (read.key_id->size() > kKeyIdBytesMax) return read;
  }
  read.signature_bytes = signature->size();
  read.algorithm = jwt_algorithm_of(algorithm->get_ref<const std::string&>());
  read.fault = read.algorithm ? JwtFault::kNone : JwtFault::kAlgorithm;
  return read;
}

size_t signature_bytes_of(JwtAlgorithm algorithm, const JwtKey& key) {
  switch (algorithm) {
    case JwtAlgorithm::kHs256:
      return 32;
    case JwtAlgorithm::kHs384:
      return 48;
    case JwtAlgorithm::kHs512:
    case JwtAlgorithm::kEs256:
      return 64;
    case JwtAlgorithm::kRs256:
      return (cjose_jwk_get_keysize(key.key.get(), nullptr) + 7) / 8;
  }
  return 0;
}

// cjose reads the token anew for each key: verifying leaves a digest behind in its object.
bool is_signed_by(std::string_view token, const Unverified& read, const JwtKey& key) {
  if (read.signature_bytes != signature_bytes_of(*read.algorithm, key)) return false;
  cjose_err error;
  const Jws jws(cjose_jws_import(token.data(), token.size(), &error), &cjose_jws_release);
  if (!jws) return false;
  const char* name = cjose_header_get(cjose_jws_get_protected(jws.get()), CJOSE_HDR_ALG, &error);
  if (name == nullptr || name != jwt_algorithm_name(*read.algorithm)) return false;
  return cjose_jws_verify(jws.get(), key.key.get(), &error);
}

JwtFault check_signature(std::string_view token, const Unverified& read, const JwtKeys::Set& set) {
  bool is_tried = false;
  const JwtKey::Kind kind = kind_for(*read.algorithm);
  for (const JwtKey& key : set.keys) {
    if (key.kind != kind || (key.algorithm && key.algorithm != read.algorithm)) continue;
    if (set.is_set && read.key_id && key.id != *read.key_id) continue;
    is_tried = true;
    if (is_signed_by(token, read, key)) return JwtFault::kNone;
  }
  ERR_clear_error();  // what OpenSSL noted of a wrong signature is nobody else's business
  return is_tried ? JwtFault::kSignature : JwtFault::kUnknownKey;
}

// A NumericDate: nothing if it is missing; `is_wrong` if it is something else.
std::optional<double> date_of(const Json& claims, const char* name, bool& is_wrong) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::nullopt;
  if (!found->is_number()) {
    is_wrong = true;
    return std::nullopt;
  }
  const double seconds = found->get<double>();
  is_wrong = is_wrong || !std::isfinite(seconds);
  return seconds;
}

JwtFault check_times(const Json& claims, const JwtRules& rules, int64_t now_unix_seconds) {
  bool is_wrong = false;
  const std::optional<double> expires = date_of(claims, "exp", is_wrong);
  const std::optional<double> begins = date_of(claims, "nbf", is_wrong);
  const std::optional<double> issued = date_of(claims, "iat", is_wrong);
  if (is_wrong) return JwtFault::kMalformed;
  const auto now = static_cast<double>(now_unix_seconds);
  const auto leeway = static_cast<double>(rules.leeway_seconds);
  if (!expires && rules.requires_expiry) return JwtFault::kMissingExpiry;
  if (expires && now >= *expires + leeway) return JwtFault::kExpired;
  if (begins && now < *begins - leeway) return JwtFault::kNotYetValid;
  if (issued && now < *issued - static_cast<double>(rules.iat_leeway_seconds))
    return JwtFault::kNotYetValid;
  return JwtFault::kNone;
}

JwtFault check_issuer(const Json& claims, const JwtRules& rules) {
  const auto issuer = claims.find("iss");
  if (issuer != claims.end() && !issuer->is_string()) return JwtFault::kMalformed;
  if (rules.issuer.empty()) return JwtFault::kNone;
  const bool is_right =
      issuer != claims.end() && issuer->get_ref<const std::string&>() == rules.issuer;
  return is_right ? JwtFault::kNone : JwtFault::kIssuer;
}

// RFC 7519 section 4.1.3: one string, or a list of them.
JwtFault check_audience(const Json& claims, const JwtRules& rules) {
  const auto audience = claims.find("aud");
  const bool is_there = audience != claims.end();
  const Json list = !is_there              ? Json::array()
                    : audience->is_array() ? *audience
                                           : Json::array({*audience});
  if (!std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_string(); }))
    return JwtFault::kMalformed;
  if (rules.audience.empty()) return JwtFault::kNone;
  const bool is_right = std::find(list.begin(), list.end(), Json(rules.audience)) != list.end();
  return is_right ? JwtFault::kNone : JwtFault::kAudience;
}

JwtFault check_claims(const Json& claims, const JwtRules& rules, int64_t now_unix_seconds) {
  for (const JwtFault fault : {check_times(claims, rules, now_unix_seconds),
                               check_issuer(claims, rules), check_audience(claims, rules)})
    if (fault != JwtFault::kNone) return fault;
  return JwtFault::kNone;
}

}  // namespace

std::string_view jwt_fault_text(JwtFault fault) {
  switch (fault) {
    case JwtFault::kNone:
      return "valid";
    case JwtFault::kTooLarge:
      return "too large";
    case JwtFault::kMalformed:
      return "malformed";
    case JwtFault::kAlgorithm:
      return "algorithm not allowed";
    case JwtFault::kUnknownKey:
      return "unknown key";
    case JwtFault::kSignature:
      return "wrong signature";
    case JwtFault::kExpired:
      return "expired";
    case JwtFault::kMissingExpiry:
      return "without an expiry";
    case JwtFault::kNotYetValid:
      return "not valid yet";
    case JwtFault::kIssuer:
      return "wrong issuer";
    case JwtFault::kAudience:
      return "wrong audience";
  }
  return "invalid";
}

std::optional<std::string> JwtResult::text(const char* name) const {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<int64_t> JwtResult::expires_at() const {
  const auto found = claims.find("exp");
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const double seconds = std::ceil(found->get<double>());
  constexpr double kFarthest = 9e15;  // far beyond any clock, and exact
  return static_cast<int64_t>(std::clamp(seconds, -kFarthest, kFarthest));
}

JwtVerifier::JwtVerifier(JwtRules rules, JwtKeys keys)
    : rules_(std::move(rules)), keys_(std::move(keys)) {}

JwtResult JwtVerifier::verify(std::string_view token, int64_t now_unix_seconds) const {
  return verify(token, now_unix_seconds, keys_);
}

JwtResult JwtVerifier::verify(std::string_view token, int64_t now_unix_seconds,
                              const JwtKeys& keys) const {
  if (token.size() > kJwtBytesMax) return {JwtFault::kTooLarge};
  const std::optional<Parts> parts = split(token);
  if (!parts) return {JwtFault::kMalformed};
  const Unverified read = read_header(*parts);
  if (read.fault != JwtFault::kNone) return {read.fault};
  const auto& allowed = rules_.algorithms;
  if (std::find(allowed.begin(), allowed.end(), *read.algorithm) == allowed.end())
    return {JwtFault::kAlgorithm};
  // The payload's shape comes before its signature: both are bad input, and it costs less.
  std::optional<Json> claims = object_of(parts->payload);
  if (!claims) return {JwtFault::kMalformed};
  if (const JwtFault fault = check_signature(token, read, *keys.set_); fault != JwtFault::kNone)
    return {fault};
  if (const JwtFault fault = check_claims(*claims, rules_, now_unix_seconds);
      fault != JwtFault::kNone)
    return {fault};
  return {JwtFault::kNone, std::move(*claims)};
}

std::string JwtVerifier::key_id(std::string_view token) {
  if (token.size() > kJwtBytesMax) return {};
  const std::optional<Parts> parts = split(token);
  if (!parts) return {};
  const Unverified read = read_header(*parts);
  return read.fault == JwtFault::kNone && read.key_id ? *read.key_id : std::string();
}

}  // namespace livehub::auth
