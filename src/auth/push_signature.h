// Signed pushes: `X-Timestamp` in seconds and `X-Signature: sha256=<hex>`, the hex being
// HMAC-SHA256(secret, timestamp + "." + raw body). The time is an argument.
//
// PushSignature is immutable: any shard may use one object at once.
// Tests: tests/unit/auth/push_signature_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_mac_ctx_st;  // EVP_MAC_CTX of OpenSSL

namespace livehub::auth {

enum class SignatureCheck { kOk, kMissing, kMalformed, kStale, kWrong, kReplayed };

// A short English sentence for a reply or a log.
[[nodiscard]] std::string_view signature_check_text(SignatureCheck check);

// How far a timestamp may be from our clock, in both directions.
inline constexpr int64_t kSignatureWindowSeconds = 300;

using SignatureDigest = std::array<unsigned char, 32>;

// Decimal digits only, 1 to 12 of them.
[[nodiscard]] std::optional<int64_t> parse_signature_timestamp(std::string_view text);

// "sha256=" and 64 hex digits of either case.
[[nodiscard]] std::optional<SignatureDigest> parse_signature(std::string_view text);

class PushSignature {
 public:
  // The secret is not empty. It is not kept as text.
  explicit PushSignature(std::string secret);

  // Before the body is read: kOk, kMissing, kMalformed or kStale. kOk says nothing about the body.
  [[nodiscard]] SignatureCheck check_headers(std::optional<std::string_view> timestamp,
                                             std::optional<std::string_view> signature,
                                             int64_t now_seconds) const;

  // The whole body at once: kOk, kMalformed or kWrong. After kOk the caller asks a ReplayGuard.
  [[nodiscard]] SignatureCheck check_body(std::string_view timestamp, std::string_view signature,
                                          std::string_view body) const;

 private:
  friend class BodySignature;
  struct ContextDeleter {
    void operator()(evp_mac_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_mac_ctx_st, ContextDeleter>;
  Context keyed_;  // copied for each body, so that the key is hashed once
};

// The same check over a body that arrives in pieces. One use: update… then finish once.
class BodySignature {
 public:
  BodySignature(const PushSignature& signature, std::string_view timestamp);
  void update(std::string_view piece);
  [[nodiscard]] SignatureCheck finish(std::string_view signature);

 private:
  PushSignature::Context context_;
};

}  // namespace livehub::auth
