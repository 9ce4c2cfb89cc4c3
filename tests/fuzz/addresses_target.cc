// What stands in settings and in header fields that decide about access: addresses of brokers and
// backends, origins, signatures. What is written in parts comes back in parts; a mistake is told in
// one line that holds no password; nothing matches that was not made for it.
#include <string>

#include "auth/bearer.h"
#include "auth/origin.h"
#include "auth/push_signature.h"
#include "auth/sealed_expiry.h"
#include "fuzz.h"
#include "source/http_url.h"
#include "source/nats_subject.h"
#include "source/pg_url.h"
#include "source/redis_url.h"
#include "wire/url.h"

namespace livehub::source {
namespace {

constexpr std::string_view kSecret = "pass-Xy7Qz";

void must_be_sentence(const std::string& error) {
  MUST(!error.empty() && error.find('\n') == error.npos, "a mistake is told in one line");
  MUST(error.find(kSecret) == error.npos, "a password is never told");
}

void check_brokers(std::string_view input) {
  std::string error;
  for (const std::string& url :
       {std::string(input), "redis://u:" + std::string(kSecret) + "@" + std::string(input)}) {
    const auto address = parse_redis_url(url, error);
    if (!address) must_be_sentence(error);
    if (address) MUST(!address->host.empty() && address->port > 0, "an address has a place");
  }
  for (const std::string& url :
       {std::string(input), "postgres://u:" + std::string(kSecret) + "@" + std::string(input)})
    if (!parse_pg_address(url, "DATABASE_URL", error)) must_be_sentence(error);
  for (const std::string& list :
       {std::string(input), "nats://u:" + std::string(kSecret) + "@" + std::string(input)}) {
    const auto servers = parse_nats_servers(list, error);
    if (servers.empty()) must_be_sentence(error);
    for (const NatsServer& server : servers) {
      MUST(!server.host.empty() && server.port > 0, "a server has a place");
      MUST(server.shown().find(kSecret) == std::string::npos, "a password is never shown");
    }
  }
}

void check_parts(std::string_view user, std::string_view password) {
  if ((std::string(user) + std::string(password)).find('\0') != std::string::npos) return;
  std::string error;
  const std::string url = "rediss://" + wire::percent_encode(user) + ":" +
                          wire::percent_encode(password) + "@host:1234/3";
  const auto address = parse_redis_url(url, error);
  MUST(address && address->use_tls && address->host == "host" && address->port == 1234 &&
           address->database == 3,
       "an address in parts comes back in parts");
  MUST(address->user == user && address->password == password, "user and password too");
}

void check_http(std::string_view input) {
  if (!is_callable_url(input)) return;
  MUST(input.find_first_of(std::string_view(" \t\r\n\0", 5)) == input.npos, "a URL is one word");
  const UrlOrigin origin = origin_of_url(input);
  MUST(origin.scheme == "http" || origin.scheme == "https", "one of two schemes");
  MUST(!origin.host.empty() && !origin.port.empty(), "an origin is whole");
}

void check_origins(std::string_view list, std::string_view asked) {
  std::string error;
  const auto origins = auth::OriginList::parse(list, error);
  if (!origins) return must_be_sentence(error);
  bool is_listed = origins->any();
  for (const std::string& entry : origins->entries()) {
    is_listed |= entry == asked;
    const auto again = auth::OriginList::parse(entry, error);
    MUST(again && (again->any() || again->entries() == std::vector{entry}), "an entry is its own");
    MUST(origins->allows(entry) || entry == "*", "what is listed is allowed");
  }
  MUST(origins->allows(asked) == is_listed, "nothing else is allowed");
  MUST(origins->any() || !origins->allows(""), "no origin is not an origin");
}

void check_secrets(std::string_view first, std::string_view second) {
  static const auth::PushSignature signature{std::string(kSecret)};
  MUST(signature.check_body(first, second, "body") != auth::SignatureCheck::kOk, "not by chance");
  if (const auto seconds = auth::parse_signature_timestamp(first))
    MUST(*seconds >= 0 && first.find_first_not_of("0123456789") == first.npos, "digits only");
  MUST(!auth::is_sealed_and_fresh(kSecret, first, 1000), "no seal by chance");
  MUST(auth::is_sealed_and_fresh(kSecret, auth::seal_expiry(kSecret, 2000), 1000), "ours holds");
  MUST(!auth::is_sealed_and_fresh(kSecret, auth::seal_expiry(kSecret, 2000) + "x", 1000), "whole");
  if (auth::bearer_matches(first, kSecret))
    MUST(first.size() > kSecret.size() + 6 && first.ends_with(kSecret), "the token, whole");
  MUST(!auth::bearer_matches(first, ""), "an empty token matches nothing");
  (void)is_sendable_field(first, second);
  if (is_nats_token(first))
    MUST(is_nats_subject("a." + std::string(first)), "tokens make subjects");
}

FUZZ_TARGET(addresses) {
  if (input.find(kSecret) != input.npos) return;
  fuzz::Input parts(input);
  const std::string_view first = parts.until('|');
  const std::string_view second = parts.rest();
  check_brokers(input);
  check_parts(first, second);
  check_http(input);
  check_origins(first, second);
  check_secrets(first, second);
}

}  // namespace
}  // namespace livehub::source
