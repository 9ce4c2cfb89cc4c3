#include "session/encodings.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/sse_parser.h"
#include "wire/ws_reader.h"

namespace livehub::session {
namespace {

std::string frame(EncodingKind kind, const hub::Message& message) {
  const hub::Encoding& encoding = encoding_of(kind);
  std::string bytes(encoding.frame_bytes(message) + 8, '#');
  encoding.write_frame(message, bytes.data());
  EXPECT_EQ(bytes.substr(bytes.size() - 8), "########") << "it wrote more than it said";
  bytes.resize(bytes.size() - 8);
  return bytes;
}

hub::MessagePtr message(std::string_view payload) {
  auto made = hub::MessagePtr::make("live", payload);
  made->position = {0x0123456789abcdef, 0x1f};
  return made;
}

TEST(Encodings, SseIsAnEventWithItsId) {
  EXPECT_EQ(frame(EncodingKind::kSsePlain, *message("{\"a\":1}")),
            "id: 0123456789abcdef-1f\ndata: {\"a\":1}\n\n");
}

TEST(Encodings, ChunkedSseIsOneChunkWithTheSameEvent) {
  const std::string plain = frame(EncodingKind::kSsePlain, *message("{\"a\":1}"));
  EXPECT_EQ(plain.size(), 39u);
  EXPECT_EQ(frame(EncodingKind::kSseChunked, *message("{\"a\":1}")), "27\r\n" + plain + "\r\n");
}

TEST(Encodings, EnvelopeNamesThePosition) {
  const std::string bytes = frame(EncodingKind::kWsEnvelope, *message("[1,2]"));
  EXPECT_EQ(bytes.substr(2), "{\"id\":\"0123456789abcdef-1f\",\"data\":[1,2]}");
  EXPECT_EQ(bytes[0], '\x81');
  EXPECT_EQ(static_cast<size_t>(bytes[1]), bytes.size() - 2);
}

// Every length class of the WebSocket head and of the chunk size, read back by a client.
TEST(Encodings, AllSizesAreReadBack) {
  for (const size_t size :
       {0u, 1u, 83u, 84u, 85u, 124u, 125u, 126u, 127u, 4095u, 65535u, 65536u, 300000u}) {
    const std::string payload(size, 'x');
    for (const EncodingKind kind : {EncodingKind::kWsText, EncodingKind::kWsEnvelope}) {
      std::string bytes = frame(kind, *message(payload));
      wire::WsReader reader(wire::WsRole::kClient);
      wire::WsLimits limits;
      limits.message_bytes_max = 1 << 20;
      std::span<char> input(bytes);
      const wire::WsEvent event = reader.next(input, limits);
      ASSERT_EQ(event.kind, wire::WsEvent::Kind::kText) << size;
      EXPECT_TRUE(input.empty());
      EXPECT_NE(event.payload.find(payload), std::string_view::npos);
    }
    const std::string plain = frame(EncodingKind::kSsePlain, *message(payload));
    const std::string chunked = frame(EncodingKind::kSseChunked, *message(payload));
    const size_t line = chunked.find("\r\n");
    EXPECT_EQ(std::stoul(chunked.substr(0, line), nullptr, 16), plain.size());
    EXPECT_EQ(chunked.substr(line + 2), plain + "\r\n");
  }
}

}  // namespace
}  // namespace livehub::session
