#include "wire/deflate.h"

#include <gtest/gtest.h>

#include <string>

#include "wire/utf8.h"

namespace livehub::wire {
namespace {

using Verdict = Inflater::Verdict;

std::string repeated(std::string_view pattern, size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += pattern.substr(0, bytes - out.size());
  return out;
}

// Bytes without a pattern.
std::string noise(size_t bytes) {
  std::string out;
  for (uint64_t state = 88172645463325252U; out.size() < bytes; out += static_cast<char>(state)) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  }
  return out;
}

std::string compressed(Deflater& deflater, std::string_view text) {
  return std::string(deflater.compress(text, text.size() + text.size() / 100 + 64));
}

// What is left for RFC 7692's messages.
std::string_view without_tail(std::string_view blocks) {
  EXPECT_TRUE(blocks.ends_with(kDeflateTail));
  return blocks.substr(0, blocks.size() - kDeflateTail.size());
}

std::string stored(std::string_view text) {
  std::string out(stored_blocks_bytes(text.size()), '#');
  EXPECT_EQ(write_stored_blocks(out.data(), text), out.data() + out.size());
  return out;
}

TEST(Deflate, MessagesComeBack) {
  Deflater deflater;
  Inflater inflater;
  for (const size_t bytes : {0u, 1u, 255u, 256u, 4095u, 4096u, 4097u, 65536u, 1000000u}) {
    for (const std::string& text : {repeated("{\"price\": 1234.5},", bytes), noise(bytes)}) {
      const std::string blocks = compressed(deflater, text);
      const auto [verdict, back] = inflater.inflate(without_tail(blocks), bytes, false);
      ASSERT_EQ(verdict, Verdict::kOk) << bytes;
      EXPECT_TRUE(back == text) << bytes;
    }
  }
}

// Each message on its own: in any order, and each by a reader that saw no other.
TEST(Deflate, AMessageRefersToNothingBeforeIt) {
  Deflater deflater;
  const std::string text = repeated("the same text, many times. ", 2000);
  const std::string first = compressed(deflater, text);
  EXPECT_EQ(compressed(deflater, text), first);
  Inflater inflater;
  EXPECT_TRUE(inflater.inflate(without_tail(first), 2000, true).text == text);
}

TEST(Deflate, WhatDoesNotGetSmallerIsSaid) {
  Deflater deflater;
  const std::string random = noise(5000);
  EXPECT_EQ(deflater.compress(random, random.size()), "");
  const std::string text = repeated("abc", 5000);
  const size_t bytes = compressed(deflater, text).size();
  EXPECT_EQ(deflater.compress(text, bytes).size(), bytes);
  EXPECT_EQ(deflater.compress(text, bytes - 1), "");
  EXPECT_EQ(deflater.compress(text, bytes).size(), bytes) << "and it goes on";
}

TEST(Inflate, ExamplesOfTheStandard) {  // RFC 7692 7.2.3
  Inflater inflater;
  const auto text = [&](std::string_view blocks) {
    const auto [verdict, found] = inflater.inflate(blocks, 100, true);
    EXPECT_EQ(verdict, Verdict::kOk);
    return std::string(found);
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(text("\xf2\x48\xcd\xc9\xc9\x07\x00"sv), "Hello");
  EXPECT_EQ(text("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"sv), "Hello") << "stored";
  EXPECT_EQ(text("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"sv), "Hello") << "with a last block";
  EXPECT_EQ(text("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"sv), "Hello")
      << "two blocks";
  EXPECT_EQ(text("\x00"sv), "") << "an empty message";
  EXPECT_EQ(text(""sv), "") << "an empty message, as some write it";
  EXPECT_EQ(text("\xf3\x48\xcd\xc9\xc9\x07\x00"sv), "Hello") << "a last block and nothing behind";
}

TEST(Inflate, WhatIsNotDeflateIsBroken) {
  Inflater inflater;
  Deflater deflater;
  using namespace std::string_view_literals;
  for (const std::string_view wrong : {"\x07"sv, "\xff\xff\xff"sv, "\x00\x05\x00\x05\x00Hello"sv,
                                       "\x62\x04\x00\x00\x07"sv, "\x02\x08"sv})
    EXPECT_EQ(inflater.inflate(wrong, 100, false).verdict, Verdict::kBroken) << wrong.size();
  // Cut anywhere it is not a message; not even one with less in it.
  const std::string text = repeated("some words and some more, ", 300);
  const std::string blocks(without_tail(compressed(deflater, text)));
  for (size_t cut = 1; cut < blocks.size(); ++cut)
    EXPECT_EQ(inflater.inflate(blocks.substr(0, cut), 1000, true).verdict, Verdict::kBroken) << cut;
  EXPECT_EQ(inflater.inflate(blocks, 1000, true).verdict, Verdict::kOk) << "and it goes on";
}

// One byte of the message too many is found whether the buffer was large before or not.
TEST(Inflate, TheLimitIsExact) {
  Deflater deflater;
  for (const size_t bytes : {1u, 4095u, 4096u, 4097u, 8192u, 100000u}) {
    const std::string blocks(without_tail(compressed(deflater, repeated("x", bytes))));
    Inflater fresh, used;
    (void)used.inflate(without_tail(compressed(deflater, repeated("y", 300000))), 300000, false);
    for (Inflater* inflater : {&fresh, &used}) {
      EXPECT_EQ(inflater->inflate(blocks, bytes, true).verdict, Verdict::kOk) << bytes;
      EXPECT_EQ(inflater->inflate(blocks, bytes - 1, true).verdict, Verdict::kTooBig) << bytes;
    }
  }
}

TEST(Inflate, ABombIsCutAtTheLimit) {
  Deflater deflater;
  const std::string bomb = compressed(deflater, std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 400'000u);
  Inflater inflater;
  EXPECT_EQ(inflater.inflate(without_tail(bomb), 65536, false).verdict, Verdict::kTooBig);
  // Behind it a wrong byte: who stops at the limit does not see it.
  const std::string longer = std::string(without_tail(bomb)) + "\x07";
  EXPECT_EQ(inflater.inflate(longer, 65536, false).verdict, Verdict::kTooBig);
  EXPECT_EQ(inflater.inflate(longer, 65 << 20, false).verdict, Verdict::kBroken);
}

TEST(Inflate, TextIsUtf8OverAllItsPieces) {
  Deflater deflater;
  Inflater inflater;
  const std::string euros = repeated("\xe2\x82\xac", 9000);  // cut by the buffer's first 4096
  EXPECT_EQ(inflater.inflate(without_tail(compressed(deflater, euros)), 9000, true).verdict,
            Verdict::kOk);
  for (const std::string& wrong : {euros + "\xff", euros + "\xe2\x82", "\xed\xa0\x80" + euros}) {
    const std::string blocks = compressed(deflater, wrong);
    EXPECT_EQ(inflater.inflate(without_tail(blocks), 10000, true).verdict, Verdict::kNotUtf8);
    EXPECT_EQ(inflater.inflate(without_tail(blocks), 10000, false).verdict, Verdict::kOk);
  }
}

TEST(Stored, BlocksAreReadBack) {
  Inflater inflater;
  for (const size_t bytes : {0u, 1u, 65534u, 65535u, 65536u, 131070u, 131071u, 300000u}) {
    const std::string text = noise(bytes);
    const auto [verdict, back] = inflater.inflate(stored(text) + '\0', bytes, false);
    ASSERT_EQ(verdict, Verdict::kOk) << bytes;
    EXPECT_TRUE(back == text) << bytes;
  }
}

TEST(Stored, MixesWithCompressedBlocks) {
  Deflater deflater;
  Inflater inflater;
  const std::string text = repeated("middle ", 700);
  const std::string mixed = stored("before ") + compressed(deflater, text) + stored("after") + '\0';
  EXPECT_EQ(inflater.inflate(mixed, 1000, true).text, "before " + text + "after");
}

}  // namespace
}  // namespace livehub::wire
