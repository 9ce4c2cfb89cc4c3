// Frames that describe themselves, for tests: channel, encoding, number, offset, length and a body
// that follows from them, so that a leaked, torn, doubled, reordered or lost byte shows. The parser
// throws.
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>

#include "hub/encoding.h"

namespace livehub::hub::testing {

[[noreturn]] inline void fail(const std::string& what) { throw std::runtime_error(what); }
inline void require(bool condition, const char* what) {
  if (!condition) fail(what);
}

enum class FrameKind : uint16_t { kMessage = 0x4d4d, kOwn = 0x4f4f };

struct FrameHead {
  FrameKind kind = FrameKind::kMessage;
  uint16_t encoding = 0;
  uint32_t bytes = 0;    // head and body
  uint32_t channel = 0;  // kOwn: anything of the test's
  uint32_t check = 0;
  uint64_t number = 0;
  uint64_t offset = 0;
};
static_assert(sizeof(FrameHead) == 32);

inline uint32_t mix(uint64_t value) {
  value *= 0x9e3779b97f4a7c15u;
  return static_cast<uint32_t>(value >> 32 ^ value >> 7);
}

inline uint32_t check_of(const FrameHead& h) {
  return mix(mix(mix(mix(static_cast<uint64_t>(h.kind) << 16 | h.encoding) ^ h.bytes) ^ h.channel) ^
             h.number ^ h.offset << 20);
}

inline char body_byte(const FrameHead& h, uint32_t i) {
  return static_cast<char>(mix(h.check + i));
}

inline void write_frame_bytes(FrameHead head, char* out) {
  head.check = check_of(head);
  std::memcpy(out, &head, sizeof head);
  for (uint32_t i = sizeof head; i < head.bytes; ++i) out[i] = body_byte(head, i);
}

inline std::string frame_of(FrameHead head) {
  std::string bytes(head.bytes, '\0');
  write_frame_bytes(head, bytes.data());
  return bytes;
}

// What a test message's payload begins with; the rest of it is only length.
struct PayloadHead {
  uint64_t number;
  uint32_t channel;
  uint32_t unused = 0;
};

inline MessagePtr make_message(std::string_view channel_name, uint32_t channel, uint64_t number,
                               uint32_t body_bytes) {
  std::string payload(sizeof(PayloadHead) + body_bytes, '.');
  const PayloadHead head{number, channel};
  std::memcpy(payload.data(), &head, sizeof head);
  return MessagePtr::make(channel_name, payload);
}

inline PayloadHead payload_head(const Message& message) {
  PayloadHead head;
  std::memcpy(&head, message.payload_data(), sizeof head);
  return head;
}

class TestEncoding : public Encoding {
 public:
  // `extra`: so much longer than the payload; `every`: leaves out each message whose number it
  // divides.
  TestEncoding(uint16_t id, uint32_t extra, uint64_t every = 0)
      : id_(id), extra_(extra), every_(every) {}
  bool leaves_out(uint64_t number) const { return every_ != 0 && number % every_ == 0; }
  size_t frame_bytes(const Message& m) const override {
    if (leaves_out(payload_head(m).number)) return 0;
    return sizeof(FrameHead) + m.payload_bytes - sizeof(PayloadHead) + extra_;
  }
  void write_frame(const Message& m, char* out) const override {
    const PayloadHead payload = payload_head(m);
    write_frame_bytes({FrameKind::kMessage, id_, static_cast<uint32_t>(frame_bytes(m)),
                       payload.channel, 0, payload.number, m.position.offset},
                      out);
  }

 private:
  const uint16_t id_;
  const uint32_t extra_;
  const uint64_t every_;
};

class FrameParser {
 public:
  size_t pending_bytes() const { return pending_.size(); }
  // Calls on_frame(head, began_here) for each frame that these bytes complete.
  template <typename OnFrame>
  void feed(std::string_view bytes, OnFrame on_frame) {
    bool began_here = pending_.empty();
    pending_.append(bytes);
    size_t done = 0;
    while (pending_.size() - done >= sizeof(FrameHead)) {
      FrameHead head;
      std::memcpy(&head, pending_.data() + done, sizeof head);
      require(head.check == check_of(head) && head.bytes >= sizeof head, "a frame head is torn");
      const auto there =
          static_cast<uint32_t>(std::min<size_t>(head.bytes, pending_.size() - done));
      for (uint32_t i = sizeof head; i < there; ++i)
        require(pending_[done + i] == body_byte(head, i), "a frame body is torn");
      if (there < head.bytes) break;
      done += head.bytes;
      on_frame(head, began_here);
      began_here = true;
    }
    pending_.erase(0, done);
  }

 private:
  std::string pending_;
};

}  // namespace livehub::hub::testing
