// Who may read signals, where a secret or a set of public keys is given: a token as `Authorization:
// Bearer` or, since an EventSource cannot send that, as `?token=`; and how many streams one user
// may hold.
//
// The counts are cells that a user's name is hashed to, two for each: they may hold back a user
// whose both cells others have filled, and never let one have more than the limit and what comes at
// the very same time. mailbox: any shard. Tests: tests/unit/profile/signals_test.cc and
// tests/integration/signals_access.test.mjs.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "auth/jwt.h"
#include "base/siphash.h"
#include "profile/choice.h"
#include "profile/current.h"
#include "source/jwks.h"

namespace livehub::profile {

class SignalsAccess {
 public:
  // 0: nobody in particular, and no limit.
  using User = uint32_t;

  // `streams_max` 0: any number of a user's.
  SignalsAccess(int32_t streams_max, base::HashKey key) : streams_max_(streams_max), key_(key) {}

  // nullptr: everybody may read (neither SIGNALS_JWT_SECRET nor SIGNALS_JWKS is set), or `error`
  // says what is wrong.
  [[nodiscard]] static std::unique_ptr<SignalsAccess> make(const SettingMap& settings,
                                                           base::HashKey key, std::string& error);

  // Takes another secret, for streams that open from then on. `access`: what make() has made of
  // the former settings. A sentence, and nothing is changed; or nothing.
  [[nodiscard]] static std::string renew(SignalsAccess* access, const SettingMap& settings);

  // nullopt: there is no token, or none that is good now.
  [[nodiscard]] std::optional<User> user_of(const Request& request, int64_t now_seconds) const;
  // The public keys, for the engine to start and stop; nullptr: there is a secret.
  [[nodiscard]] std::shared_ptr<source::Jwks> jwks() const { return jwks_; }
  [[nodiscard]] bool has_room(User user) const;
  void open(User user) { add(user, 1); }
  void close(User user) { add(user, -1); }

 private:
  static constexpr size_t kCells = 1 << 16;

  auth::JwtResult verify(const std::string& token, int64_t now_seconds) const;
  void add(User user, int32_t by);

  Current<auth::JwtVerifier> verifier_;  // or
  std::shared_ptr<source::Jwks> jwks_;
  const int32_t streams_max_;
  const base::HashKey key_;
  // relaxed everywhere: plain counts, nothing else hangs on them.
  std::array<std::atomic<int32_t>, kCells> first_{}, second_{};
};

}  // namespace livehub::profile
