// How a message's bytes look to each class of subscribers. immutable; one object serves all shards.
// Tests: tests/unit/session/encodings_test.cc.
#pragma once

#include "hub/encoding.h"

namespace livehub::session {

// Fixed order: hub::Fanout::add_encoding() gives these numbers.
enum class EncodingKind : hub::EncodingId {
  kWsText,      // a text frame with the payload (RFC 6455 5.6)
  kSseChunked,  // an event with id and data, as one HTTP/1.1 chunk
  kSsePlain,    // the same without chunking, for HTTP/1.0
  kWsEnvelope,  // a text frame {"id":"<position>","data":<payload>}
  kSseChunkedNoId,
  kSsePlainNoId,
};
inline constexpr int kEncodingKinds = 6;

const hub::Encoding& encoding_of(EncodingKind kind);

}  // namespace livehub::session
