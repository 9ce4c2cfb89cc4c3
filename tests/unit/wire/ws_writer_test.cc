#include "wire/ws_writer.h"

#include <gtest/gtest.h>

#include "wire/utf8.h"
#include "wire/ws_client.h"

namespace livehub::wire {
namespace {

using namespace std::string_literals;

TEST(WsWriter, WritesTheExamplesOfRfc6455) {
  EXPECT_EQ(ws_frame(WsOpcode::kText, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(ws_frame(WsOpcode::kPing, "Hello"), "\x89\x05Hello");
  const std::string bytes256(256, 'b');
  EXPECT_EQ(ws_frame(WsOpcode::kBinary, bytes256), "\x82\x7E\x01\x00"s + bytes256);
  const std::string bytes65536(65536, 'b');
  EXPECT_EQ(ws_frame(WsOpcode::kBinary, bytes65536),
            "\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00"s + bytes65536);
  EXPECT_EQ(ws_client_frame(WsOpcode::kText, "Hello", {0x37, 0xFA, 0x21, 0x3D}),
            "\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58");
}

TEST(WsWriter, ChoosesTheShortestHead) {
  const std::pair<size_t, size_t> sizes[] = {{0, 2},     {125, 2},    {126, 4},
                                             {65535, 4}, {65536, 10}, {size_t{1} << 40, 10}};
  for (const auto& [payload_bytes, head_bytes] : sizes) {
    char head[kWsServerHeadBytesMax + 1];
    head[head_bytes] = '!';
    EXPECT_EQ(ws_frame_head_size(payload_bytes), head_bytes);
    EXPECT_EQ(write_ws_frame_head(head, WsOpcode::kBinary, payload_bytes), head_bytes);
    EXPECT_EQ(head[head_bytes], '!') << "wrote past the head";
    WsHead parsed;
    const WsHeadParse result = parse_ws_head(std::span(head, head_bytes), WsRole::kClient, parsed);
    EXPECT_EQ(result.known, WsHeadParse::Known::kAll);
    EXPECT_EQ(result.bytes, head_bytes);
    EXPECT_EQ(parsed.payload_bytes, payload_bytes);
    EXPECT_TRUE(parsed.fin);
  }
}

TEST(WsWriter, CloseCarriesCodeAndReason) {
  EXPECT_EQ(ws_close_frame(1000, ""), "\x88\x02\x03\xE8");
  EXPECT_EQ(ws_close_frame(1012, "restart"), "\x88\x09\x03\xF4restart");
  EXPECT_EQ(ws_close_frame(4001, "x"), "\x88\x03\x0F\xA1x");
}

TEST(WsWriter, CloseWithoutASendableCodeIsEmpty) {
  constexpr uint16_t kNeverSent[] = {1005, 1006, 1015, 0, 999, 2000, 5000};
  for (const uint16_t code : kNeverSent) {
    EXPECT_EQ(ws_close_frame(code, "reason"), "\x88\x00"s) << code;
  }
}

TEST(WsWriter, CloseReasonIsCutBetweenCharacters) {
  const std::string fits(123, 'r');
  EXPECT_EQ(ws_close_payload(1000, fits), "\x03\xE8" + fits);
  EXPECT_EQ(ws_close_payload(1000, fits + "s"), "\x03\xE8" + fits);
  EXPECT_EQ(ws_close_payload(1000, std::string(122, 'r') + "\xC2\xA2"),
            "\x03\xE8" + std::string(122, 'r'));
  EXPECT_EQ(ws_close_payload(1000, std::string(121, 'r') + "\xC2\xA2"),
            "\x03\xE8" + std::string(121, 'r') + "\xC2\xA2");
}

TEST(WsWriter, CloseReasonIsMadeUtf8) {
  EXPECT_EQ(ws_close_payload(1000, "bad \xFF"),
            "\x03\xE8"
            "bad \xEF\xBF\xBD");
  const std::string payload = ws_close_payload(1000, std::string(100, '\xFF'));
  EXPECT_EQ(payload.size(), 2U + 123U);
  EXPECT_TRUE(utf8_valid(std::string_view(payload).substr(2)));
}

TEST(WsWriterDeathTest, RefusesALongControlFrame) {
  EXPECT_EQ(ws_frame(WsOpcode::kPing, std::string(125, 'p')).size(), 127U);
  EXPECT_DEATH(ws_frame(WsOpcode::kPing, std::string(126, 'p')), "125 bytes");
}

TEST(WsClient, FragmentsAndMasks) {
  EXPECT_EQ(ws_client_frame(WsOpcode::kText, "Hel", {0, 0, 0, 0}, false),
            "\x01\x83\x00\x00\x00\x00Hel"s);
  EXPECT_EQ(ws_client_frame(WsOpcode::kContinuation, "lo", {0, 0, 0, 0}),
            "\x80\x82\x00\x00\x00\x00lo"s);
  EXPECT_EQ(ws_client_close_frame(1000, "", {0xFF, 0, 0, 0}), "\x88\x82\xFF\x00\x00\x00\xFC\xE8"s);
  const std::string big =
      ws_client_frame(WsOpcode::kBinary, std::string(70000, '\0'), {1, 2, 3, 4});
  EXPECT_EQ(big.size(), 14U + 70000U);
  EXPECT_EQ(big.substr(10, 8), "\x01\x02\x03\x04\x01\x02\x03\x04");
}

}  // namespace
}  // namespace livehub::wire
