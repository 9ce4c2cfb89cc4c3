#include "auth/push_signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "base/check.h"

namespace livehub::auth {
namespace {

// Failures of these calls mean a broken OpenSSL, never a wrong signature.
constexpr const char* kHmacWorks = "OpenSSL computes HMAC-SHA256";

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view signature_check_text(SignatureCheck check) {
  switch (check) {
    case SignatureCheck::kOk:
      return "OK";
    case SignatureCheck::kMissing:
      return "Missing X-Timestamp or X-Signature";
    case SignatureCheck::kMalformed:
      return "Malformed X-Timestamp or X-Signature";
    case SignatureCheck::kStale:
      return "X-Timestamp is too far from the current time";
    case SignatureCheck::kWrong:
      return "X-Signature does not match";
    case SignatureCheck::kReplayed:
      return "X-Signature was used before";
  }
  return "Unauthorized";
}

std::optional<int64_t> parse_signature_timestamp(std::string_view text) {
  if (text.empty() || text.size() > 12 || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  int64_t seconds = 0;
  for (const char c : text) seconds = seconds * 10 + (c - '0');
  return seconds;
}

std::optional<SignatureDigest> parse_signature(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256=";
  SignatureDigest digest;
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 2 * digest.size())
    return std::nullopt;
  text.remove_prefix(kPrefix.size());
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return digest;
}

void PushSignature::ContextDeleter::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

PushSignature::PushSignature(std::string secret) {
  LIVEHUB_CHECK(!secret.empty(), "a signature needs a secret");
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  LIVEHUB_CHECK(mac != nullptr, kHmacWorks);
  keyed_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);  // the context holds a reference of its own
  char digest_name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
      OSSL_PARAM_construct_end()};
  LIVEHUB_CHECK(keyed_ && EVP_MAC_init(keyed_.get(), bytes_of(secret), secret.size(), params) == 1,
                kHmacWorks);
  OPENSSL_cleanse(secret.data(), secret.size());
}

SignatureCheck PushSignature::check_headers(std::optional<std::string_view> timestamp,
                                            std::optional<std::string_view> signature,
                                            int64_t now_seconds) const {
  if (!timestamp || !signature) return SignatureCheck::kMissing;
  const std::optional<int64_t> seconds = parse_signature_timestamp(*timestamp);
  if (!seconds || !parse_signature(*signature)) return SignatureCheck::kMalformed;
  const bool is_near = *seconds >= now_seconds - kSignatureWindowSeconds &&
                       *seconds <= now_seconds + kSignatureWindowSeconds;
  return is_near ? SignatureCheck::kOk : SignatureCheck::kStale;
}

SignatureCheck PushSignature::check_body(std::string_view timestamp, std::string_view signature,
                                         std::string_view body) const {
  BodySignature whole(*this, timestamp);
  whole.update(body);
  return whole.finish(signature);
}

BodySignature::BodySignature(const PushSignature& signature, std::string_view timestamp)
    : context_(EVP_MAC_CTX_dup(signature.keyed_.get())) {
  LIVEHUB_CHECK(context_ != nullptr, kHmacWorks);
  update(timestamp);
  update(".");
}

void BodySignature::update(std::string_view piece) {
  LIVEHUB_CHECK(context_ != nullptr, "a body's signature is finished once");
  LIVEHUB_CHECK(EVP_MAC_update(context_.get(), bytes_of(piece), piece.size()) == 1, kHmacWorks);
}

SignatureCheck BodySignature::finish(std::string_view signature) {
  LIVEHUB_CHECK(context_ != nullptr, "a body's signature is finished once");
  SignatureDigest expected;
  size_t bytes = 0;
  LIVEHUB_CHECK(EVP_MAC_final(context_.get(), expected.data(), &bytes, expected.size()) == 1 &&
                    bytes == expected.size(),
                kHmacWorks);
  context_.reset();
  const std::optional<SignatureDigest> presented = parse_signature(signature);
  if (!presented) return SignatureCheck::kMalformed;
  const bool is_right = CRYPTO_memcmp(presented->data(), expected.data(), expected.size()) == 0;
  return is_right ? SignatureCheck::kOk : SignatureCheck::kWrong;
}

}  // namespace livehub::auth
