#include "profile/signals_access.h"

#include <algorithm>
#include <charconv>

namespace livehub::profile {
namespace {

constexpr std::string_view kBearer = "bearer ";
constexpr int32_t kStreamsDefault = 20;

std::string token_of(const Request& request) {
  const std::string_view header = request.header("authorization").value_or("");
  if (header.size() <= kBearer.size()) return request.query_value("token").value_or("");
  for (size_t i = 0; i < kBearer.size(); ++i) {
    const char c =
        header[i] >= 'A' && header[i] <= 'Z' ? static_cast<char>(header[i] | 0x20) : header[i];
    if (c != kBearer[i]) return {};
  }
  return std::string(header.substr(kBearer.size()));
}

// nullptr: `error` says what is wrong with the secret.
std::unique_ptr<const auth::JwtVerifier> make_verifier(const std::string& secret,
                                                       std::string& error) {
  std::string why;
  const auto keys = auth::JwtKeys::from_secret(secret, why);
  if (!keys) {
    error = "SIGNALS_JWT_SECRET: " + why;
    return nullptr;
  }
  auth::JwtRules rules;
  rules.algorithms = {auth::JwtAlgorithm::kHs256, auth::JwtAlgorithm::kHs384,
                      auth::JwtAlgorithm::kHs512};
  return std::make_unique<const auth::JwtVerifier>(std::move(rules), *keys);
}

}  // namespace

std::string SignalsAccess::renew(SignalsAccess* access, const SettingMap& settings) {
  const std::string secret = setting(settings, "SIGNALS_JWT_SECRET");
  const bool had_secret = access != nullptr && !access->jwks_;
  // Streams that are open have been counted, or have not.
  if (secret.empty() == had_secret)
    return "SIGNALS_JWT_SECRET: to begin or to end asking for tokens, restart.";
  if (!had_secret) return {};
  std::string error;
  if (auto verifier = make_verifier(secret, error)) access->verifier_.set(std::move(verifier));
  return error;
}

std::unique_ptr<SignalsAccess> SignalsAccess::make(const SettingMap& settings, base::HashKey key,
                                                   std::string& error) {
  const std::string secret = setting(settings, "SIGNALS_JWT_SECRET");
  const std::string location = setting(settings, "SIGNALS_JWKS");
  if (secret.empty() && location.empty()) return nullptr;
  if (!secret.empty() && !location.empty()) {
    error = "SIGNALS_JWT_SECRET and SIGNALS_JWKS are both set: one says who signs the tokens.";
    return nullptr;
  }
  int32_t streams_max = kStreamsDefault;
  if (const auto limit = settings.find("SIGNALS_STREAMS_PER_USER"); limit != settings.end())
    std::from_chars(limit->second.data(), limit->second.data() + limit->second.size(), streams_max);
  auto made = std::make_unique<SignalsAccess>(streams_max, key);
  if (location.empty()) {
    auto verifier = make_verifier(secret, error);
    if (verifier) made->verifier_.set(std::move(verifier));
  } else {
    std::string why;
    made->jwks_ = source::Jwks::make({.location = location}, why);
    if (!made->jwks_) error = "SIGNALS_JWKS: " + why;
  }
  return error.empty() ? std::move(made) : nullptr;
}

// Who comes with a key that is not known yet is refused, and known when it comes again.
auth::JwtResult SignalsAccess::verify(const std::string& token, int64_t now_seconds) const {
  if (!jwks_) return verifier_->verify(token, now_seconds);
  const auto keys = jwks_->keys();
  if (!keys) return {.fault = auth::JwtFault::kUnknownKey};  // none have come so far
  auth::JwtRules rules;
  rules.algorithms = {auth::JwtAlgorithm::kRs256, auth::JwtAlgorithm::kEs256};
  auth::JwtResult result = auth::JwtVerifier(std::move(rules), *keys).verify(token, now_seconds);
  if (result.fault == auth::JwtFault::kUnknownKey) static_cast<void>(jwks_->refresh([] {}));
  return result;
}

std::optional<SignalsAccess::User> SignalsAccess::user_of(const Request& request,
                                                          int64_t now_seconds) const {
  const auth::JwtResult result = verify(token_of(request), now_seconds);
  if (!result.is_valid()) return std::nullopt;
  auto name = result.text("sub");
  if (!name) name = result.text("userId");
  if (!name || name->empty()) return std::nullopt;
  const auto user = static_cast<User>(base::siphash13(key_, *name));
  return user == 0 ? 1 : user;
}

bool SignalsAccess::has_room(User user) const {
  if (streams_max_ == 0) return true;
  const int32_t first = first_[user & (kCells - 1)].load(std::memory_order_relaxed);
  const int32_t second = second_[user >> 16].load(std::memory_order_relaxed);
  return std::min(first, second) < streams_max_;
}

void SignalsAccess::add(User user, int32_t by) {
  if (user == 0) return;
  first_[user & (kCells - 1)].fetch_add(by, std::memory_order_relaxed);
  second_[user >> 16].fetch_add(by, std::memory_order_relaxed);
}

}  // namespace livehub::profile
