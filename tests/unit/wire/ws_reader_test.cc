#include "wire/ws_reader.h"

#include <gtest/gtest.h>

#include "ws_test_util.h"

namespace livehub::wire {
namespace {

using namespace std::string_literals;
using testing::error;
using testing::expect_events;
using testing::frame;
using testing::Kind;
using testing::read_cut;
using testing::Seen;

constexpr WsOpcode kContinuation = WsOpcode::kContinuation;
constexpr WsOpcode kText = WsOpcode::kText;
constexpr WsOpcode kBinary = WsOpcode::kBinary;
constexpr WsOpcode kPing = WsOpcode::kPing;
constexpr WsOpcode kPong = WsOpcode::kPong;
constexpr WsOpcode kClose = WsOpcode::kClose;

static_assert(sizeof(WsReader) <= 16);

TEST(WsReader, ReadsTheExamplesOfRfc6455) {
  expect_events("\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58", {{Kind::kText, "Hello"}});
  expect_events("\x81\x05Hello", {{Kind::kText, "Hello"}}, {}, WsRole::kClient);
  expect_events("\x01\x03Hel\x80\x02lo", {{Kind::kText, "Hello"}}, {}, WsRole::kClient);
  expect_events("\x89\x05Hello", {{Kind::kPing, "Hello"}}, {}, WsRole::kClient);
  expect_events("\x8A\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58", {{Kind::kPong, "Hello"}});
}

TEST(WsReader, ReadsMessagesOfEveryLengthForm) {
  for (const size_t size : {0, 1, 125, 126, 127, 1000}) {
    const std::string payload(size, 'p');
    expect_events(frame(kText, payload) + frame(kBinary, payload),
                  {{Kind::kText, payload}, {Kind::kBinary, payload}});
  }
  for (const size_t size : {65535, 65536, 200000}) {
    const std::string payload(size, 'p');
    const std::string bytes = frame(kBinary, payload);
    const std::vector<Seen> expected = {{Kind::kBinary, payload}};
    const WsLimits limits{.message_bytes_max = size};
    EXPECT_EQ(read_cut(bytes, {}, limits), expected);
    const size_t cuts[] = {1, 2, 9, 13, 14, 15, 1000, bytes.size() - 1};
    EXPECT_EQ(read_cut(bytes, cuts, limits), expected);
  }
}

TEST(WsReader, DeliversControlFramesBetweenFragments) {
  const std::string bytes = frame(kText, "a", false) + frame(kPing, "1") +
                            frame(kContinuation, "", false) + frame(kPong, "2") + frame(kPing, "") +
                            frame(kContinuation, "b") + frame(kBinary, "c");
  expect_events(bytes, {{Kind::kPing, "1"},
                        {Kind::kPong, "2"},
                        {Kind::kPing, ""},
                        {Kind::kText, "ab"},
                        {Kind::kBinary, "c"}});
  expect_events(frame(kBinary, "a", false) + frame(kClose, ""), {{Kind::kClose, "", 1005}});
}

TEST(WsReader, ReadsEmptyFragments) {
  expect_events(frame(kText, "", false) + frame(kContinuation, ""), {{Kind::kText, ""}});
  expect_events(
      frame(kBinary, "", false) + frame(kContinuation, "", false) + frame(kContinuation, "x"),
      {{Kind::kBinary, "x"}});
}

TEST(WsReader, RefusesReservedBitsAndOpcodes) {
  for (const char bit : {'\x10', '\x20', '\x40', '\x70'}) {
    for (const WsOpcode opcode : {kText, kBinary, kPing, kClose}) {
      std::string bytes = frame(opcode, "");
      bytes[0] = static_cast<char>(bytes[0] | bit);
      expect_events(frame(kText, "ok") + bytes, {{Kind::kText, "ok"}, error(1002)});
    }
  }
  constexpr uint8_t kReserved[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
  for (const uint8_t opcode : kReserved) {
    std::string bytes = frame(kText, "");
    bytes[0] = static_cast<char>(0x80 | opcode);
    expect_events(frame(kText, "ok") + bytes + frame(kPing, ""),
                  {{Kind::kText, "ok"}, error(1002)});
  }
}

TEST(WsReader, RefusesTheWrongMasking) {
  expect_events("\x81\x02hi", {error(1002)});
  expect_events("\x89\x00"s, {error(1002)});
  expect_events(frame(kText, "hi"), {error(1002)}, {}, WsRole::kClient);
}

TEST(WsReader, RefusesLongAndFragmentedControlFrames) {
  for (const char* head : {"\x89\xFE", "\x8A\xFE", "\x88\xFF"}) {
    expect_events(head, {error(1002)});
    expect_events(head + std::string(200, '\0'), {error(1002)});
  }
  for (const WsOpcode opcode : {kPing, kPong, kClose}) {
    expect_events(frame(opcode, "", false), {error(1002)});
  }
  expect_events(frame(kPing, std::string(125, 'p')), {{Kind::kPing, std::string(125, 'p')}});
}

TEST(WsReader, RefusesFragmentsOutOfPlace) {
  expect_events(frame(kContinuation, "x"), {error(1002)});
  expect_events(frame(kContinuation, "x", false), {error(1002)});
  expect_events(frame(kText, "whole") + frame(kContinuation, "x"),
                {{Kind::kText, "whole"}, error(1002)});
  expect_events(frame(kText, "a", false) + frame(kContinuation, "b") + frame(kContinuation, "c"),
                {{Kind::kText, "ab"}, error(1002)});
  for (const WsOpcode opcode : {kText, kBinary}) {
    expect_events(frame(kText, "a", false) + frame(opcode, "b"), {error(1002)});
    expect_events(frame(kText, "a", false) + frame(kPing, "p") + frame(opcode, "b", false),
                  {{Kind::kPing, "p"}, error(1002)});
  }
}

TEST(WsReader, RefusesLengthsThatAreNotMinimal) {
  expect_events("\x81\xFE\x00\x05"s + std::string(9, '\0'), {error(1002)});
  expect_events("\x82\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF"s, {error(1002)});
  expect_events("\x82\xFF\x80\x00\x00\x00\x00\x00\x00\x00"s, {error(1002)});
}

TEST(WsReader, TellsTooBigWithTheHeadThatAnnouncesIt) {
  const WsLimits limits{.message_bytes_max = 1000};
  expect_events(frame(kBinary, std::string(1000, 'b')), {{Kind::kBinary, std::string(1000, 'b')}},
                limits);
  // The two bytes of the length are enough: neither mask nor payload is awaited.
  expect_events("\x82\xFE\x03\xE9"s, {error(1009)}, limits);
  expect_events("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, {error(1009)}, limits);
  expect_events(frame(kBinary, std::string(600, 'b'), false) + "\x80\xFE\x01\x91"s, {error(1009)},
                limits);
  expect_events(
      frame(kBinary, std::string(600, 'b'), false) + frame(kContinuation, std::string(400, 'c')),
      {{Kind::kBinary, std::string(600, 'b') + std::string(400, 'c')}}, limits);
}

TEST(WsReader, AHugeAnnouncementTakesNoMemory) {
  const WsLimits limits{.message_bytes_max = ~size_t{0}};
  const std::string huge = "\x80\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00"s;
  WsReader reader;
  std::vector<Seen> seen;
  testing::feed(reader, frame(kBinary, "abc", false) + huge + "payload", limits, seen);
  EXPECT_TRUE(seen.empty());
  EXPECT_LT(reader.buffered_bytes(), 2000U);
}

TEST(WsReader, LimitsDoNotCountControlFrames) {
  const WsLimits limits{.message_bytes_max = 2, .fragments_max = 2};
  const std::string ping = frame(kPing, "longer than two");
  expect_events(ping + frame(kText, "a", false) + ping + ping + ping + frame(kContinuation, "b"),
                {{Kind::kPing, "longer than two"},
                 {Kind::kPing, "longer than two"},
                 {Kind::kPing, "longer than two"},
                 {Kind::kPing, "longer than two"},
                 {Kind::kText, "ab"}},
                limits);
}

TEST(WsReader, ReadsCloseCodesAndReasons) {
  expect_events(frame(kClose, ""), {{Kind::kClose, "", 1005}});
  expect_events(frame(kClose, "\x03\xE8"), {{Kind::kClose, "", 1000}});
  const std::string reason(123, 'r');
  expect_events(frame(kClose, "\x0F\xA1" + reason), {{Kind::kClose, reason, 4001}});
  expect_events(frame(kClose, "\x03"), {error(1002)});
  expect_events(frame(kClose, "\x03") + "\xE8",
                {error(1002)});  // the byte behind is not its second
  expect_events(frame(kClose, "\x03\xE8\xC3"), {error(1007)});
  expect_events(frame(kClose, "\x03\xE8\xED\xA0\x80"), {error(1007)});
  expect_events(frame(kClose, "\x03\xE8\xC3\xA9"), {{Kind::kClose, "\xC3\xA9", 1000}});
}

TEST(WsReader, ReadsEveryCloseCode) {
  for (unsigned code = 0; code <= 0xFFFF; ++code) {
    const bool valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                       (code >= 3000 && code <= 4999);
    const char payload[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    std::string bytes = frame(kClose, {payload, 2});
    std::span<char> input(bytes);
    WsReader reader;
    const WsEvent event = reader.next(input, {});
    ASSERT_EQ(event.kind, valid ? Kind::kClose : Kind::kError) << code;
    ASSERT_EQ(event.close_code, valid ? code : 1002) << code;
  }
}

TEST(WsReader, NothingAfterCloseIsRead) {
  std::string bytes = frame(kClose, "\x03\xE8") + frame(kText, "late");
  std::span<char> input(bytes);
  WsReader reader;
  EXPECT_EQ(reader.next(input, {}).kind, Kind::kClose);
  EXPECT_EQ(input.size(), frame(kText, "late").size());
}

TEST(WsReaderDeathTest, IsNotFedAfterTheEnd) {
  for (const std::string& bytes : {frame(kClose, ""), "\x83\x80"s}) {
    std::string copy = bytes + "more";
    std::span<char> input(copy);
    WsReader reader;
    static_cast<void>(reader.next(input, {}));
    EXPECT_DEATH(static_cast<void>(reader.next(input, {})), "not fed again");
  }
}

TEST(WsReader, EveryErrorNamesItsRule) {
  for (const std::string& bytes :
       {"\x83\x80"s, "\x81\x02"s, frame(kText, "\xFF"), frame(kContinuation, "")}) {
    std::string copy = bytes;
    std::span<char> input(copy);
    WsReader reader;
    const WsEvent event = reader.next(input, {});
    EXPECT_EQ(event.kind, Kind::kError);
    EXPECT_GT(std::string_view(event.detail).size(), 10U);
  }
}

TEST(WsReaderUtf8, IsCheckedAcrossFragments) {
  expect_events(frame(kText, "\xE2", false) + frame(kContinuation, "\x82", false) +
                    frame(kContinuation, "\xAC"),
                {{Kind::kText, "\xE2\x82\xAC"}});
  expect_events(frame(kText, "\xE2\x82"), {error(1007)});
  expect_events(frame(kText, "\xE2\x82", false) + frame(kContinuation, ""), {error(1007)});
  expect_events(frame(kText, "\xE2\x82", false) + frame(kPing, "") + frame(kContinuation, "x"),
                {{Kind::kPing, ""}, error(1007)});
  // What one message left open does not leak into the next, and binary is not looked at.
  expect_events(frame(kBinary, "\xE2\x82", false) + frame(kContinuation, "") + frame(kText, "x"),
                {{Kind::kBinary, "\xE2\x82"}, {Kind::kText, "x"}});
}

TEST(WsReaderUtf8, FailsAtTheFirstWrongByteInsideAFrame) {
  const std::string payload =
      "\xCE\xBA\xE1\xBD\xB9\xF4\x90\x80\x80"
      "edited";
  const std::string bytes = frame(kText, payload);
  const size_t wrong = 6 + 6;  // head and mask, then the 90 behind the F4
  const WsLimits limits;
  WsReader reader;
  std::vector<Seen> seen;
  for (size_t i = 0; i < wrong; ++i) testing::feed(reader, bytes.substr(i, 1), limits, seen);
  EXPECT_TRUE(seen.empty());
  testing::feed(reader, bytes.substr(wrong, 1), limits, seen);
  EXPECT_EQ(seen, std::vector<Seen>{error(1007)});
}

TEST(WsReaderUtf8, FailsFastInAFragmentToo) {
  expect_events(frame(kText, "\xCE\xBA", false) + frame(kContinuation, "\xF4\x90", false),
                {error(1007)});
  const std::string cut = frame(kText,
                                "ab\xFF"
                                "cdef",
                                false)
                              .substr(0, 6 + 3);
  expect_events(cut, {error(1007)});
}

TEST(WsReaderUnkept, ChecksEverythingAndStoresNothing) {
  const WsLimits limits{.message_bytes_max = 1000, .keep_payload = false};
  const std::string text(300, 't');
  expect_events(frame(kText, text) + frame(kBinary, text) + frame(kPing, "p"),
                {{Kind::kText, ""}, {Kind::kBinary, ""}, {Kind::kPing, "p"}}, limits);
  expect_events(frame(kText, text, false) + frame(kContinuation, text), {{Kind::kText, ""}},
                limits);
  expect_events(frame(kText, "\xE2", false) + frame(kContinuation, "\x82\xAC"), {{Kind::kText, ""}},
                limits);
  expect_events(frame(kText, "\xE2", false) + frame(kContinuation, "x"), {error(1007)}, limits);
  expect_events(frame(kText, "\xE2"), {error(1007)}, limits);
  expect_events(frame(kBinary, "\xE2"), {{Kind::kBinary, ""}}, limits);
  expect_events(frame(kText, std::string(1001, 't')), {error(1009)}, limits);
  expect_events(frame(kClose,
                      "\x03\xE8"
                      "bye"),
                {{Kind::kClose, "bye", 1000}}, limits);

  WsReader reader;
  std::vector<Seen> seen;
  testing::feed(reader, frame(kBinary, std::string(900, 'b'), false), limits, seen);
  EXPECT_GT(reader.buffered_bytes(), 0U);
  EXPECT_LT(reader.buffered_bytes(), 400U);
}

}  // namespace
}  // namespace livehub::wire
