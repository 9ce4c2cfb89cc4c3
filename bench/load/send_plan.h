// What clients are to send: small messages that the server answers to their sender, each with the
// message in it (an echo is enough).
#pragma once

#include <cstdint>

namespace livehub::bench {

struct SendPlan {
  uint64_t count = 0;  // messages at most, of all clients; 0: until `seconds` are over
  double seconds = 0;
  double rate_per_second = 0;  // of all clients; 0: each sends again when its reply has come
  uint32_t payload_bytes = 128;

  // Still to be sent, `passed_ns` after the start, by a process that has sent so many.
  bool is_over(int64_t passed_ns, uint64_t sent) const {
    return (count > 0 && sent >= count) ||
           (seconds > 0 && static_cast<double>(passed_ns) >= seconds * 1e9);
  }
};

}  // namespace livehub::bench
