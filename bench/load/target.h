// An address to load: ws://host:port/path is a WebSocket, http://host:port/path a stream of
// server-sent events (or where to push to), raw://host:port a socket that sends frames without
// being asked.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::bench {

enum class Protocol : uint8_t { kWebSocket, kSse, kRaw };

struct Target {
  Protocol protocol = Protocol::kSse;
  std::string host;       // without brackets
  std::string authority;  // as the Host header has it
  std::string path;       // with query
  uint16_t port = 0;
  sockaddr_storage address{};
  socklen_t address_bytes = 0;
};

// Resolves the name once. Throws std::runtime_error with a sentence that quotes the URL.
Target parse_target(std::string_view url);

const char* protocol_name(Protocol protocol);

}  // namespace livehub::bench
