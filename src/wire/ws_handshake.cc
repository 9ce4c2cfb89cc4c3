#include "wire/ws_handshake.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <span>

namespace livehub::wire {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3

std::string base64(std::span<const uint8_t> bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL writes a NUL behind it
  EVP_EncodeBlock(reinterpret_cast<uint8_t*>(out.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  out.pop_back();
  return out;
}

bool is_base64_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

}  // namespace

std::string ws_accept_key(std::string_view client_key) {
  std::string joined(client_key);
  joined += kGuid;
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const uint8_t*>(joined.data()), joined.size(), digest.data());
  return base64(digest);
}

bool ws_key_valid(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  // The last digit carries two bits of the 16th byte and four that must be zero.
  constexpr std::string_view kLastDigits = "AQgw";
  return std::ranges::all_of(key.substr(0, 22), is_base64_digit) &&
         kLastDigits.find(key[21]) != std::string_view::npos;
}

std::string ws_key_from_nonce(const std::array<uint8_t, 16>& nonce) { return base64(nonce); }

}  // namespace livehub::wire
