// The public keys of who signs tokens, as a JWK set in a file or at a URL: fetched at start, again
// after a while and when a token names a key that is not among them (keys are rotated that way),
// but never more often than `interval_ms`, whatever clients send. What cannot be fetched or read
// leaves the former keys in place.
//
// Owner: the profile's shared part; the engine starts and stops it. mailbox: any thread. Limits: a
// set of 256 KB and 64 keys (auth/jwt.h). Tests: tests/unit/source/jwks_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/jwt.h"
#include "livehub/source.h"

namespace livehub::source {

struct JwksOptions {
  // A path; or https://…, and http:// only to this machine or to a name that ends in .internal.
  std::string location;
  uint32_t max_age_ms = 600'000;  // keys older than that are fetched again
  uint32_t interval_ms = 30'000;  // at least so long between two fetches
  uint32_t timeout_ms = 5'000;
  std::string ca_file = {};  // certificates to trust; empty: the system's
};

class Jwks final : public Source {
  class State;
  struct Private {};

 public:
  Jwks(Private, std::unique_ptr<State> state);  // make() does
  // nullptr: `error` is the sentence that stops the start. A file is read here.
  [[nodiscard]] static std::shared_ptr<Jwks> make(JwksOptions options, std::string& error);
  ~Jwks() override;
  Jwks(const Jwks&) = delete;
  Jwks& operator=(const Jwks&) = delete;

  // The newest keys; nullptr until the first have come. Old ones are fetched anew meanwhile.
  [[nodiscard]] std::shared_ptr<const auth::JwtKeys> keys();
  // For a key that is not among them. True: they are being fetched, and `done` is called once when
  // that is over, on the client's thread (for a file within this call). False: not so soon again.
  [[nodiscard]] bool refresh(std::function<void()> done);

  [[nodiscard]] std::string start(Inlet& inlet) override;
  [[nodiscard]] std::string start();  // without an engine: for tools and tests
  void stop() override;
  std::vector<LinkState> links() const override;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace livehub::source
