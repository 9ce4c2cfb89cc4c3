// Memory and randomness: what the reader keeps, and that no way of cutting changes what it says.
#include <gtest/gtest.h>

#include <random>

#include "wire/utf8.h"
#include "wire/ws_reader.h"
#include "wire/ws_writer.h"
#include "ws_test_util.h"

namespace livehub::wire {
namespace {

using namespace std::string_literals;
using testing::feed;
using testing::frame;
using testing::Kind;
using testing::read_cut;
using testing::Seen;

constexpr size_t kHeldBytesMax = 300;  // what a reader costs beside the kept bytes of a message

TEST(WsReaderMemory, WholeFramesAreLentOutOfTheInput) {
  std::string bytes = frame(WsOpcode::kText, "first") + frame(WsOpcode::kPing, "second") +
                      frame(WsOpcode::kBinary, "third");
  std::span<char> input(bytes);
  WsReader reader;
  for (const std::string_view expected : {"first", "second", "third"}) {
    const WsEvent event = reader.next(input, {});
    EXPECT_EQ(event.payload, expected);
    EXPECT_GE(event.payload.data(), bytes.data());
    EXPECT_LT(event.payload.data(), bytes.data() + bytes.size());
    EXPECT_EQ(reader.buffered_bytes(), 0U);
  }
}

TEST(WsReaderMemory, NothingIsHeldOnceNothingIsIncomplete) {
  const std::string pieces[] = {
      frame(WsOpcode::kText, "text"), frame(WsOpcode::kPing, "ping"),
      frame(WsOpcode::kText, "a", false) + frame(WsOpcode::kContinuation, "b")};
  for (const std::string& bytes : pieces) {
    for (size_t cut = 1; cut < bytes.size(); ++cut) {
      WsReader reader;
      std::vector<Seen> seen;
      feed(reader, bytes.substr(0, cut), {}, seen);
      ASSERT_TRUE(seen.empty());
      ASSERT_GT(reader.buffered_bytes(), 0U) << cut;
      feed(reader, bytes.substr(cut), {}, seen);
      ASSERT_EQ(seen.size(), 1U);
      ASSERT_EQ(reader.buffered_bytes(), 0U) << cut;
    }
  }
}

TEST(WsReaderMemory, GrowsWithWhatArrivedAndNotWithWhatIsAnnounced) {
  const size_t announced = size_t{16} << 20;
  const WsLimits limits{.message_bytes_max = announced};
  const std::string bytes = frame(WsOpcode::kBinary, std::string(announced, 'b'));
  WsReader reader;
  std::vector<Seen> seen;
  size_t fed = 0;
  while (bytes.size() - fed > 5000) {
    feed(reader, std::string_view(bytes).substr(fed, 5000), limits, seen);
    fed += 5000;
    ASSERT_LE(reader.buffered_bytes(), std::min(2 * fed, announced) + kHeldBytesMax);
  }
  EXPECT_TRUE(seen.empty());
  EXPECT_GE(reader.buffered_bytes(), fed - 14);
}

TEST(WsReaderMemory, StaysWithinTheMessageLimit) {
  const WsLimits limits{.message_bytes_max = 1000};
  WsReader reader;
  std::vector<Seen> seen;
  feed(reader, frame(WsOpcode::kBinary, std::string(10, 'b'), false), limits, seen);
  for (int i = 0; i < 99; ++i) {
    feed(reader, frame(WsOpcode::kContinuation, std::string(10, 'b'), false), limits, seen);
    ASSERT_LE(reader.buffered_bytes(), 1000 + kHeldBytesMax);
  }
  EXPECT_TRUE(seen.empty());
  feed(reader, frame(WsOpcode::kContinuation, "b"), limits, seen);
  EXPECT_EQ(seen, std::vector<Seen>{testing::error(1009)});
  EXPECT_EQ(reader.buffered_bytes(), 0U);
}

// Feeds one fragment after the other and returns how many it took until the reader refused.
size_t fragments_until_refused(std::string_view payload, const WsLimits& limits) {
  WsReader reader;
  std::vector<Seen> seen;
  feed(reader, frame(WsOpcode::kText, payload, false), limits, seen);
  const std::string fragment = frame(WsOpcode::kContinuation, payload, false);
  for (size_t fragments = 1; fragments < 1000000; ++fragments) {
    if (!seen.empty()) {
      EXPECT_EQ(seen, std::vector<Seen>{testing::error(1008)});
      return fragments - 1;
    }
    EXPECT_LT(reader.buffered_bytes(), 65536 + kHeldBytesMax);
    feed(reader, fragment, limits, seen);
  }
  return 1000000;
}

TEST(WsReaderMemory, AMillionTinyFragmentsAreCut) {
  EXPECT_EQ(fragments_until_refused("", {}), 1024U);
  EXPECT_EQ(fragments_until_refused("t", {}), 1024U);
  EXPECT_EQ(fragments_until_refused("", {.fragments_max = 5, .keep_payload = false}), 5U);
  EXPECT_EQ(fragments_until_refused("", {.fragments_max = 2000000}), 1000000U);
}

TEST(WsReaderMemory, AMillionPingsInsideAMessageKeepNothing) {
  WsReader reader;
  std::vector<Seen> seen;
  feed(reader, frame(WsOpcode::kText, "begun", false), {}, seen);
  const size_t before = reader.buffered_bytes();
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += frame(WsOpcode::kPing, "");
  for (int i = 0; i < 1000; ++i) {
    std::string copy = pings;
    std::span<char> input(copy);
    size_t count = 0;
    while (reader.next(input, {}).kind == Kind::kPing) ++count;
    ASSERT_EQ(count, 1000U);
  }
  EXPECT_EQ(reader.buffered_bytes(), before);
}

TEST(WsReaderMemory, CanBeMovedInTheMiddleOfAMessage) {
  WsReader first;
  std::vector<Seen> seen;
  feed(first, frame(WsOpcode::kText, "a", false), {}, seen);
  WsReader second = std::move(first);
  feed(second, frame(WsOpcode::kContinuation, "b"), {}, seen);
  EXPECT_EQ(seen, (std::vector<Seen>{{Kind::kText, "ab"}}));
}

// A conversation that the RFC allows, and what a reader must say about it.
struct Conversation {
  std::string bytes;
  std::vector<Seen> expected;
};

std::string random_text(std::mt19937& random) {
  constexpr std::string_view kParts[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "sixteen letters."};
  std::string text;
  const size_t parts = random() % 4 == 0 ? random() % 200 : random() % 6;
  for (size_t i = 0; i < parts; ++i) text += kParts[random() % std::size(kParts)];
  return text;
}

std::string random_frame(std::mt19937& random, WsOpcode opcode, std::string_view payload,
                         bool fin) {
  const auto key = static_cast<uint32_t>(random());
  const WsMaskKey mask = {static_cast<uint8_t>(key), static_cast<uint8_t>(key >> 8),
                          static_cast<uint8_t>(key >> 16), static_cast<uint8_t>(key >> 24)};
  return ws_client_frame(opcode, payload, mask, fin);
}

void add_message(std::mt19937& random, Conversation& conversation) {
  const bool text = random() % 2 == 0;
  const std::string payload = random_text(random) + (text ? "" : "\xFF");
  WsOpcode opcode = text ? WsOpcode::kText : WsOpcode::kBinary;
  size_t from = 0;
  for (size_t fragments = random() % 5; fragments > 0; --fragments) {
    const size_t size = random() % (payload.size() - from + 1);
    conversation.bytes +=
        random_frame(random, opcode, std::string_view(payload).substr(from, size), false);
    from += size;
    opcode = WsOpcode::kContinuation;
    if (random() % 3 == 0) {
      const std::string data(random() % 126, 'd');
      conversation.bytes += random_frame(random, WsOpcode::kPing, data, true);
      conversation.expected.push_back({Kind::kPing, data});
    }
  }
  conversation.bytes += random_frame(random, opcode, std::string_view(payload).substr(from), true);
  conversation.expected.push_back({text ? Kind::kText : Kind::kBinary, payload});
}

std::vector<size_t> random_cuts(std::mt19937& random, size_t bytes) {
  std::vector<size_t> cuts;
  const size_t step_max = 1 + random() % 64;
  for (size_t cut = random() % step_max; cut < bytes; cut += 1 + random() % step_max)
    cuts.push_back(cut);
  return cuts;
}

TEST(WsReaderRandom, AnyFragmentationAndAnyCutsRoundTrip) {
  std::mt19937 random(6455);
  for (int round = 0; round < 3000; ++round) {
    Conversation conversation;
    for (size_t messages = 1 + random() % 4; messages > 0; --messages)
      add_message(random, conversation);
    if (random() % 4 == 0) {
      conversation.bytes += frame(WsOpcode::kClose,
                                  "\x03\xE8"
                                  "bye");
      conversation.expected.push_back({Kind::kClose, "bye", 1000});
    }
    for (int cutting = 0; cutting < 4; ++cutting) {
      const std::vector<size_t> cuts = random_cuts(random, conversation.bytes.size());
      ASSERT_EQ(read_cut(conversation.bytes, cuts), conversation.expected) << "round " << round;
    }
  }
}

TEST(WsReaderRandom, DamagedBytesSayTheSameHoweverTheyAreCut) {
  std::mt19937 random(7692);
  size_t errors = 0;
  for (int round = 0; round < 5000; ++round) {
    Conversation conversation;
    add_message(random, conversation);
    add_message(random, conversation);
    std::string bytes = conversation.bytes;
    for (size_t i = 1 + random() % 3; i > 0; --i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const WsLimits limits{.message_bytes_max = 2000, .keep_payload = random() % 2 == 0};
    const std::vector<Seen> whole = read_cut(bytes, {}, limits);
    for (int cutting = 0; cutting < 3; ++cutting) {
      const std::vector<size_t> cuts = random_cuts(random, bytes.size());
      ASSERT_EQ(read_cut(bytes, cuts, limits), whole) << "round " << round;
    }
    errors += !whole.empty() && whole.back().kind == Kind::kError;
  }
  EXPECT_GT(errors, 1000U);
  EXPECT_LT(errors, 5000U);
}

TEST(WsReaderRandom, WhatTheWriterWritesAClientReads) {
  std::mt19937 random(99);
  for (const size_t size : {0, 1, 125, 126, 65535, 65536, 100000}) {
    const std::string payload(size, 's');
    const std::string bytes = ws_frame(WsOpcode::kBinary, payload) +
                              ws_frame(WsOpcode::kPong, "p") + ws_close_frame(1001, "going");
    const std::vector<Seen> expected = {
        {Kind::kBinary, payload}, {Kind::kPong, "p"}, {Kind::kClose, "going", 1001}};
    const WsLimits limits{.message_bytes_max = 100000};
    ASSERT_EQ(read_cut(bytes, random_cuts(random, bytes.size()), limits, WsRole::kClient),
              expected);
  }
}

}  // namespace
}  // namespace livehub::wire
