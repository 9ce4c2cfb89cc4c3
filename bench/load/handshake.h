// Opening a connection: the socket, the request, the server's answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/plan.h"

namespace livehub::bench {

// Gives every few thousand connections a local address of their own, so that the number of ports to
// one address does not bind. On loopback addresses of 127/8, else the ones given, else the kernel's
// choice.
class Dialer {
 public:
  explicit Dialer(const std::vector<std::string>& sources);
  // A socket that is connecting, or -errno.
  int dial(const Target& target, uint32_t ordinal) const;

 private:
  int bind_source(int fd, const Target& target, uint32_t ordinal) const;

  std::vector<sockaddr_storage> sources_;
  uint32_t loopback_net_;  // differs from run to run: ports in TIME_WAIT are not met again
};

// `channel`, `id`: what fills the holes of the URL; an id that is not empty is also said as
// Last-Event-ID by SSE clients.
std::string request_head(const GroupPlan& plan, std::string_view channel = {},
                         std::string_view id = {});
// Whether each client has a request of its own.
bool is_request_shared(const GroupPlan& plan);
// The least that a server may answer to it: what the bare loop sends.
std::string least_response_head(Protocol protocol);

struct ResponseHead {
  enum class State : uint8_t { kIncomplete, kAccepted, kRefused } state = State::kIncomplete;
  size_t bytes = 0;  // of the head
  bool chunked = false;
  std::string why;  // kRefused: one sentence
};
ResponseHead read_response_head(std::string_view bytes, Protocol protocol);

}  // namespace livehub::bench
