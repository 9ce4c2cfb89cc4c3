#include "auth/jwt_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

namespace livehub::auth {
namespace {

using Json = nlohmann::json;
using PublicKey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

constexpr size_t kSetBytesMax = 256 * 1024;
constexpr size_t kKeysMax = 64;
constexpr int kRsaBitsMin = 2048, kRsaBitsMax = 8192;
// The block of SHA-256. HMAC pads a shorter key with zeros up to it (RFC 2104 section 2), so that
// padding it here changes no signature; newer versions of cjose refuse keys shorter than the hash.
constexpr size_t kSecretBytesMin = 64;

struct AlgorithmRow {
  JwtAlgorithm algorithm;
  std::string_view name;
  JwtKey::Kind kind;
};
constexpr std::array kAlgorithms = {
    AlgorithmRow{JwtAlgorithm::kHs256, "HS256", JwtKey::Kind::kSecret},
    AlgorithmRow{JwtAlgorithm::kHs384, "HS384", JwtKey::Kind::kSecret},
    AlgorithmRow{JwtAlgorithm::kHs512, "HS512", JwtKey::Kind::kSecret},
    AlgorithmRow{JwtAlgorithm::kRs256, "RS256", JwtKey::Kind::kRsa},
    AlgorithmRow{JwtAlgorithm::kEs256, "ES256", JwtKey::Kind::kP256},
};

const AlgorithmRow& row_of(JwtAlgorithm algorithm) {
  return *std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                       [&](const AlgorithmRow& row) { return row.algorithm == algorithm; });
}

PublicKey read_public_key(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  PublicKey key(nullptr, &EVP_PKEY_free);
  if (!bio) return key;
  if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    if (certificate) key.reset(X509_get_pubkey(certificate.get()));
  } else {
    key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  }
  return key;
}

std::vector<uint8_t> number_of(const EVP_PKEY* key, const char* name, int bytes_min) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return {};
  std::vector<uint8_t> bytes(static_cast<size_t>(std::max(BN_num_bytes(number), bytes_min)));
  const bool is_written = BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size())) >= 0;
  BN_free(number);
  if (!is_written) bytes.clear();
  return bytes;
}

std::optional<JwtKey> rsa_key(const EVP_PKEY* key) {
  std::vector<uint8_t> n = number_of(key, OSSL_PKEY_PARAM_RSA_N, 0);
  std::vector<uint8_t> e = number_of(key, OSSL_PKEY_PARAM_RSA_E, 0);
  if (n.empty() || e.empty()) return std::nullopt;
  cjose_jwk_rsa_keyspec spec = {};
  spec.n = n.data();
  spec.nlen = n.size();
  spec.e = e.data();
  spec.elen = e.size();
  cjose_err error;
  Jwk jwk(cjose_jwk_create_RSA_spec(&spec, &error));
  if (!jwk) return std::nullopt;
  return JwtKey{std::move(jwk), JwtKey::Kind::kRsa, {}, JwtAlgorithm::kRs256};
}

std::optional<JwtKey> p256_key(const EVP_PKEY* key) {
  std::vector<uint8_t> x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
  std::vector<uint8_t> y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
  if (x.size() != 32 || y.size() != 32) return std::nullopt;
  cjose_jwk_ec_keyspec spec = {};
  spec.crv = CJOSE_JWK_EC_P_256;
  spec.x = x.data();
  spec.xlen = x.size();
  spec.y = y.data();
  spec.ylen = y.size();
  cjose_err error;
  Jwk jwk(cjose_jwk_create_EC_spec(&spec, &error));
  if (!jwk) return std::nullopt;
  return JwtKey{std::move(jwk), JwtKey::Kind::kP256, {}, JwtAlgorithm::kEs256};
}

std::optional<JwtKey> secret_key(std::string_view secret) {
  std::string padded(secret);
  if (padded.size() < kSecretBytesMin) padded.resize(kSecretBytesMin, '\0');
  cjose_err error;
  Jwk jwk(cjose_jwk_create_oct_spec(reinterpret_cast<const uint8_t*>(padded.data()), padded.size(),
                                    &error));
  OPENSSL_cleanse(padded.data(), padded.size());
  if (!jwk) return std::nullopt;
  return JwtKey{std::move(jwk), JwtKey::Kind::kSecret, {}, {}};
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// One entry of a set; nothing, if no algorithm here can use it.
std::optional<JwtKey> key_of_set(const Json& entry) {
  if (!entry.is_object()) return std::nullopt;
  if (const std::string use = text_of(entry, "use"); !use.empty() && use != "sig")
    return std::nullopt;
  const std::string type = text_of(entry, "kty"), name = text_of(entry, "alg");
  const std::optional<JwtAlgorithm> algorithm = jwt_algorithm_of(name);
  if (!name.empty() && !algorithm) return std::nullopt;
  std::optional<JwtKey> key;
  if (type == "oct") {
    const std::optional<std::string> secret = decode_base64url(text_of(entry, "k"));
    if (secret && !secret->empty()) key = secret_key(*secret);
  } else if (type == "RSA" || (type == "EC" && text_of(entry, "crv") == "P-256")) {
    // Only what is public goes on, whatever else the set holds.
    const Json part =
        type == "RSA" ? Json{{"kty", "RSA"}, {"n", text_of(entry, "n")}, {"e", text_of(entry, "e")}}
                      : Json{{"kty", "EC"},
                             {"crv", "P-256"},
                             {"x", text_of(entry, "x")},
                             {"y", text_of(entry, "y")}};
    const std::string text = part.dump();
    cjose_err error;
    Jwk jwk(cjose_jwk_import(text.data(), text.size(), &error));
    if (jwk && type == "RSA")
      key = JwtKey{std::move(jwk), JwtKey::Kind::kRsa, {}, JwtAlgorithm::kRs256};
    else if (jwk)
      key = JwtKey{std::move(jwk), JwtKey::Kind::kP256, {}, JwtAlgorithm::kEs256};
  }
  if (!key) return std::nullopt;
  const size_t bits = cjose_jwk_get_keysize(key->key.get(), nullptr);
  if (key->kind == JwtKey::Kind::kRsa && (bits < kRsaBitsMin || bits > kRsaBitsMax))
    return std::nullopt;
  if (algorithm && kind_for(*algorithm) != key->kind) return std::nullopt;
  if (algorithm) key->algorithm = algorithm;
  key->id = text_of(entry, "kid");
  return key;
}

}  // namespace

std::string_view jwt_algorithm_name(JwtAlgorithm algorithm) { return row_of(algorithm).name; }

JwtKey::Kind kind_for(JwtAlgorithm algorithm) { return row_of(algorithm).kind; }

std::optional<JwtAlgorithm> jwt_algorithm_of(std::string_view name) {
  for (const AlgorithmRow& row : kAlgorithms)
    if (row.name == name) return row.algorithm;
  return std::nullopt;
}

std::optional<JwtKeys> JwtKeys::from_secret(std::string_view secret, std::string& error) {
  if (secret.empty()) {
    error = "The secret is empty.";
    return std::nullopt;
  }
  for (const char* mark : {"-----BEGIN PUBLIC KEY", "-----BEGIN RSA PUBLIC KEY",
                           "-----BEGIN CERTIFICATE", "-----BEGIN EC PUBLIC KEY"}) {
    if (secret.find(mark) != std::string_view::npos) {
      error = "It is a public key, which everyone may know, not a shared secret.";
      return std::nullopt;
    }
  }
  auto set = std::make_shared<Set>();
  std::optional<JwtKey> key = secret_key(secret);
  if (!key) {
    error = "The secret cannot be used as a key.";
    return std::nullopt;
  }
  set->keys.push_back(std::move(*key));
  return JwtKeys(std::move(set));
}

std::optional<JwtKeys> JwtKeys::from_pem(std::string_view pem, std::string& error) {
  std::optional<JwtKey> key;
  error = "It is not a public key or certificate in PEM form.";
  const PublicKey parsed =
      pem.size() > kSetBytesMax ? PublicKey(nullptr, &EVP_PKEY_free) : read_public_key(pem);
  ERR_clear_error();
  if (!parsed) return std::nullopt;
  std::array<char, 32> curve = {};
  if (EVP_PKEY_is_a(parsed.get(), "RSA")) {
    const int bits = EVP_PKEY_get_bits(parsed.get());
    error = "The RSA key has not 2048 to 8192 bits.";
    if (bits < kRsaBitsMin || bits > kRsaBitsMax) return std::nullopt;
    key = rsa_key(parsed.get());
  } else if (EVP_PKEY_is_a(parsed.get(), "EC")) {
    error = "The elliptic curve is not P-256.";
    if (EVP_PKEY_get_group_name(parsed.get(), curve.data(), curve.size(), nullptr) != 1 ||
        std::string_view(curve.data()) != SN_X9_62_prime256v1)
      return std::nullopt;
    key = p256_key(parsed.get());
  } else {
    error = "The key is neither RSA nor P-256.";
  }
  ERR_clear_error();
  if (!key) return std::nullopt;
  error.clear();
  auto set = std::make_shared<Set>();
  set->keys.push_back(std::move(*key));
  return JwtKeys(std::move(set));
}

std::optional<JwtKeys> JwtKeys::from_jwk_set(std::string_view json, std::string& error) {
  error = "It is not a JWK set: an object with a list \"keys\" of at most 64.";
  if (json.size() > kSetBytesMax) return std::nullopt;
  const std::optional<Json> document = parse_strict_object(json);
  if (!document) return std::nullopt;
  const auto list = document->find("keys");
  if (list == document->end() || !list->is_array() || list->size() > kKeysMax) return std::nullopt;
  auto set = std::make_shared<Set>();
  set->is_set = true;
  for (const Json& entry : *list) {
    std::optional<JwtKey> key = key_of_set(entry);
    if (key) set->keys.push_back(std::move(*key));
  }
  ERR_clear_error();
  error = "The JWK set has no key for RS256, ES256 or HS256, HS384, HS512.";
  if (set->keys.empty()) return std::nullopt;
  error.clear();
  return JwtKeys(std::move(set));
}

size_t JwtKeys::count() const { return set_->keys.size(); }

bool JwtKeys::has_key_id(std::string_view kid) const {
  return std::any_of(set_->keys.begin(), set_->keys.end(),
                     [&](const JwtKey& key) { return key.id == kid; });
}

}  // namespace livehub::auth
