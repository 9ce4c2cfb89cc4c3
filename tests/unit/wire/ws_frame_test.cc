#include "wire/ws_frame.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace livehub::wire {
namespace {

using Known = WsHeadParse::Known;

WsHeadParse parse(std::string_view bytes, WsHead& head, WsRole role = WsRole::kServer) {
  return parse_ws_head(std::span(bytes.data(), bytes.size()), role, head);
}

TEST(WsHead, TellsWhatIsKnownByteByByte) {
  const std::string bytes("\x82\xFE\x01\x02wxyz", 8);
  constexpr Known kExpected[] = {Known::kNothing, Known::kOpcode, Known::kOpcode,
                                 Known::kOpcode,  Known::kLength, Known::kLength,
                                 Known::kLength,  Known::kLength, Known::kAll};
  for (size_t size = 0; size <= bytes.size(); ++size) {
    WsHead head;
    const WsHeadParse result = parse(std::string_view(bytes).substr(0, size), head);
    EXPECT_EQ(result.known, kExpected[size]) << size;
    EXPECT_EQ(result.violation, nullptr);
    EXPECT_EQ(result.bytes, size < 2 ? 2 : 8) << size;
  }
  WsHead head;
  EXPECT_EQ(parse(bytes + "more", head).bytes, 8);
  EXPECT_EQ(head.opcode, WsOpcode::kBinary);
  EXPECT_TRUE(head.fin);
  EXPECT_EQ(head.payload_bytes, 0x0102U);
  EXPECT_EQ(head.mask, (WsMaskKey{'w', 'x', 'y', 'z'}));
}

TEST(WsHead, AcceptsExactlyTheDefinedFirstBytes) {
  for (unsigned first = 0; first <= 0xFF; ++first) {
    const unsigned opcode = first & 0x0F;
    const bool fin = (first & 0x80) != 0;
    const bool data = opcode <= 2;
    const bool control = opcode >= 8 && opcode <= 10;
    const bool allowed = (first & 0x70) == 0 && (data || (control && fin));
    const char byte = static_cast<char>(first);
    WsHead head;
    const WsHeadParse result = parse({&byte, 1}, head);
    ASSERT_EQ(result.violation == nullptr, allowed) << first;
    ASSERT_EQ(result.known, allowed ? Known::kOpcode : Known::kNothing) << first;
  }
}

TEST(WsHead, WantsMasksFromClientsOnly) {
  WsHead head;
  EXPECT_NE(parse("\x81\x05", head, WsRole::kServer).violation, nullptr);
  EXPECT_EQ(parse("\x81\x85", head, WsRole::kServer).violation, nullptr);
  EXPECT_EQ(parse("\x81\x05", head, WsRole::kClient).violation, nullptr);
  EXPECT_EQ(parse("\x81\x05", head, WsRole::kClient).known, Known::kAll);
  EXPECT_NE(parse("\x81\x85", head, WsRole::kClient).violation, nullptr);
}

struct LengthCase {
  std::string bytes;
  bool allowed;
  uint64_t payload_bytes;
};

TEST(WsHead, WantsLengthsInTheirShortestForm) {
  using namespace std::string_literals;
  const LengthCase cases[] = {
      {"\x82\x7D"s, true, 125},
      {"\x82\x7E\x00\x00"s, false, 0},
      {"\x82\x7E\x00\x7D"s, false, 0},
      {"\x82\x7E\x00\x7E"s, true, 126},
      {"\x82\x7E\xFF\xFF"s, true, 65535},
      {"\x82\x7F\x00\x00\x00\x00\x00\x00\x00\x01"s, false, 0},
      {"\x82\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF"s, false, 0},
      {"\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00"s, true, 65536},
      {"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, true, 0x7FFFFFFFFFFFFFFF},
      {"\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00"s, false, 0},
      {"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, false, 0},
  };
  for (const LengthCase& test : cases) {
    WsHead head;
    const WsHeadParse result = parse(test.bytes, head, WsRole::kClient);
    EXPECT_EQ(result.violation == nullptr, test.allowed) << ::testing::PrintToString(test.bytes);
    EXPECT_TRUE(!test.allowed || head.payload_bytes == test.payload_bytes) << head.payload_bytes;
  }
}

TEST(WsHead, KeepsControlFramesAt125Bytes) {
  for (const char* opcode : {"\x88", "\x89", "\x8A"}) {
    WsHead head;
    EXPECT_EQ(parse(opcode + std::string("\xFD"), head).violation, nullptr);
    EXPECT_NE(parse(opcode + std::string("\xFE"), head).violation, nullptr);
    EXPECT_NE(parse(opcode + std::string("\xFF"), head).violation, nullptr);
  }
}

TEST(WsCloseCode, IsValidExactlyWhereTheRegistryAllowsIt) {
  size_t valid = 0;
  for (unsigned code = 0; code <= 0xFFFF; ++code)
    valid += ws_close_code_valid(static_cast<uint16_t>(code));
  EXPECT_EQ(valid, 4U + 8U + 2000U);
  constexpr uint16_t kValid[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
  for (const uint16_t code : kValid) {
    EXPECT_TRUE(ws_close_code_valid(code)) << code;
  }
  constexpr uint16_t kInvalid[] = {0,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
  for (const uint16_t code : kInvalid) {
    EXPECT_FALSE(ws_close_code_valid(code)) << code;
  }
}

TEST(WsMask, AgreesWithTheDefinitionAtEverySizeAlignmentAndOffset) {
  std::mt19937 random(3);
  constexpr WsMaskKey kKey = {0x11, 0x80, 0xFF, 0x3C};
  for (size_t size = 0; size <= 80; ++size) {
    for (size_t start = 0; start < 8; ++start) {
      for (uint64_t offset = 0; offset < 5; ++offset) {
        std::vector<char> bytes(start + size + 1);
        for (char& byte : bytes) byte = static_cast<char>(random());
        std::vector<char> expected = bytes;
        for (size_t i = 0; i < size; ++i) {
          expected[start + i] = static_cast<char>(expected[start + i] ^ kKey[(offset + i) % 4]);
        }
        ws_mask(std::span(bytes).subspan(start, size), kKey, offset);
        ASSERT_EQ(bytes, expected) << size << " " << start << " " << offset;
      }
    }
  }
}

TEST(WsMask, InPiecesIsTheSameAsAtOnce) {
  constexpr WsMaskKey kKey = {1, 2, 3, 4};
  std::string whole(1000, 'm');
  std::string pieces = whole;
  ws_mask(whole, kKey);
  for (size_t from = 0, size = 1; from < pieces.size(); from += size, size = size * 2 % 37 + 1) {
    ws_mask(std::span(pieces).subspan(from, std::min(size, pieces.size() - from)), kKey, from);
  }
  EXPECT_EQ(pieces, whole);
  EXPECT_NE(whole, std::string(1000, 'm'));
}

}  // namespace
}  // namespace livehub::wire
