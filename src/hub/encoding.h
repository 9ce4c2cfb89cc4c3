// How a message's bytes look for a class of subscribers: a WebSocket text frame, a chunked SSE
// event, …. The rooms above register theirs; the hub only knows that the same message always gives
// the same bytes. immutable.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hub/message.h"

namespace livehub::hub {

using EncodingId = uint8_t;
inline constexpr EncodingId kEncodingsMax = 16;

class Encoding {
 public:
  virtual ~Encoding() = default;
  // Exact bytes of the frame. 0: this class of subscribers does not get the message.
  virtual size_t frame_bytes(const Message& message) const = 0;
  // Writes exactly frame_bytes() bytes.
  virtual void write_frame(const Message& message, char* out) const = 0;
};

}  // namespace livehub::hub
