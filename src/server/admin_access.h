// Who may see the admin port, beyond /live, /ready and /metrics: this machine's own people, or
// whoever has ADMIN_TOKEN. What it must withstand: a name of the attacker's that resolves to
// 127.0.0.1 (so a loopback peer alone proves nothing), pages of other origins in the same browser,
// and a reverse proxy on the machine, behind which everybody is a loopback peer. immutable but for
// the token. Tests: tests/unit/server/admin_access_test.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "livehub/profile.h"
#include "profile/current.h"

namespace livehub::server {

// "localhost", 127.0.0.0/8 or [::1], with or without a port (RFC 9110 7.2). Nothing else: what is
// merely resolved to a loopback is somebody's name.
[[nodiscard]] bool is_loopback_host(std::string_view host);
[[nodiscard]] bool is_loopback_address(std::string_view text);
// The host without its port; empty if it is none that may stand in a URL.
[[nodiscard]] std::string_view host_name_of(std::string_view host);

// ADMIN_TOKEN as it is in force; SIGHUP may change it while requests are checked. Empty: there is
// none.
using AdminToken = profile::Current<std::string>;

class AdminAccess {
 public:
  explicit AdminAccess(std::shared_ptr<const AdminToken> token) : token_(std::move(token)) {}

  // What a request is refused with; status 0: it is let in.
  struct Verdict {
    int status = 0;
    std::string_view sentence = {};
  };
  [[nodiscard]] Verdict check(const Request& request, int64_t unix_seconds) const;
  // For what is open to all but other sites' pages: the login form.
  [[nodiscard]] Verdict check_origin(const Request& request) const;

  [[nodiscard]] bool has_token() const { return !token_->get().empty(); }
  [[nodiscard]] bool is_token(std::string_view presented) const;
  // The value of Set-Cookie after a login.
  [[nodiscard]] std::string cookie(const Request& request, int64_t unix_seconds) const;
  [[nodiscard]] static std::string cookie_that_ends();

 private:
  bool has_credential(const Request& request, int64_t unix_seconds) const;

  const std::shared_ptr<const AdminToken> token_;
};

}  // namespace livehub::server
