#include "session/compression.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/sse.h"
#include "wire/ws_reader.h"

namespace livehub::session {
namespace {

std::string words(size_t bytes) {
  std::string text;
  for (int n = 0; text.size() < bytes; ++n) text += "{\"price\":" + std::to_string(n % 97) + "},";
  text.resize(bytes);
  return text;
}

// All of ASCII that may stand in a line, in no order: what is short of it gets no smaller.
std::string noise(size_t bytes) {
  std::string text;
  for (uint64_t state = 88172645463325252U; text.size() < bytes;) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const auto c = static_cast<char>(state >> 20 & 127);
    if (c != '\0' && c != '\r' && c != '\n') text += c;
  }
  return text;
}

hub::MessagePtr message(std::string_view payload, std::string_view event = {}) {
  auto made = hub::MessagePtr::make("live", payload, event);
  made->position = {0x0123456789abcdef, 0x1f};
  return made;
}

std::string frame(const hub::Encoding& encoding, const hub::Message& m) {
  std::string bytes(encoding.frame_bytes(m) + 8, '#');
  EXPECT_LE(bytes.size() - 8, encoding.frame_bytes_max(m));
  encoding.write_frame(m, bytes.data());
  EXPECT_EQ(bytes.substr(bytes.size() - 8), "########") << "it wrote more than it said";
  bytes.resize(bytes.size() - 8);
  return bytes;
}

class CompressionTest : public ::testing::Test {
 protected:
  std::string frame_of(EncodingKind kind, const hub::Message& m) {
    return frame(compression.encoding_of(kind), m);
  }
  // As a client that agreed to compression reads it.
  wire::WsEvent read(std::string& bytes) {
    wire::WsLimits limits;
    limits.message_bytes_max = 1 << 24;
    limits.inflater = &client;
    std::span<char> input(bytes);
    const wire::WsEvent event = reader.next(input, limits);
    EXPECT_TRUE(input.empty());
    return event;
  }
  // What is in the chunks of a gzip stream; each one can be read alone.
  std::string unzipped(std::string_view chunk) {
    const size_t line = chunk.find("\r\n");
    const size_t bytes = std::stoul(std::string(chunk.substr(0, line)), nullptr, 16);
    EXPECT_EQ(chunk.size(), line + 2 + bytes + 2);
    EXPECT_TRUE(chunk.ends_with("\r\n"));
    const auto [verdict, text] =
        client.inflate(std::string(chunk.substr(line + 2, bytes)) + '\0', 1 << 24, true);
    EXPECT_EQ(verdict, wire::Inflater::Verdict::kOk);
    return std::string(text);
  }

  base::MemoryBudget budget{1 << 30};
  base::MemoryAccount account{budget};
  Counters counters;
  Compression compression{counters, account};
  wire::Inflater client;
  wire::WsReader reader{wire::WsRole::kClient};
};

// Every length class of frame heads, stored blocks and chunks, with an event's name and without.
TEST_F(CompressionTest, AllSizesAreReadBackInEveryEncoding) {
  for (const size_t bytes :
       {0u, 1u, 255u, 256u, 257u, 300u, 4095u, 65535u, 65536u, 70000u, 300000u})
    for (const std::string& payload : {words(bytes), noise(bytes)}) {
      const auto m = message(payload, bytes % 2 == 0 ? "tick" : "");
      std::string text = frame_of(EncodingKind::kWsTextDeflated, *m);
      const wire::WsEvent event = read(text);
      EXPECT_TRUE(event.payload == payload) << bytes;
      if (payload == words(bytes)) {
        EXPECT_EQ(event.compressed, bytes >= 256) << bytes;
      }
      std::string envelope = frame_of(EncodingKind::kWsEnvelopeDeflated, *m);
      EXPECT_TRUE(read(envelope).payload ==
                  "{\"id\":\"0123456789abcdef-1f\",\"data\":" + payload + "}");
      for (const bool has_id : {true, false}) {
        std::string plain =
            frame(encoding_of(has_id ? EncodingKind::kSsePlain : EncodingKind::kSsePlainNoId), *m);
        const auto kind = has_id ? EncodingKind::kSseGzip : EncodingKind::kSseGzipNoId;
        EXPECT_TRUE(unzipped(frame_of(kind, *m)) == plain) << bytes;
        EXPECT_TRUE(unzipped(frame(compression.encoding_of(kind).for_one(), *m)) == plain);
      }
    }
}

TEST_F(CompressionTest, AMessageIsCompressedOnceForAllEncodings) {
  const auto first = message(words(1000)), second = message(noise(300));
  for (const auto& m : {first, second})
    for (int kind = kPlainEncodings; kind < kEncodingKinds; ++kind)
      (void)frame_of(static_cast<EncodingKind>(kind), *m);
  EXPECT_EQ(counters.compressions, 1u);
  EXPECT_EQ(counters.compressions_in_vain, 1u);
  EXPECT_EQ(counters.compressed_from_bytes, 1000u);
  EXPECT_LT(counters.compressed_to_bytes, 300u);
}

TEST_F(CompressionTest, RoomIsMadeWithoutCompressing) {
  const auto m = message(words(1000));
  for (int kind = kPlainEncodings; kind < kEncodingKinds; ++kind) {
    const hub::Encoding& encoding = compression.encoding_of(static_cast<EncodingKind>(kind));
    (void)encoding.frame_bytes_max(*m);
    (void)frame(encoding.for_one(), *m);
  }
  EXPECT_EQ(counters.compressions + counters.compressions_in_vain, 0u);
}

// Around the point from which compressing is worth it: never larger than plain.
TEST_F(CompressionTest, AFrameIsNeverLargerThanThePlainOne) {
  for (size_t more = 0; more < 120; ++more) {
    const auto m = message(noise(300) + words(more));
    for (int kind = kPlainEncodings; kind < kEncodingKinds; ++kind)
      (void)frame_of(static_cast<EncodingKind>(kind), *m);
  }
  EXPECT_GT(counters.compressions, 10u);
  EXPECT_GT(counters.compressions_in_vain, 10u);
}

TEST_F(CompressionTest, SmallMessagesGoPlain) {
  const auto small = message(words(255));
  EXPECT_EQ(frame_of(EncodingKind::kWsTextDeflated, *small),
            frame(encoding_of(EncodingKind::kWsText), *small));
  EXPECT_EQ(frame_of(EncodingKind::kWsEnvelopeDeflated, *small),
            frame(encoding_of(EncodingKind::kWsEnvelope), *small));
  EXPECT_EQ(counters.compressions, 0u);
  std::string enough = frame_of(EncodingKind::kWsTextDeflated, *message(words(256)));
  EXPECT_TRUE(read(enough).compressed);
}

// The next message may have the address of one that is gone.
TEST_F(CompressionTest, AMessageIsNotTakenForAnother) {
  for (int round = 0; round < 50; ++round) {
    const std::string payload = words(1000) + std::to_string(round);
    std::string bytes = frame_of(EncodingKind::kWsTextDeflated, *message(payload));
    EXPECT_EQ(read(bytes).payload, payload);
  }
  const auto held = message(words(1000));
  (void)frame_of(EncodingKind::kWsTextDeflated, *held);
  EXPECT_EQ(held->references.load(), 2u) << "it is kept while it may be asked for again";
  compression.end_turn();
  EXPECT_EQ(held->references.load(), 1u);
}

// In between, something is compressed for one session: the buffer is another's then.
TEST_F(CompressionTest, WhatOneSessionIsSentDisturbsNoMessage) {
  const auto m = message(words(1000));
  const std::string before = frame_of(EncodingKind::kWsTextDeflated, *m);
  std::string echo = compression.ws_frame(wire::WsOpcode::kBinary, words(5000));
  EXPECT_TRUE(read(echo).payload == words(5000));
  EXPECT_EQ(frame_of(EncodingKind::kWsTextDeflated, *m), before);
  const std::string blocks = compression.gzip_blocks(words(5000));
  EXPECT_LT(blocks.size(), 1500u);
  EXPECT_TRUE(client.inflate(blocks + '\0', 5000, true).text == words(5000));
  EXPECT_EQ(frame_of(EncodingKind::kWsTextDeflated, *m), before);
}

TEST_F(CompressionTest, WhatOneSessionIsSentIsReadBack) {
  for (const size_t bytes : {0u, 255u, 256u, 70000u})
    for (const std::string& text : {words(bytes), noise(bytes)}) {
      std::string sent = compression.ws_frame(wire::WsOpcode::kText, text);
      EXPECT_TRUE(read(sent).payload == text) << bytes;
      EXPECT_TRUE(client.inflate(compression.gzip_blocks(text) + '\0', 70000, true).text == text);
    }
}

TEST_F(CompressionTest, TheHeartbeatInAGzipStreamIsTheSame) {
  EXPECT_EQ(kSsePingGzipChunk, wire::http_chunk(compression.gzip_blocks(wire::kSsePing)));
  EXPECT_EQ(unzipped(kSsePingGzipChunk), wire::kSsePing);
}

TEST_F(CompressionTest, AnEndlessEventNameIsStored) {
  const auto m = message(words(1000), std::string(70000, 'n'));
  EXPECT_TRUE(unzipped(frame_of(EncodingKind::kSseGzip, *m)) ==
              frame(encoding_of(EncodingKind::kSsePlain), *m));
}

TEST_F(CompressionTest, MemoryIsCharged) {
  EXPECT_GT(account.held(), 200'000);
  {
    const Compression second(counters, account);
    EXPECT_GT(account.held(), 400'000);
  }
  EXPECT_LT(account.held(), 400'000);
}

}  // namespace
}  // namespace livehub::session
