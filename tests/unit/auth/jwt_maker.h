// Tokens for tests, right and wrong ones, made with OpenSSL alone: the code under test has no part
// in them. One thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::auth::jwt_maker {

inline std::string base64url(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

inline std::string hmac(const EVP_MD* digest, std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

// A key pair: signs, and shows its public half in every form.
class Pair {
 public:
  static Pair rsa(unsigned bits) { return Pair(EVP_RSA_gen(bits)); }
  static Pair ec(const char* curve) { return Pair(EVP_EC_gen(curve)); }

  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PUBKEY(bio.get(), key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }
  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &value);
    std::string bytes(static_cast<size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return bytes;
  }
  // With `extra`, as in R"("kid":"a")", among its fields.
  std::string jwk(std::string_view extra = {}) const {
    const bool is_rsa = EVP_PKEY_is_a(key_.get(), "RSA") == 1;
    std::string text = is_rsa ? R"({"kty":"RSA","n":")" + base64url(number("n")) + R"(","e":")" +
                                    base64url(number("e")) + "\""
                              : R"({"kty":"EC","crv":"P-256","x":")" + padded("qx") + R"(","y":")" +
                                    padded("qy") + "\"";
    if (!extra.empty()) text.append(",").append(extra);
    return text + "}";
  }
  // RS256, or ES256 as two numbers of 32 bytes (RFC 7518 section 3.4).
  std::string sign(std::string_view data) const {
    const std::string der = sign_der(data);
    if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) return der;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
    const int half = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string raw(static_cast<size_t>(half) * 2, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + half, half);
    return raw;
  }
  std::string sign_der(std::string_view data) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes, data.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   data.size());
    signature.resize(size);
    return signature;
  }

 private:
  explicit Pair(EVP_PKEY* key) : key_(key, &EVP_PKEY_free) {}
  std::string padded(const char* name) const {
    const std::string bytes = number(name);
    return base64url(std::string(32 - bytes.size(), '\0') + bytes);
  }
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

// header.payload, in base64url.
inline std::string unsigned_part(std::string_view header, std::string_view payload) {
  return base64url(header) + "." + base64url(payload);
}

inline std::string hs(const EVP_MD* digest, std::string_view secret, std::string_view header,
                      std::string_view payload) {
  const std::string part = unsigned_part(header, payload);
  return part + "." + base64url(hmac(digest, secret, part));
}

inline std::string hs256(std::string_view secret, std::string_view header,
                         std::string_view payload) {
  return hs(EVP_sha256(), secret, header, payload);
}

inline std::string signed_by(const Pair& pair, std::string_view header, std::string_view payload) {
  const std::string part = unsigned_part(header, payload);
  return part + "." + base64url(pair.sign(part));
}

}  // namespace livehub::auth::jwt_maker
