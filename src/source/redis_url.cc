#include "source/redis_url.h"

#include <charconv>

#include "wire/url.h"

namespace livehub::source {
namespace {

bool percent_decode(std::string_view text, std::string& out) {
  std::optional<std::string> decoded = wire::percent_decode(text, false);
  out = decoded ? std::move(*decoded) : std::string();
  return decoded && out.find('\0') == std::string::npos;
}

bool parse_number(std::string_view text, uint32_t most, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value <= most;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

// "host", "host:port", "[v6]:port".
bool parse_host(std::string_view text, RedisAddress& address) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port[0] != ':') return false;
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (port.size() > 1) {
    uint32_t number = 0;
    if (!parse_number(port.substr(1), 65535, number) || number == 0) return false;
    address.port = static_cast<uint16_t>(number);
  }
  return percent_decode(host, address.host) && !address.host.empty();
}

bool parse_credentials(std::string_view text, RedisAddress& address) {
  const size_t colon = text.find(':');
  if (!percent_decode(text.substr(0, colon), address.user)) return false;
  return colon == std::string_view::npos ||
         percent_decode(text.substr(colon + 1), address.password);
}

// "/3" and "?db=3".
bool parse_database(std::string_view path, std::string_view query, RedisAddress& address) {
  constexpr uint32_t kMost = 1'000'000;
  if (path.size() > 1 && !parse_number(path.substr(1), kMost, address.database)) return false;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (pair.starts_with("db=") && !parse_number(pair.substr(3), kMost, address.database))
      return false;
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return true;
}

}  // namespace

std::optional<RedisAddress> parse_redis_url(std::string_view url, std::string& error) {
  RedisAddress address;
  const size_t scheme_end = url.find("://");
  const std::string scheme =
      scheme_end == std::string_view::npos ? std::string() : lower(url.substr(0, scheme_end));
  if (scheme == "https" || scheme == "http") {
    error = "REDIS_URL is a REST address (" + scheme +
            "://); give the one for Redis clients, which begins with rediss:// or redis://.";
    return std::nullopt;
  }
  if (scheme != "redis" && scheme != "rediss") {
    error = "REDIS_URL must begin with redis:// or rediss://.";
    return std::nullopt;
  }
  address.use_tls = scheme == "rediss";
  std::string_view rest = url.substr(scheme_end + 3);
  // A password may hold '/' or '?' that somebody forgot to encode: the last '@' ends it.
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (!parse_credentials(rest.substr(0, at), address)) {
      error = "REDIS_URL: the user or password holds a % that two hex digits do not follow.";
      return std::nullopt;
    }
    rest = rest.substr(at + 1);
  }
  const size_t query_at = rest.find('?');
  const std::string_view query =
      query_at == std::string_view::npos ? std::string_view() : rest.substr(query_at + 1);
  rest = rest.substr(0, query_at);
  const size_t slash = rest.find('/');
  const std::string_view path =
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  if (!parse_host(rest.substr(0, slash), address)) {
    error = "REDIS_URL: after the credentials comes host or host:port, with [ ] around IPv6.";
    return std::nullopt;
  }
  if (!parse_database(path, query, address)) {
    error = "REDIS_URL: what follows the host is the number of a database, as in /0.";
    return std::nullopt;
  }
  return address;
}

}  // namespace livehub::source
