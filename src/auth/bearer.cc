#include "auth/bearer.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>

namespace livehub::auth {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::optional<Digest> sha256(std::string_view text) {
  Digest digest;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (SHA256(bytes, text.size(), digest.data()) == nullptr) return std::nullopt;
  return digest;
}

// Digests are of one length whatever the texts are, so neither length nor content shows in the
// time.
bool same_secret(std::string_view a, std::string_view b) {
  const std::optional<Digest> digest_a = sha256(a), digest_b = sha256(b);
  return digest_a && digest_b &&
         CRYPTO_memcmp(digest_a->data(), digest_b->data(), SHA256_DIGEST_LENGTH) == 0;
}

bool starts_with_bearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer";
  const auto same = [](char lower, char c) {
    return c == lower || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == lower);
  };
  return header.size() > kScheme.size() &&
         std::equal(kScheme.begin(), kScheme.end(), header.begin(), same) &&
         header[kScheme.size()] == ' ';
}

}  // namespace

bool bearer_matches(std::string_view authorization_header, std::string_view token) {
  if (token.empty() || !starts_with_bearer(authorization_header)) return false;
  std::string_view presented = authorization_header.substr(authorization_header.find(' '));
  presented.remove_prefix(std::min(presented.find_first_not_of(' '), presented.size()));
  return same_secret(presented, token);
}

}  // namespace livehub::auth
