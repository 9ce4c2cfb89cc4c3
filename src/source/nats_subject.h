// NATS subjects and server addresses, checked before anything is sent. Pure functions. Tests:
// tests/unit/source/nats_subject_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::source {

// Whether a text from outside may stand between two dots of a subject: not empty, at most
// kNatsTokenBytesMax bytes of valid UTF-8, and no `.`, `*`, `>`, space or control character. So
// nobody can name a wildcard, leave his place in the subject or end the protocol's line.
inline constexpr size_t kNatsTokenBytesMax = 256;
[[nodiscard]] bool is_nats_token(std::string_view text);

// A subject that may be published to: tokens with single dots between them.
[[nodiscard]] bool is_nats_subject(std::string_view subject);

// One server of NATS_URL.
struct NatsServer {
  std::string url;   // as given, user and password included: never printed
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 4222;
  bool is_tls = false;
  std::string shown() const;  // host and port, for people
};

// A comma list of nats:// or tls:// addresses; the port may be missing. On a mistake the list is
// empty and `error` a sentence that repeats no secret.
[[nodiscard]] std::vector<NatsServer> parse_nats_servers(std::string_view list, std::string& error);

}  // namespace livehub::source
