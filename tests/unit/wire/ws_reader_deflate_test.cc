// Compressed messages (RFC 7692), as the reader takes them; what holds for all messages stands in
// ws_reader_test.cc.
#include <gtest/gtest.h>

#include <string>

#include "wire/deflate.h"
#include "wire/ws_reader.h"
#include "wire/ws_writer.h"
#include "ws_test_util.h"

namespace livehub::wire {
namespace {

using namespace livehub::wire::testing;  // tidy: using-namespace: as the other reader tests

class WsReaderDeflate : public ::testing::Test {
 protected:
  // A message's bytes on the wire, and a frame of them with RSV1.
  std::string squeezed(std::string_view text) {
    const std::string_view blocks = deflater_.compress(text, text.size() + 100);
    return std::string(blocks.substr(0, blocks.size() - kDeflateTail.size()));
  }
  static std::string compressed_frame(WsOpcode opcode, std::string_view blocks, bool fin = true) {
    std::string bytes = frame(opcode, blocks, fin);
    bytes[0] = static_cast<char>(bytes[0] | 0x40);
    return bytes;
  }
  std::string compressed_text(std::string_view text) {
    return compressed_frame(WsOpcode::kText, squeezed(text));
  }
  WsLimits limits(size_t bytes_max = 65536) {
    return {.message_bytes_max = bytes_max, .inflater = &inflater_};
  }

  Deflater deflater_;
  Inflater inflater_;
};

TEST_F(WsReaderDeflate, MessagesAreReadAtEverySplit) {
  const std::string text = "compress me, compress me, compress me: \xe2\x82\xac";
  expect_events(
      compressed_text(text) + compressed_frame(WsOpcode::kBinary, squeezed("\xff\xff")) +
          frame(WsOpcode::kText, "plain") + compressed_text(""),
      {{Kind::kText, text}, {Kind::kBinary, "\xff\xff"}, {Kind::kText, "plain"}, {Kind::kText, ""}},
      limits());
}

TEST_F(WsReaderDeflate, FragmentsArePartsOfOneStreamAtEverySplit) {
  const std::string text = "one, two, three, one, two, three, one, two, three";
  const std::string blocks = squeezed(text);
  for (const size_t half : {size_t{0}, size_t{1}, blocks.size() / 2, blocks.size()}) {
    const std::string bytes = compressed_frame(WsOpcode::kText, blocks.substr(0, half), false) +
                              frame(WsOpcode::kPing, "between") +
                              frame(WsOpcode::kContinuation, blocks.substr(half));
    expect_events(bytes, {{Kind::kPing, "between"}, {Kind::kText, text}}, limits());
  }
}

TEST_F(WsReaderDeflate, TheEventSaysSo) {
  std::string bytes = compressed_text("x") + frame(WsOpcode::kText, "x");
  std::span<char> input(bytes);
  WsReader reader;
  EXPECT_TRUE(reader.next(input, limits()).compressed);
  EXPECT_FALSE(reader.next(input, limits()).compressed);
}

TEST_F(WsReaderDeflate, Rsv1StandsOnFirstFramesOfMessagesOnly) {
  const std::string open = compressed_frame(WsOpcode::kText, squeezed("a"), false);
  expect_events(open + compressed_frame(WsOpcode::kContinuation, ""), {error(1002)}, limits());
  expect_events(frame(WsOpcode::kText, "a", false) + compressed_frame(WsOpcode::kContinuation, ""),
                {error(1002)}, limits());
  for (const WsOpcode control : {WsOpcode::kPing, WsOpcode::kPong, WsOpcode::kClose})
    expect_events(compressed_frame(control, ""), {error(1002)}, limits());
  expect_events(compressed_text("a"), {error(1002)});  // nothing was agreed to
  for (const char bit : {'\x20', '\x10'}) {
    std::string bytes = compressed_text("a");
    bytes[0] = static_cast<char>(bytes[0] | bit);
    expect_events(bytes, {error(1002)}, limits());
  }
}

TEST_F(WsReaderDeflate, WhatIsInsideIsChecked) {
  expect_events(compressed_frame(WsOpcode::kText, "\xff\xff\xff"), {error(1007)}, limits());
  expect_events(compressed_text("bad \xed\xa0\x80"), {error(1007)}, limits());
  expect_events(compressed_text("cut \xe2\x82"), {error(1007)}, limits());
  WsLimits careless = limits();
  careless.keep_payload = false;
  expect_events(compressed_text("bad \xff"), {error(1007)}, careless);
  expect_events(compressed_text("fine") + compressed_frame(WsOpcode::kBinary, squeezed("\xff")),
                {{Kind::kText, ""}, {Kind::kBinary, ""}}, careless);
}

TEST_F(WsReaderDeflate, TheLimitIsThatOfTheMessage) {
  const std::string most(1000, 'x');
  expect_events(compressed_text(most), {{Kind::kText, most}}, limits(1000));
  expect_events(compressed_text(most + "x"), {error(1009)}, limits(1000));
  // Stored blocks are larger than what is in them: a message at the limit still fits.
  std::string stored(stored_blocks_bytes(most.size()), '\0');
  write_stored_blocks(stored.data(), most);
  expect_events(compressed_frame(WsOpcode::kText, stored + '\0'), {{Kind::kText, most}},
                limits(1000));
}

// What an endless compressed message makes us keep stays near the limit, and so does a bomb.
TEST_F(WsReaderDeflate, WhatIsKeptIsBounded) {
  WsReader reader;
  std::vector<Seen> seen;
  feed(reader, compressed_frame(WsOpcode::kBinary, "", false), limits(1000), seen);
  size_t fragments = 0;
  for (; !ends_connection(seen) && fragments < 1000; ++fragments) {
    feed(reader, frame(WsOpcode::kContinuation, std::string(10, '\0'), false), limits(1000), seen);
    EXPECT_LT(reader.buffered_bytes(), 2000u);
  }
  EXPECT_EQ(seen, std::vector<Seen>{error(1009)});
  EXPECT_GT(fragments, 100u);

  WsReader bombed;
  seen.clear();
  feed(bombed, compressed_text(std::string(1 << 20, 'x')), limits(), seen);
  EXPECT_EQ(seen, std::vector<Seen>{error(1009)});
}

// One inflater for all: messages of two connections whose fragments alternate.
TEST_F(WsReaderDeflate, ConnectionsShareTheInflater) {
  const std::string one = squeezed("one one one one one"), two = squeezed("two two two two two");
  WsReader first, second;
  std::vector<Seen> of_first, of_second;
  feed(first, compressed_frame(WsOpcode::kText, one.substr(0, 4), false), limits(), of_first);
  feed(second, compressed_frame(WsOpcode::kText, two.substr(0, 5), false), limits(), of_second);
  feed(first, frame(WsOpcode::kContinuation, one.substr(4)), limits(), of_first);
  feed(second, frame(WsOpcode::kContinuation, two.substr(5)), limits(), of_second);
  EXPECT_EQ(of_first, (std::vector<Seen>{{Kind::kText, "one one one one one"}}));
  EXPECT_EQ(of_second, (std::vector<Seen>{{Kind::kText, "two two two two two"}}));
  EXPECT_EQ(sizeof(WsReader), 16u);
}

TEST_F(WsReaderDeflate, AServersCompressedFrameIsReadByAClient) {
  const std::string text = "from the server, from the server";
  expect_events(ws_frame(WsOpcode::kText, squeezed(text), true), {{Kind::kText, text}}, limits(),
                WsRole::kClient);
}

}  // namespace
}  // namespace livehub::wire
