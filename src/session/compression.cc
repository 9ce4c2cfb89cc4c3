#include "session/compression.h"

#include <cstring>

#include "base/check.h"
#include "wire/sse.h"
#include "wire/ws_writer.h"

namespace livehub::session {
namespace {

using hub::Message;

// What an encoding may put around the blocks beyond what it puts around a payload: the heads of two
// stored blocks, and the byte that a WebSocket message ends with behind one.
constexpr size_t kAroundBlocksMax = 16;
// A name that long would need a second stored block: such an event is not compressed.
constexpr size_t kEventNameMax = 4096;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::string_view without_tail(std::string_view blocks) {
  return blocks.substr(0, blocks.size() - wire::kDeflateTail.size());
}

class WsTextDeflated : public hub::Encoding {
 public:
  explicit WsTextDeflated(Compression& compression) : compression_(compression) {}
  const hub::Encoding& for_one() const override { return encoding_of(EncodingKind::kWsText); }
  size_t frame_bytes_max(const Message& m) const override { return for_one().frame_bytes(m); }
  size_t frame_bytes(const Message& m) const override {
    const std::string_view blocks = compression_.blocks_of(m);
    if (blocks.empty()) return for_one().frame_bytes(m);
    const size_t bytes = without_tail(blocks).size();
    return wire::ws_frame_head_size(bytes) + bytes;
  }
  void write_frame(const Message& m, char* out) const override {
    const std::string_view blocks = compression_.blocks_of(m);
    if (blocks.empty()) return for_one().write_frame(m, out);
    const std::string_view payload = without_tail(blocks);
    out += wire::write_ws_frame_head(out, wire::WsOpcode::kText, payload.size(), true);
    put(out, payload);
  }

 private:
  Compression& compression_;
};

class WsEnvelopeDeflated : public hub::Encoding {
 public:
  explicit WsEnvelopeDeflated(Compression& compression) : compression_(compression) {}
  const hub::Encoding& for_one() const override { return encoding_of(EncodingKind::kWsEnvelope); }
  size_t frame_bytes_max(const Message& m) const override { return for_one().frame_bytes(m); }
  size_t frame_bytes(const Message& m) const override {
    const std::string_view blocks = compression_.blocks_of(m);
    if (blocks.empty()) return for_one().frame_bytes(m);
    const size_t bytes = payload_bytes(EnvelopeStart(m.position), blocks);
    return wire::ws_frame_head_size(bytes) + bytes;
  }
  void write_frame(const Message& m, char* out) const override {
    const std::string_view blocks = compression_.blocks_of(m);
    if (blocks.empty()) return for_one().write_frame(m, out);
    const EnvelopeStart start(m.position);
    out +=
        wire::write_ws_frame_head(out, wire::WsOpcode::kText, payload_bytes(start, blocks), true);
    out = put(wire::write_stored_blocks(out, start.view()), blocks);
    *wire::write_stored_blocks(out, kEnvelopeEnd) = kLastByte;
  }

 private:
  // The first byte of the empty block that the receiver ends the message with (RFC 7692 7.2.2).
  static constexpr char kLastByte = 0;
  static size_t payload_bytes(const EnvelopeStart& start, std::string_view blocks) {
    return wire::stored_blocks_bytes(start.view().size()) + blocks.size() +
           wire::stored_blocks_bytes(kEnvelopeEnd.size()) + sizeof kLastByte;
  }
  Compression& compression_;
};

// An event in the middle of a gzip stream, as one chunk. Without `compression` it is only stored.
template <bool kHasId>
class SseGzip : public hub::Encoding {
 public:
  explicit SseGzip(Compression* compression)
      : compression_(compression),
        stored_(compression ? std::make_unique<SseGzip>(nullptr) : nullptr) {}
  const hub::Encoding& for_one() const override { return stored_ ? *stored_ : *this; }
  size_t frame_bytes_max(const Message& m) const override { return for_one().frame_bytes(m); }
  size_t frame_bytes(const Message& m) const override {
    const PositionText id(m.position);
    const size_t bytes = body_bytes(m, id, blocks_of(m));
    return bytes + wire::chunk_overhead_bytes(bytes);
  }
  void write_frame(const Message& m, char* out) const override {
    const PositionText id(m.position);
    const std::string_view blocks = blocks_of(m);
    const size_t bytes = body_bytes(m, id, blocks);
    out = wire::write_chunk_head(out, bytes);
    if (blocks.empty())
      out = write_stored(event_of(m, id, m.payload()), out);
    else
      out = write_around(event_of(m, id, ""), blocks, out);
    wire::write_chunk_tail(out);
  }

 private:
  static constexpr std::string_view kEnd = "\n\n";
  static wire::SseEvent event_of(const Message& m, const PositionText& id, std::string_view data) {
    return {kHasId ? id.view() : "", m.event(), data};
  }
  std::string_view blocks_of(const Message& m) const {
    if (!compression_ || m.event_bytes > kEventNameMax) return {};
    return compression_->blocks_of(m);
  }
  static size_t body_bytes(const Message& m, const PositionText& id, std::string_view blocks) {
    if (blocks.empty())
      return wire::stored_blocks_bytes(wire::sse_event_bytes(event_of(m, id, m.payload())));
    return wire::sse_event_bytes(event_of(m, id, "")) + 2 * wire::kStoredHeadBytes + blocks.size();
  }
  static char* write_stored(const wire::SseEvent& event, char* out) {
    const size_t bytes = wire::sse_event_bytes(event);
    wire::write_sse_event(out + (wire::stored_blocks_bytes(bytes) - bytes), event);
    return wire::store_in_place(out, bytes);
  }
  // The event without its data, and its data's blocks in the middle.
  static char* write_around(const wire::SseEvent& event, std::string_view blocks, char* out) {
    wire::write_sse_event(out + wire::kStoredHeadBytes, event);
    out = wire::store_in_place(out, wire::sse_event_bytes(event) - kEnd.size());
    return wire::write_stored_blocks(put(out, blocks), kEnd);
  }

  Compression* compression_;
  std::unique_ptr<SseGzip> stored_;
};

}  // namespace

Compression::Compression(Counters& counters, base::MemoryAccount& account)
    : counters_(counters), account_(account) {
  account_.charge(static_cast<int64_t>(wire::kZlibBytes));
  const auto add = [this](EncodingKind kind, auto encoding) {
    encodings_[static_cast<size_t>(kind) - kPlainEncodings] = std::move(encoding);
  };
  add(EncodingKind::kWsTextDeflated, std::make_unique<WsTextDeflated>(*this));
  add(EncodingKind::kWsEnvelopeDeflated, std::make_unique<WsEnvelopeDeflated>(*this));
  add(EncodingKind::kSseGzip, std::make_unique<SseGzip<true>>(this));
  add(EncodingKind::kSseGzipNoId, std::make_unique<SseGzip<false>>(this));
}

Compression::~Compression() { account_.release(static_cast<int64_t>(wire::kZlibBytes)); }

const hub::Encoding& Compression::encoding_of(EncodingKind kind) const {
  return *encodings_[static_cast<size_t>(kind) - kPlainEncodings];
}

std::string_view Compression::blocks_of(const hub::Message& message) {
  if (message.payload_bytes < kCompressFromBytes) return {};
  if (message_.get() == &message) return blocks_;
  message_ = hub::MessagePtr::hold(message);
  blocks_ = compress(message.payload());
  return blocks_;
}

std::string_view Compression::compress(std::string_view text) {
  const std::string_view blocks = deflater_.compress(text, text.size() - kAroundBlocksMax);
  if (blocks.empty()) {
    ++counters_.compressions_in_vain;
    return {};
  }
  ++counters_.compressions;
  counters_.compressed_from_bytes += text.size();
  counters_.compressed_to_bytes += blocks.size();
  return blocks;
}

std::string Compression::ws_frame(wire::WsOpcode opcode, std::string_view payload) {
  if (payload.size() < kCompressFromBytes) return wire::ws_frame(opcode, payload);
  message_ = {};
  const std::string_view blocks = compress(payload);
  if (blocks.empty()) return wire::ws_frame(opcode, payload);
  return wire::ws_frame(opcode, without_tail(blocks), true);
}

std::string Compression::gzip_blocks(std::string_view text) {
  if (text.size() >= kCompressFromBytes) {
    message_ = {};
    const std::string_view blocks = compress(text);
    if (!blocks.empty()) return std::string(blocks);
  }
  std::string stored(wire::stored_blocks_bytes(text.size()), '\0');
  wire::write_stored_blocks(stored.data(), text);
  return stored;
}

void Compression::end_turn() {
  allow_more();
  if (message_) message_ = {};
  deflater_.shrink();
  inflater_.shrink();
}

}  // namespace livehub::session
