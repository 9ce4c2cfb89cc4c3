#include "wire/utf8.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

namespace livehub::wire {
namespace {

// The reference decodes by arithmetic instead of by ranges: the size of the first character of
// `bytes` if it is one that RFC 3629 allows.
std::optional<size_t> reference_character(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])); };
  if (byte(0) < 0x80) return 1;
  size_t size = 0;
  uint32_t code_point = 0;
  if ((byte(0) & 0xE0) == 0xC0) size = 2, code_point = byte(0) & 0x1F;
  if ((byte(0) & 0xF0) == 0xE0) size = 3, code_point = byte(0) & 0x0F;
  if ((byte(0) & 0xF8) == 0xF0) size = 4, code_point = byte(0) & 0x07;
  if (size == 0 || bytes.size() < size) return std::nullopt;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < kSmallest[size] || code_point > 0x10FFFF || surrogate) return std::nullopt;
  return size;
}

bool reference_valid(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::optional<size_t> size = reference_character(bytes);
    if (!size) return false;
    bytes.remove_prefix(*size);
  }
  return true;
}

bool valid_byte_by_byte(std::string_view bytes) {
  Utf8Validator validator;
  for (const char& byte : bytes) {
    if (!validator.feed({&byte, 1})) return false;
  }
  return validator.complete();
}

bool valid_at_once(std::string_view bytes) {
  Utf8Validator validator;
  return validator.feed(bytes) && validator.complete();
}

void expect_like_reference(std::string_view bytes) {
  const bool expected = reference_valid(bytes);
  ASSERT_EQ(utf8_valid(bytes), expected) << ::testing::PrintToString(bytes);
  ASSERT_EQ(valid_at_once(bytes), expected) << ::testing::PrintToString(bytes);
  ASSERT_EQ(valid_byte_by_byte(bytes), expected) << ::testing::PrintToString(bytes);
}

// Bytes that the validator accepted before it failed; all of them if it did not.
size_t accepted_bytes(std::string_view bytes) {
  Utf8Validator validator;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (!validator.feed(bytes.substr(i, 1))) return i;
  }
  return bytes.size();
}

TEST(Utf8, AgreesWithTheReferenceOnAllSequencesOfUpToThreeBytes) {
  char bytes[3];
  size_t valid = 0;
  for (uint32_t value = 0; value < 1U << 24; ++value) {
    for (size_t i = 0; i < 3; ++i) bytes[i] = static_cast<char>(value >> (8 * i) & 0xFF);
    // Shorter sequences are the ones whose upper bytes are zero.
    const size_t size = value < 1U << 8 ? 1 : value < 1U << 16 ? 2 : 3;
    for (size_t from = size; from <= 3; ++from) {
      const std::string_view text(bytes, from);
      const bool expected = reference_valid(text);
      ASSERT_EQ(utf8_valid(text), expected) << value;
      ASSERT_EQ(valid_byte_by_byte(text), expected) << value;
      if (from == 3 && expected) ++valid;
    }
  }
  // 128^3 of ASCII, 2 * 128 * 1920 with one two-byte character, 61440 of three bytes.
  EXPECT_EQ(valid, 2097152U + 491520U + 61440U);
}

TEST(Utf8, AgreesWithTheReferenceOnFourByteSequences) {
  constexpr uint8_t kEdges[] = {0x00, 0x7F, 0x80, 0x81, 0x8F, 0x90,
                                0x9F, 0xA0, 0xAF, 0xBF, 0xC0, 0xFF};
  for (unsigned lead = 0xE0; lead <= 0xFF; ++lead) {
    for (unsigned second = 0; second <= 0xFF; ++second) {
      for (const uint8_t third : kEdges) {
        for (const uint8_t fourth : kEdges) {
          const char bytes[] = {static_cast<char>(lead), static_cast<char>(second),
                                static_cast<char>(third), static_cast<char>(fourth)};
          expect_like_reference({bytes, 4});
        }
      }
    }
  }
}

TEST(Utf8, AgreesWithTheReferenceOnEveryCodePointAndItsNeighbours) {
  for (uint32_t code = 0x10000; code < 0x140000; code += 61) {
    const char bytes[] = {
        static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
        static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
    ASSERT_EQ(utf8_valid({bytes, 4}), code <= 0x10FFFF) << code;
    expect_like_reference({bytes, 4});
  }
}

TEST(Utf8, FindsAnErrorAtEveryPositionOfLongText) {
  for (size_t size = 1; size <= 70; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      EXPECT_TRUE(utf8_valid(text));
      text[at] = '\xFF';
      ASSERT_FALSE(utf8_valid(text)) << size << " " << at;
      ASSERT_EQ(accepted_bytes(text), at);
    }
  }
}

TEST(Utf8, AgreesWithTheReferenceInRandomPieces) {
  std::mt19937 random(20260714);
  const std::string_view pieces[] = {"a",
                                     "hello world, sixteen",
                                     "\xC2\xA2",
                                     "\xE2\x82\xAC",
                                     "\xF0\xA4\xAD\xA2",
                                     "\xED\x9F\xBF",
                                     "\xEF\xBF\xBF",
                                     "\xF4\x8F\xBF\xBF",
                                     "\xE2\x82",
                                     "\x80"};
  size_t invalid = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t i = random() % 12; i > 0; --i) {
      text += pieces[random() % (random() % 8 == 0 ? std::size(pieces) : std::size(pieces) - 2)];
    }
    Utf8Validator validator;
    bool fits = true;
    for (size_t from = 0; from < text.size();) {
      const size_t size = std::min<size_t>(random() % 9, text.size() - from);
      fits = validator.feed(std::string_view(text).substr(from, size));
      from += size;
    }
    const bool expected = reference_valid(text);
    ASSERT_EQ(fits && validator.complete(), expected);
    invalid += !expected;
  }
  EXPECT_GT(invalid, 1000U);
  EXPECT_LT(invalid, 15000U);
}

TEST(Utf8, ChecksOnlyWhatItIsGivenAtAnyAlignment) {
  const std::string padded = "\xFF" + std::string(40, 'x') + "\xFF";
  for (size_t from = 1; from <= 40; ++from) {
    EXPECT_TRUE(utf8_valid(std::string_view(padded).substr(from, 41 - from)));
    EXPECT_FALSE(utf8_valid(std::string_view(padded).substr(from)));
  }
  EXPECT_TRUE(utf8_valid(""));
  EXPECT_TRUE(utf8_valid(std::string_view("\0", 1)));
}

TEST(Utf8Validator, FailsAtTheFirstByteThatCannotContinue) {
  EXPECT_EQ(accepted_bytes("ok\xF4\x90\x80\x80"), 3U);  // over U+10FFFF: told by the second byte
  EXPECT_EQ(accepted_bytes("ok\xED\xA0\x80"), 3U);      // a surrogate
  EXPECT_EQ(accepted_bytes("ok\xE0\x9F\xBF"), 3U);      // overlong
  EXPECT_EQ(accepted_bytes("ok\xF0\x8F\xBF\xBF"), 3U);
  EXPECT_EQ(accepted_bytes("ok\xC1\xBF"), 2U);  // overlong whatever follows
  EXPECT_EQ(accepted_bytes("ok\xF5"), 2U);
  EXPECT_EQ(accepted_bytes("ok\xE2\x82!"), 4U);
  EXPECT_EQ(accepted_bytes("ok\x80"), 2U);
}

TEST(Utf8Validator, StaysFailedUntilReset) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.feed("\xFF"));
  EXPECT_FALSE(validator.feed("fine"));
  EXPECT_FALSE(validator.feed(""));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.feed("fine"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8Validator, IsNotCompleteInsideACharacter) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.complete());
  for (const std::string_view part : {"a\xF0", "\xA4", "\xAD"}) {
    EXPECT_TRUE(validator.feed(part));
    EXPECT_FALSE(validator.complete());
  }
  EXPECT_TRUE(validator.feed("\xA2"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8Replacement, FollowsTheWhatwgDecoder) {
  const std::string r = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},
      {"plain \xE2\x82\xAC", "plain \xE2\x82\xAC"},
      {"\xFF", r},
      {"\xC0\xAF", r + r},          // no lead byte, then a lonely continuation
      {"\xE0\x80\xAF", r + r + r},  // E0 wants A0..BF
      {"\xF0\x80\x80\x80", r + r + r + r},
      {"\xED\xA0\x80", r + r + r},  // a surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},
      {"\xE2\x82", r},  // cut off: one maximal subpart
      {"\xE2\x82z", r + "z"},
      {"\xF0\x9F\x98", r},
      {"\xF0\x9F\x98!", r + "!"},
      {"\xF0\x9F", r},
      {"a\xF1\x80\x80\xE1\x80\xC2"
       "b\x80"
       "c\x80\xBF"
       "d",
       "a" + r + r + r + "b" + r + "c" + r + r + "d"},  // Unicode 3.9
      {"\xF8\x88\x80\x80\x80", r + r + r + r + r},
      {"\xEF\xBB\xBF"
       "bom",
       "\xEF\xBB\xBF"
       "bom"},
  };
  for (const auto& [bytes, expected] : vectors) {
    EXPECT_EQ(utf8_with_replacement(bytes), expected) << ::testing::PrintToString(bytes);
  }
}

TEST(Utf8Replacement, IsAlwaysValidAndKeepsValidText) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random() % 3 == 0 ? 'a' : 0x80 + random() % 128);
    const std::string text = utf8_with_replacement(bytes);
    ASSERT_TRUE(reference_valid(text));
    ASSERT_EQ(text == bytes, reference_valid(bytes));
  }
}

TEST(Utf8Prefix, CutsBetweenCharacters) {
  const std::string_view text = "a\xC2\xA2\xE2\x82\xAC\xF0\xA4\xAD\xA2";  // 1 + 2 + 3 + 4 bytes
  constexpr size_t kExpected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (size_t bytes_max = 0; bytes_max < std::size(kExpected); ++bytes_max) {
    EXPECT_EQ(utf8_prefix(text, bytes_max).size(), kExpected[bytes_max]) << bytes_max;
  }
}

}  // namespace
}  // namespace livehub::wire
