#include "load/handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "load/template.h"

namespace livehub::bench {

namespace {

constexpr uint32_t kConnectionsPerSource = 4000;
constexpr size_t kHeadBytesMax = 16 * 1024;

// Every connection sends the same key: what it protects from does not happen here.
constexpr std::string_view kWsKey = "bGl2ZWh1Yi1iZW5jaC13cw==";
constexpr std::string_view kWsAccept = "TSnAm/zUe/l+AsE+YLL7zQawSLU=";

bool contains_ignoring_case(std::string_view text, std::string_view lower_case_part) {
  return std::search(text.begin(), text.end(), lower_case_part.begin(), lower_case_part.end(),
                     [](char a, char b) {
                       return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
                     }) != text.end();
}

bool is_loopback_ipv4(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET) return false;
  sockaddr_in in4{};
  std::memcpy(&in4, &address, sizeof in4);
  return (ntohl(in4.sin_addr.s_addr) >> 24) == 127;
}

}  // namespace

Dialer::Dialer(const std::vector<std::string>& sources)
    : loopback_net_(16 + static_cast<uint32_t>(getppid()) % 200) {
  for (const std::string& text : sources) {
    sockaddr_storage storage{};
    sockaddr_in in4{};
    sockaddr_in6 in6{};
    in4.sin_family = AF_INET;
    in6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET, text.c_str(), &in4.sin_addr) == 1) {
      std::memcpy(&storage, &in4, sizeof in4);
    } else if (inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr) == 1) {
      std::memcpy(&storage, &in6, sizeof in6);
    } else {
      throw std::runtime_error("the source \"" + text + "\" is not an IP address");
    }
    sources_.push_back(storage);
  }
}

int Dialer::bind_source(int fd, const Target& target, uint32_t ordinal) const {
  const uint32_t number = ordinal / kConnectionsPerSource;
  sockaddr_storage source{};
  if (!sources_.empty()) {
    source = sources_[number % sources_.size()];
  } else if (is_loopback_ipv4(target.address)) {
    sockaddr_in in4{};
    in4.sin_family = AF_INET;
    in4.sin_addr.s_addr =
        htonl((127u << 24) | (loopback_net_ << 16) | ((number / 250) << 8) | (1 + number % 250));
    std::memcpy(&source, &in4, sizeof in4);
  } else {
    return 0;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return bind(fd, reinterpret_cast<const sockaddr*>(&source), target.address_bytes);
}

int Dialer::dial(const Target& target, uint32_t ordinal) const {
  const int fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
  if (bind_source(fd, target, ordinal) == 0 &&
      (connect(fd, address, target.address_bytes) == 0 || errno == EINPROGRESS)) {
    return fd;
  }
  const int error = errno;
  close(fd);
  return -error;
}

bool is_request_shared(const GroupPlan& plan) {
  return !plan.resumes && !has_hole(plan.target.path, "channel") &&
         !has_hole(plan.extra_headers, "channel");
}

std::string request_head(const GroupPlan& plan, std::string_view channel, std::string_view id) {
  const Target& target = plan.target;
  if (target.protocol == Protocol::kRaw) return {};
  const Holes holes{.channel = channel, .id = id};
  std::string head =
      "GET " + fill(target.path, holes) + " HTTP/1.1\r\nHost: " + target.authority + "\r\n";
  if (target.protocol == Protocol::kWebSocket) {
    head += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    head += "Sec-WebSocket-Key: " + std::string(kWsKey) + "\r\n";
  } else {
    head += "Accept: text/event-stream\r\nCache-Control: no-store\r\n";
    if (!id.empty()) head += "Last-Event-ID: " + std::string(id) + "\r\n";
  }
  return head + fill(plan.extra_headers, holes) + "\r\n";
}

std::string least_response_head(Protocol protocol) {
  if (protocol == Protocol::kSse)
    return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(kWsAccept) + "\r\n\r\n";
}

ResponseHead read_response_head(std::string_view bytes, Protocol protocol) {
  using enum ResponseHead::State;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() <= kHeadBytesMax) return {};
    return {.state = kRefused, .why = "the response head is longer than 16 KB"};
  }
  const std::string_view head = bytes.substr(0, end + 2);
  const std::string_view first_line = head.substr(0, head.find('\r'));
  const bool is_ws = protocol == Protocol::kWebSocket;
  if (!first_line.starts_with(is_ws ? "HTTP/1.1 101" : "HTTP/1.1 200")) {
    return {.state = kRefused, .why = "the server answered \"" + std::string(first_line) + "\""};
  }
  if (is_ws && head.find(kWsAccept) == std::string_view::npos) {
    return {.state = kRefused, .why = "the answer has no valid Sec-WebSocket-Accept"};
  }
  return {.state = kAccepted,
          .bytes = end + 4,
          .chunked = contains_ignoring_case(head, "transfer-encoding: chunked"),
          .why = {}};
}

}  // namespace livehub::bench
