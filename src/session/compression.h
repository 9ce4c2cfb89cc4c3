// Compression of one shard: the zlib state that all its connections share, and the encodings for
// clients that agreed to compressed bytes. A message of a channel is compressed at most once on a
// shard, whatever the number of encodings and subscribers: each encoding puts its own few bytes
// around the same blocks, as stored blocks. shard-local.
//
// Small messages, and those that would not get smaller, go as they are. A compressed frame is never
// larger than the plain one.
// Why so: docs/decisions/2026-11-21-compression.md. Tests: tests/unit/session/compression_test.cc,
// tests/integration/compression.test.mjs.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/memory_budget.h"
#include "hub/message.h"
#include "session/counters.h"
#include "session/encodings.h"
#include "wire/deflate.h"
#include "wire/ws_frame.h"

namespace livehub::session {

// Below it a message is sent plain.
inline constexpr size_t kCompressFromBytes = 256;

// A few bytes of a client's become 64 KB here: of one connection's input so much is inflated at a
// time, and in a turn so much of what is received and as much again of what waited (a message more
// at most, each). The rest waits for the next turn, so that who sends such messages delays others
// by milliseconds only.
inline constexpr uint64_t kInflatedAtOnce = 64 * 1024;
inline constexpr uint64_t kInflatedATurn = 512 * 1024;

// A gzip member's head (RFC 1952 2.3): deflate, no name, no time, no system.
inline constexpr std::string_view kGzipHead("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 10);
// wire::kSsePing as a stored block, in a chunk.
inline constexpr std::string_view kSsePingGzipChunk("d\r\n\x00\x08\x00\xf7\xff: ping\n\n\r\n", 18);

class Compression {
 public:
  Compression(Counters& counters, base::MemoryAccount& account);
  ~Compression();
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  // One of the kinds from kPlainEncodings on.
  const hub::Encoding& encoding_of(EncodingKind kind) const;
  wire::Inflater& inflater() { return inflater_; }
  // Up to what Inflater::made_bytes() one input may go now; reached already: it waits.
  uint64_t inflate_until() const {
    return std::min(inflater_.made_bytes() + kInflatedAtOnce, turn_until_);
  }
  void allow_more() { turn_until_ = inflater_.made_bytes() + kInflatedATurn; }

  // The payload as blocks that end with wire::kDeflateTail; empty: it goes as it is. Valid until
  // another message is asked for.
  std::string_view blocks_of(const hub::Message& message);

  // For one session alone: a WebSocket message, compressed where that is worth it; and the middle
  // of a gzip stream that says `text`.
  std::string ws_frame(wire::WsOpcode opcode, std::string_view payload);
  std::string gzip_blocks(std::string_view text);

  // The turn's messages are written: lets go of the last one, and of large buffers.
  void end_turn();

 private:
  std::string_view compress(std::string_view text);

  Counters& counters_;
  base::MemoryAccount& account_;
  wire::Deflater deflater_;
  wire::Inflater inflater_;
  hub::MessagePtr message_;  // whose blocks these are; held, so that no other has its address
  std::string_view blocks_;
  uint64_t turn_until_ = kInflatedATurn;  // of Inflater::made_bytes()
  std::array<std::unique_ptr<hub::Encoding>, kEncodingKinds - kPlainEncodings> encodings_;
};

}  // namespace livehub::session
