#include "load/target.h"

#include <netdb.h>

#include <charconv>
#include <cstring>
#include <stdexcept>

namespace livehub::bench {

namespace {

[[noreturn]] void refuse(std::string_view url, const std::string& why) {
  throw std::runtime_error("the address \"" + std::string(url) + "\" " + why);
}

Protocol protocol_of(std::string_view url, std::string_view scheme) {
  if (scheme == "ws") return Protocol::kWebSocket;
  if (scheme == "http") return Protocol::kSse;
  if (scheme == "raw") return Protocol::kRaw;
  refuse(url, "must begin with ws://, http:// or raw:// (TLS is not spoken here)");
}

// "host", "host:port", "[::1]:port"
void split_authority(std::string_view url, Target& target) {
  std::string_view rest = target.authority;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) refuse(url, "has no closing bracket");
    target.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    const size_t colon = rest.find(':');
    target.host = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon, rest.size()));
  }
  target.port = 80;
  if (rest.starts_with(':')) {
    const char* end = rest.data() + rest.size();
    if (std::from_chars(rest.data() + 1, end, target.port).ptr != end)
      refuse(url, "has no valid port");
  }
  if (target.host.empty()) refuse(url, "has no host");
}

void resolve(std::string_view url, Target& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(target.host.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (error != 0) refuse(url, std::string("cannot be resolved: ") + gai_strerror(error));
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  target.address_bytes = found->ai_addrlen;
  freeaddrinfo(found);
}

}  // namespace

Target parse_target(std::string_view url) {
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) refuse(url, "has no scheme");
  Target target;
  target.protocol = protocol_of(url, url.substr(0, scheme_end));
  const std::string_view rest = url.substr(scheme_end + 3);
  const size_t slash = std::min(rest.find('/'), rest.size());
  target.authority = rest.substr(0, slash);
  target.path = slash == rest.size() ? "/" : rest.substr(slash);
  split_authority(url, target);
  resolve(url, target);
  return target;
}

const char* protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kWebSocket:
      return "WebSocket";
    case Protocol::kSse:
      return "SSE";
    case Protocol::kRaw:
      return "raw";
  }
  return "?";
}

}  // namespace livehub::bench
