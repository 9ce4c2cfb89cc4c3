#include "session/encodings.h"

#include <cstring>

#include "base/check.h"
#include "wire/sse.h"
#include "wire/ws_writer.h"

namespace livehub::session {
namespace {

using hub::Message;

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

// With or without its id; its name is the message's.
template <bool kHasId>
class SsePlain : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const PositionText id(m.position);
    return wire::sse_event_bytes({kHasId ? id.view() : "", m.event(), m.payload()});
  }
  void write_frame(const Message& m, char* out) const override { (void)write(m, out); }
  static char* write(const Message& m, char* out) {
    const PositionText id(m.position);
    return wire::write_sse_event(out, {kHasId ? id.view() : "", m.event(), m.payload()});
  }
};

template <bool kHasId>
class SseChunked : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const size_t event = plain_.frame_bytes(m);
    return event + wire::chunk_overhead_bytes(event);
  }
  void write_frame(const Message& m, char* out) const override {
    out = wire::write_chunk_head(out, plain_.frame_bytes(m));
    wire::write_chunk_tail(SsePlain<kHasId>::write(m, out));
  }

 private:
  SsePlain<kHasId> plain_;
};

class WsEnvelope : public hub::Encoding {
 public:
  size_t frame_bytes(const Message& m) const override {
    const size_t bytes = text_bytes(m, EnvelopeStart(m.position));
    return wire::ws_frame_head_size(bytes) + bytes;
  }
  void write_frame(const Message& m, char* out) const override {
    const EnvelopeStart start(m.position);
    out += wire::write_ws_frame_head(out, wire::WsOpcode::kText, text_bytes(m, start));
    put(put(put(out, start.view()), m.payload()), kEnvelopeEnd);
  }

 private:
  static size_t text_bytes(const Message& m, const EnvelopeStart& start) {
    return start.view().size() + m.payload_bytes + kEnvelopeEnd.size();
  }
};

}  // namespace

EnvelopeStart::EnvelopeStart(hub::Position position) {
  constexpr std::string_view kBefore = "{\"id\":\"", kBetween = "\",\"data\":";
  static_assert(hub::kPositionTextMax + kBefore.size() + kBetween.size() <= sizeof bytes_);
  char* end = put(bytes_, kBefore);
  end += hub::write_position(end, position);
  size_ = static_cast<size_t>(put(end, kBetween) - bytes_);
}

const hub::Encoding& encoding_of(EncodingKind kind) {
  static const WsText kWsText;
  static const SseChunked<true> kSseChunked;
  static const SsePlain<true> kSsePlain;
  static const SseChunked<false> kSseChunkedNoId;
  static const SsePlain<false> kSsePlainNoId;
  static const WsEnvelope kWsEnvelope;
  switch (kind) {
    case EncodingKind::kWsText:
      return kWsText;
    case EncodingKind::kSseChunked:
      return kSseChunked;
    case EncodingKind::kSsePlain:
      return kSsePlain;
    case EncodingKind::kWsEnvelope:
      return kWsEnvelope;
    case EncodingKind::kSseChunkedNoId:
      return kSseChunkedNoId;
    case EncodingKind::kSsePlainNoId:
      return kSsePlainNoId;
    case EncodingKind::kWsTextDeflated:
    case EncodingKind::kWsEnvelopeDeflated:
    case EncodingKind::kSseGzip:
    case EncodingKind::kSseGzipNoId:
      break;
  }
  LIVEHUB_CHECK(false, "compressed encodings are their shard's own");
  return kWsText;
}

}  // namespace livehub::session
