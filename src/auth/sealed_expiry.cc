#include "auth/sealed_expiry.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>

#include "base/check.h"

namespace livehub::auth {
namespace {

// Says what is sealed, so that no other use of the same token makes the same bytes.
constexpr std::string_view kPurpose = "livehub admin login ";

std::string seal(std::string_view token, std::string_view expiry) {
  const std::string text = std::string(kPurpose) + std::string(expiry);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const auto* made = HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()), bytes,
                          text.size(), digest.data(), &size);
  LIVEHUB_CHECK(made != nullptr && size == 32, "OpenSSL computes HMAC-SHA256");
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kHex[digest[i] >> 4];
    hex += kHex[digest[i] & 15];
  }
  return hex;
}

}  // namespace

std::string seal_expiry(std::string_view token, int64_t expires_unix_seconds) {
  const std::string expiry = std::to_string(expires_unix_seconds);
  return expiry + "." + seal(token, expiry);
}

bool is_sealed_and_fresh(std::string_view token, std::string_view text, int64_t now_unix_seconds) {
  const size_t dot = text.find('.');
  if (token.empty() || dot == std::string_view::npos) return false;
  const std::string_view expiry = text.substr(0, dot);
  int64_t expires = 0;
  const auto [end, error] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), expires);
  if (error != std::errc() || end != expiry.data() + expiry.size()) return false;
  const std::string expected = seal(token, expiry);
  const std::string_view presented = text.substr(dot + 1);
  const bool is_ours = presented.size() == expected.size() &&
                       CRYPTO_memcmp(presented.data(), expected.data(), expected.size()) == 0;
  return is_ours && now_unix_seconds < expires;
}

}  // namespace livehub::auth
