// What the kernel's io_uring has and Debian 12's liburing 2.3 does not name yet, and how the driver
// names its operations.
#pragma once

#include <liburing.h>

#include <cstdint>

#include "io/socket_table.h"

namespace livehub::io {

// Numbers of the kernel's ABI (include/uapi/linux/io_uring.h); liburing has them as enums later, so
// that no #ifndef could tell. Trying is what tells: an unknown operation completes with -EINVAL.
inline constexpr uint8_t kOpFixedFdInstall = 54;        // IORING_OP_FIXED_FD_INSTALL, Linux 6.8
inline constexpr uint32_t kSocketCommandSetOption = 3;  // SOCKET_URING_OP_SETSOCKOPT, Linux 6.7

// user_data = tag (4 bits) | generation (28) | index (32).
enum class UringTag : uint8_t {
  kIgnore,   // the completion means nothing
  kSend,     // generation: the batch's number, index: the request's
  kReceive,  // index: the place in the group
  kPollIn,   // the next three: the socket
  kPollOut,
  kClose,
  kAccept,   // index: the token
  kAwaited,  // await_result() waits for it
  kWake,
};

constexpr uint64_t pack_user_data(UringTag tag, uint32_t generation, uint32_t index) {
  return uint64_t{static_cast<uint8_t>(tag)} << 60 | uint64_t{generation} << 32 | index;
}
constexpr uint64_t pack_user_data(UringTag tag, Socket socket) {
  return pack_user_data(tag, socket.generation, socket.index);
}
constexpr UringTag tag_of(uint64_t user_data) { return static_cast<UringTag>(user_data >> 60); }
constexpr Socket socket_of(uint64_t user_data) {
  return {static_cast<uint32_t>(user_data),
          static_cast<uint32_t>(user_data >> 32) & kGenerationMax};
}

}  // namespace livehub::io
