// What REDIS_URL says. Pure.
//   redis[s]://[[user]:password@]host[:port][/database][?db=n]; user, password and host are percent
//   encoded, an IPv6 literal stands in brackets. Other parameters are passed over.
// Tests: tests/unit/source/redis_url_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::source {

struct RedisAddress {
  bool use_tls = false;
  std::string host;
  uint16_t port = 6379;
  std::string user;      // empty: none, only the password is sent
  std::string password;  // empty: no AUTH
  uint32_t database = 0;
};

// nullopt: `error` is a sentence that begins with REDIS_URL and holds nothing of the secret part.
[[nodiscard]] std::optional<RedisAddress> parse_redis_url(std::string_view url, std::string& error);

}  // namespace livehub::source
