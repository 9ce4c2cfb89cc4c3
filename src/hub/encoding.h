// How a message's bytes look for a class of subscribers: a WebSocket text frame, a chunked SSE
// event, …. The rooms above register theirs; the hub only knows that the same message always gives
// the same bytes. immutable, or shard-local where it has a buffer to work in.
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
  // Exact bytes of the frame. 0: this class of subscribers does not get the message. Where that
  // takes work (compression), it is done here, and write_frame() follows before another message.
  virtual size_t frame_bytes(const Message& message) const = 0;
  // Writes exactly frame_bytes() bytes.
  virtual void write_frame(const Message& message, char* out) const = 0;
  // What the frame has at most, without that work: room is made for so much, maybe several times
  // until there is some.
  virtual size_t frame_bytes_max(const Message& message) const { return frame_bytes(message); }
  // How the same class of subscribers reads a message that one of them alone is sent (a replay):
  // an encoding that costs no more than a copy.
  virtual const Encoding& for_one() const { return *this; }
};

}  // namespace livehub::hub
