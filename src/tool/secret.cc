#include "tool/secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "server/config_file.h"

namespace livehub::tool {
namespace {
constexpr size_t kSecretBytesMax = 64 << 10;
}  // namespace

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Secret read_secret(const Invocation& invocation, std::string_view name) {
  Secret secret;
  const std::string file_name = std::string(name) + "_FILE";
  const auto direct = invocation.variable(name);
  const auto path = invocation.variable(file_name);
  if (direct && path) {
    secret.error = std::string(name) + " and " + file_name + " are both set; set one.";
  } else if (direct) {
    secret.text = *direct;
  } else if (path) {
    std::string why;
    if (!server::read_small_file(*path, kSecretBytesMax, secret.text, why))
      secret.error = file_name + ": " + *path + " cannot be read: " + why + ".";
    secret.text = without_line_end(secret.text);
    if (secret.error.empty() && secret.text.empty())
      secret.error = file_name + ": " + *path + " is empty.";
  }
  return secret;
}

std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  LIVEHUB_CHECK(made != nullptr && size == digest.size(), "libcrypto has no HMAC-SHA256");
  return digest;
}

std::string push_signature(std::string_view secret, int64_t seconds, std::string_view body) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "sha256=";
  for (const unsigned char byte :
       hmac_sha256(secret, std::to_string(seconds) + "." + std::string(body))) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

double random_fraction() {
  std::array<unsigned char, 4> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  uint32_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return static_cast<double>(number) / 4294967296.0;
}

}  // namespace livehub::tool
