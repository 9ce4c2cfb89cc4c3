#include "source/nats_subject.h"

#include <charconv>

#include "wire/utf8.h"

namespace livehub::source {
namespace {

// Of valid UTF-8: U+0080 to U+00A0 are C2 80 to C2 A0, and C2 begins no other forbidden character.
bool has_forbidden(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte <= 0x20 || byte == 0x7f || byte == '.' || byte == '*' || byte == '>') return true;
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) <= 0xa0) return true;
  }
  return false;
}

// One address of the list; false: not one.
bool parse_server(std::string_view text, NatsServer& server) {
  server.url = text;
  if (text.starts_with("nats://")) {
    text.remove_prefix(7);
  } else if (text.starts_with("tls://")) {
    server.is_tls = true;
    text.remove_prefix(6);
  } else {
    return false;
  }
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  if (text.ends_with('/')) text.remove_suffix(1);
  size_t host_end = text.find(':');
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return false;
    server.host = text.substr(1, bracket - 1);
    host_end = bracket + 1 == text.size() ? std::string_view::npos : bracket + 1;
    if (host_end != std::string_view::npos && text[host_end] != ':') return false;
  } else {
    server.host = text.substr(0, host_end);
  }
  for (const char c : server.host)
    if (static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == '?' || c == '#') return false;
  if (host_end == std::string_view::npos) {
    server.url = server.url.substr(0, server.url.size() - (server.url.ends_with('/') ? 1 : 0));
    server.url += ":4222";
    return !server.host.empty();
  }
  const std::string_view port = text.substr(host_end + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), server.port);
  return error == std::errc() && end == port.data() + port.size() && server.port > 0 &&
         !server.host.empty();
}

}  // namespace

bool is_nats_token(std::string_view text) {
  return !text.empty() && text.size() <= kNatsTokenBytesMax && wire::utf8_valid(text) &&
         !has_forbidden(text);
}

bool is_nats_subject(std::string_view subject) {
  for (;;) {
    const size_t dot = subject.find('.');
    if (!is_nats_token(subject.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    subject.remove_prefix(dot + 1);
  }
}

std::string NatsServer::shown() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::vector<NatsServer> parse_nats_servers(std::string_view list, std::string& error) {
  std::vector<NatsServer> servers;
  size_t number = 0;
  while (true) {
    const size_t comma = list.find(',');
    std::string_view text = list.substr(0, comma);
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    ++number;
    NatsServer server;
    if (!parse_server(text, server)) {
      error = "address " + std::to_string(number) +
              " is not of the form nats://host:port or tls://host:port, with user:password@ "
              "before the host where needed.";
      return {};
    }
    servers.push_back(std::move(server));
    if (comma == std::string_view::npos) return servers;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace livehub::source
