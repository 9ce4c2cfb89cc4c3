#include "wire/url.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace livehub::wire {
namespace {

using namespace std::literals;

TEST(PercentDecode, DecodesEveryByteInBothCases) {
  constexpr char kUpper[] = "0123456789ABCDEF";
  constexpr char kLower[] = "0123456789abcdef";
  for (size_t byte = 0; byte < 256; ++byte) {
    const std::string want(1, static_cast<char>(byte));
    EXPECT_EQ(percent_decode("%"s + kUpper[byte / 16] + kUpper[byte % 16], false), want) << byte;
    EXPECT_EQ(percent_decode("%"s + kLower[byte / 16] + kLower[byte % 16], true), want) << byte;
  }
}

TEST(PercentDecode, LeavesTheRestAlone) {
  EXPECT_EQ(percent_decode("", false), "");
  EXPECT_EQ(percent_decode("a/b?c\xff", false), "a/b?c\xff");
  EXPECT_EQ(percent_decode("x%20y%2Fz", false), "x y/z");
}

TEST(PercentDecode, DecodesOnlyOnce) { EXPECT_EQ(percent_decode("%2520", false), "%20"); }

TEST(PercentDecode, PlusIsASpaceOnlyWhenAsked) {
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a%2Bb", true), "a+b");
}

TEST(PercentDecode, RefusesBadEscapes) {
  for (const char* text :
       {"%", "a%", "%4", "a%4", "%4g", "%g4", "%%41", "%+1", "% 1", "%-1", "%0x"})
    EXPECT_EQ(percent_decode(text, false), std::nullopt) << text;
}

TEST(PercentDecode, DoesNotReadPastItsEnd) {
  EXPECT_EQ(percent_decode("%41"sv.substr(0, 2), false), std::nullopt);
  EXPECT_EQ(percent_decode("%41"sv.substr(0, 1), false), std::nullopt);
}

TEST(QueryValue, FindsTheFirst) {
  EXPECT_EQ(query_value("a=1&b=2&b=3", "b"), "2");
  EXPECT_EQ(query_value("a=1&b=2", "a"), "1");
  EXPECT_EQ(query_value("aa=1&a=2", "a"), "2");
}

TEST(QueryValue, IsNothingWhereTheNameIsNot) {
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(query_value("ab=1", "a"), std::nullopt);
  EXPECT_EQ(query_value("A=1", "a"), std::nullopt);
  EXPECT_EQ(query_value("b=a=1", "a"), std::nullopt);
  EXPECT_EQ(query_value("&&", ""), std::nullopt);
}

TEST(QueryValue, EmptyValues) {
  EXPECT_EQ(query_value("a", "a"), "");
  EXPECT_EQ(query_value("a=", "a"), "");
  EXPECT_EQ(query_value("b&a&c", "a"), "");
  EXPECT_EQ(query_value("=1", ""), "1");
}

TEST(QueryValue, DecodesNamesAndValues) {
  EXPECT_EQ(query_value("ch%61nnel=a%26b%3Dc+d", "channel"), "a&b=c d");
  EXPECT_EQ(query_value("my+name=1", "my name"), "1");
  EXPECT_EQ(query_value("a=b=c", "a"), "b=c");
  EXPECT_EQ(query_value("a=%00", "a"), "\0"s);
}

TEST(QueryValue, MalformedEscapes) {
  EXPECT_EQ(query_value("a=%4&b=1", "a"), std::nullopt);
  EXPECT_EQ(query_value("a=%4&a=1", "a"), std::nullopt);  // the first one counts
  EXPECT_EQ(query_value("a=%4&b=1", "b"), "1");
  EXPECT_EQ(query_value("%4=1&b=2", "b"), "2");
  EXPECT_EQ(query_value("%4=1", "%4"), std::nullopt);
}

}  // namespace
}  // namespace livehub::wire
