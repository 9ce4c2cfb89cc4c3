// How a message's bytes look to each class of subscribers. The plain ones are immutable, and one
// object serves all shards; the compressed ones are each shard's own (session/compression.h).
// Tests: tests/unit/session/encodings_test.cc.
#pragma once

#include <string_view>

#include "hub/encoding.h"
#include "hub/position.h"

namespace livehub::session {

// Fixed order: hub::Fanout::add_encoding() gives these numbers.
enum class EncodingKind : hub::EncodingId {
  kWsText,      // a text frame with the payload (RFC 6455 5.6)
  kSseChunked,  // an event with id and data, as one HTTP/1.1 chunk
  kSsePlain,    // the same without chunking, for HTTP/1.0
  kWsEnvelope,  // a text frame {"id":"<position>","data":<payload>}
  kSseChunkedNoId,
  kSsePlainNoId,
  // From here on only where COMPRESSION is on.
  kWsTextDeflated,  // kWsText with its payload compressed (RFC 7692), where that makes it smaller
  kWsEnvelopeDeflated,
  kSseGzip,  // kSseChunked in the middle of a gzip stream
  kSseGzipNoId,
};
inline constexpr int kPlainEncodings = 6;
inline constexpr int kEncodingKinds = 10;

// One of the plain ones.
const hub::Encoding& encoding_of(EncodingKind kind);

struct PositionText {
  char bytes[hub::kPositionTextMax];
  size_t size;
  explicit PositionText(hub::Position position) : size(hub::write_position(bytes, position)) {}
  std::string_view view() const { return {bytes, size}; }
};

// What stands before the payload in an envelope, and behind it.
class EnvelopeStart {
 public:
  explicit EnvelopeStart(hub::Position position);
  std::string_view view() const { return {bytes_, size_}; }

 private:
  char bytes_[hub::kPositionTextMax + 20];
  size_t size_;
};
inline constexpr std::string_view kEnvelopeEnd = "}";

}  // namespace livehub::session
