#include "session/encodings.h"

#include <cstring>

#include "wire/sse.h"
#include "wire/ws_writer.h"

namespace livehub::session {
namespace {

using hub::Message;

struct PositionText {
  char bytes[hub::kPositionTextMax];
  size_t size;
  explicit PositionText(hub::Position position) : size(hub::write_position(bytes, position)) {}
  std::string_view view() const { return {bytes, size}; }
};

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

class WsText : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    return wire::ws_frame_head_size(m.payload_bytes) + m.payload_bytes;
  }
  void write_frame(const Message& m, char* out) const override {
    out += wire::write_ws_frame_head(out, wire::WsOpcode::kText, m.payload_bytes);
    put(out, m.payload());
  }
};

class SsePlain : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const PositionText id(m.position);
    return wire::sse_event_bytes({id.view(), {}, m.payload()});
  }
  void write_frame(const Message& m, char* out) const override {
    const PositionText id(m.position);
    wire::write_sse_event(out, {id.view(), {}, m.payload()});
  }
};

class SseChunked : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const size_t event = plain_.frame_bytes(m);
    return event + wire::chunk_overhead_bytes(event);
  }
  void write_frame(const Message& m, char* out) const override {
    const PositionText id(m.position);
    out = wire::write_chunk_head(out, plain_.frame_bytes(m));
    out = wire::write_sse_event(out, {id.view(), {}, m.payload()});
    wire::write_chunk_tail(out);
  }

 private:
  SsePlain plain_;
};

class WsEnvelope : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const size_t bytes = text_bytes(m, PositionText(m.position));
    return wire::ws_frame_head_size(bytes) + bytes;
  }
  void write_frame(const Message& m, char* out) const override {
    const PositionText id(m.position);
    out += wire::write_ws_frame_head(out, wire::WsOpcode::kText, text_bytes(m, id));
    out = put(put(put(out, kBefore), id.view()), kBetween);
    put(put(out, m.payload()), kAfter);
  }

 private:
  static constexpr std::string_view kBefore = "{\"id\":\"", kBetween = "\",\"data\":", kAfter = "}";
  static size_t text_bytes(const Message& m, const PositionText& id) {
    return kBefore.size() + id.size + kBetween.size() + m.payload_bytes + kAfter.size();
  }
};

}  // namespace

const hub::Encoding& encoding_of(EncodingKind kind) {
  static const WsText ws_text;
  static const SseChunked sse_chunked;
  static const SsePlain sse_plain;
  static const WsEnvelope ws_envelope;
  switch (kind) {
    case EncodingKind::kWsText:
      return ws_text;
    case EncodingKind::kSseChunked:
      return sse_chunked;
    case EncodingKind::kSsePlain:
      return sse_plain;
    case EncodingKind::kWsEnvelope:
      return ws_envelope;
  }
  return ws_text;
}

}  // namespace livehub::session
