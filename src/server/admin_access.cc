#include "server/admin_access.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "auth/bearer.h"
#include "auth/sealed_expiry.h"

namespace livehub::server {
namespace {

constexpr std::string_view kCookie = "livehub_admin";
constexpr int64_t kCookieSeconds = 12 * 3600;

// A proxy says so in one of these; behind it a loopback peer is anybody.
constexpr std::array<std::string_view, 6> kProxyFields = {
    "forwarded", "x-forwarded-for", "x-real-ip", "via", "fly-client-ip", "x-forwarded-host"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_loopback_v4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

bool is_local(const Request& request) {
  if (!is_loopback_host(request.header("host").value_or(""))) return false;
  for (const std::string_view field : kProxyFields)
    if (request.header(field)) return false;
  return is_loopback_address(request.client_address());
}

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return {};
}

bool is_safe_method(std::string_view method) { return method == "GET" || method == "HEAD"; }

}  // namespace

std::string_view host_name_of(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = host.substr(end + 1);
    const bool is_port = rest.empty() || (rest[0] == ':' && rest.size() <= 6);
    host = is_port ? host.substr(0, end + 1) : std::string_view();
  } else {
    host = host.substr(0, host.find(':'));
  }
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '[' || c == ']' || c == ':';
  };
  return std::all_of(host.begin(), host.end(), is_allowed) ? host : std::string_view();
}

bool is_loopback_host(std::string_view host) {
  // A second colon outside of brackets is no port.
  const bool is_bracketed = host.starts_with('[');
  if (!is_bracketed && std::count(host.begin(), host.end(), ':') > 1) return false;
  const std::string name = lower(host_name_of(host));
  const size_t port = name.size() + 1;
  const std::string_view digits = host.size() > port ? host.substr(port) : std::string_view();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  return name == "localhost" || name == "[::1]" || is_loopback_v4(name);
}

bool is_loopback_address(std::string_view text) {
  const std::string address(text);
  return address == "::1" || is_loopback_v4(address);
}

// An Origin, where there is one, is the page's own: the same host and port as the request's. The
// scheme is the proxy's in front of us, if any. A browser says "null" for a page without one.
AdminAccess::Verdict AdminAccess::check_origin(const Request& request) const {
  const std::string host = lower(request.header("host").value_or(""));
  const auto origin = request.header("origin");
  if (!origin) {
    if (!is_safe_method(request.method()))
      return {403, "A request that changes something comes from the page itself."};
    // A page of another site that loads ours as a picture or a script sends no Origin.
    const bool is_foreign = request.header("sec-fetch-site").value_or("") == "cross-site" &&
                            request.header("sec-fetch-mode").value_or("") != "navigate";
    if (is_foreign) return {403, "Other sites' pages may not load this."};
    return {};
  }
  const std::string given = lower(*origin);
  if (!host.empty() && (given == "http://" + host || given == "https://" + host)) return {};
  return {403, "The Origin is not this page's own."};
}

bool AdminAccess::is_token(std::string_view presented) const {
  return auth::bearer_matches("Bearer " + std::string(presented), token_->get());
}

bool AdminAccess::has_credential(const Request& request, int64_t unix_seconds) const {
  const std::string& token = token_->get();
  if (token.empty()) return false;
  if (auth::bearer_matches(request.header("authorization").value_or(""), token)) return true;
  const std::string_view sealed = cookie_value(request.header("cookie").value_or(""), kCookie);
  return auth::is_sealed_and_fresh(token, sealed, unix_seconds);
}

AdminAccess::Verdict AdminAccess::check(const Request& request, int64_t unix_seconds) const {
  if (const Verdict verdict = check_origin(request); verdict.status != 0) return verdict;
  if (has_credential(request, unix_seconds) || is_local(request)) return {};
  if (has_token()) return {401, "ADMIN_TOKEN is needed: as a bearer token, or by /login."};
  return {403,
          "This opens on the machine itself only, as http://localhost; to open it from elsewhere, "
          "set ADMIN_TOKEN."};
}

std::string AdminAccess::cookie(const Request& request, int64_t unix_seconds) const {
  const bool is_https = request.header("origin").value_or("").starts_with("https://");
  return std::string(kCookie) + "=" +
         auth::seal_expiry(token_->get(), unix_seconds + kCookieSeconds) +
         "; Path=/; Max-Age=" + std::to_string(kCookieSeconds) + "; HttpOnly; SameSite=Strict" +
         (is_https ? "; Secure" : "");
}

std::string AdminAccess::cookie_that_ends() {
  return std::string(kCookie) + "=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
}

}  // namespace livehub::server
