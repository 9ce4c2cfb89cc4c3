#include "auth/origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace livehub::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

OriginList parsed(std::string_view text) {
  std::string error;
  const std::optional<OriginList> list = OriginList::parse(text, error);
  EXPECT_TRUE(list.has_value()) << text << ": " << error;
  return list.value_or(OriginList());
}

TEST(OriginList, AllowsWhatItListsAndNothingNearIt) {
  const OriginList list = parsed("https://a.example, http://localhost:3000");
  EXPECT_FALSE(list.any());
  EXPECT_TRUE(list.allows("https://a.example"));
  EXPECT_TRUE(list.allows("http://localhost:3000"));
  for (const char* origin : {"",
                             "null",
                             "*",
                             "http://a.example",
                             "https://a.example/",
                             "https://a.example:443",
                             "https://a.example:8443",
                             "https://a.example.evil.example",
                             "https://evil.example",
                             "https://evila.example",
                             "https://b.a.example",
                             "https://A.example",
                             "HTTPS://a.example",
                             "https://a.exampl",
                             "https://a.example ",
                             " https://a.example",
                             "https://a.example.",
                             "http://localhost",
                             "http://localhost:30000",
                             "https://localhost:3000",
                             "a.example",
                             "https://a.example, http://localhost:3000",
                             "https://a.example@evil.example"})
    EXPECT_FALSE(list.allows(origin)) << origin;
}

TEST(OriginList, ANulByteDoesNotEndTheComparison) {
  EXPECT_FALSE(parsed("https://a.example").allows(std::string("https://a.example\0.evil", 23)));
}

TEST(OriginList, AStarAnywhereAllowsEverything) {
  for (const char* text : {"*", " * ", "https://a.example,*", "*,https://a.example"}) {
    const OriginList list = parsed(text);
    EXPECT_TRUE(list.any()) << text;
    for (const char* origin : {"https://a.example", "https://b.example", "null", ""})
      EXPECT_TRUE(list.allows(origin)) << text;
  }
}

TEST(OriginList, BringsEntriesToTheFormBrowsersSend) {
  EXPECT_THAT(parsed(" HTTPS://App.Example ,\thttp://x:80,https://x:443,http://x:443,wss://x:443,"
                     "ws://x:80,https://x:80,https://x:8443")
                  .entries(),
              ElementsAre("https://app.example", "http://x", "https://x", "http://x:443", "wss://x",
                          "ws://x", "https://x:80", "https://x:8443"));
}

TEST(OriginList, KnowsAddressesAndForeignSchemes) {
  EXPECT_THAT(parsed("http://127.0.0.1:5173,http://[::1]:3000,http://[::1],http://[2001:DB8::1]:80,"
                     "chrome-extension://abcdefgh,capacitor://localhost,app+x.y://-,https://a_b.c")
                  .entries(),
              ElementsAre("http://127.0.0.1:5173", "http://[::1]:3000", "http://[::1]",
                          "http://[2001:db8::1]", "chrome-extension://abcdefgh",
                          "capacitor://localhost", "app+x.y://-", "https://a_b.c"));
}

TEST(OriginList, SkipsEmptyEntries) {
  EXPECT_THAT(parsed(",https://a.example,, ,https://b.example,").entries(),
              ElementsAre("https://a.example", "https://b.example"));
}

TEST(OriginList, RefusesAListWithoutAnyOrigin) {
  for (const char* text : {"", " ", ",", " , ,", "\t"}) {
    std::string error;
    EXPECT_FALSE(OriginList::parse(text, error).has_value()) << text;
    EXPECT_THAT(error, HasSubstr("no origin")) << text;
  }
}

TEST(OriginList, RefusesWhatNoBrowserWouldSendAndNamesIt) {
  for (const char* entry : {"a.example",
                            "https://a.example/",
                            "https://a.example/path",
                            "https://",
                            "://a.example",
                            "https:a.example",
                            "https:/a.example",
                            "https//a.example",
                            "null",
                            "**",
                            "*.a.example",
                            "https://*.a.example",
                            "https://*",
                            "https://a.example:*",
                            "https://a.example:",
                            "https://a.example:0",
                            "https://a.example:080",
                            "https://a.example:65536",
                            "https://a.example:99999",
                            "https://a.example:123456",
                            "https://a.example:x",
                            "https://a.example:80:80",
                            "https://a b.example",
                            "https://user@a.example",
                            "https://a.example?x",
                            "https://a.example#x",
                            "1ttp://a.example",
                            "-x://a.example",
                            "ht_tp://a.example",
                            "http://[::1",
                            "http://::1",
                            "http://[]",
                            "http://[:]",
                            "http://[::1]x",
                            "http://[::1]:",
                            "http://[::g]",
                            "http://x[::1]",
                            "https://b\xc3\xbc"
                            "cher.example",
                            "https://a.example;https://b.example",
                            "\"https://a.example\"",
                            "https://a'b"}) {
    std::string error;
    const std::string text = std::string("https://good.example,") + entry;
    EXPECT_FALSE(OriginList::parse(text, error).has_value()) << entry;
    EXPECT_THAT(error, HasSubstr("'" + std::string(entry) + "'"));
    EXPECT_THAT(error, HasSubstr("scheme://host"));
  }
}

TEST(OriginList, ItsSentenceIsOneLineWhateverTheListHolds) {
  std::string error;
  EXPECT_FALSE(OriginList::parse("https://a\nb\x1b[2J", error).has_value());
  EXPECT_THAT(error, HasSubstr("'https://a?b?[2J' is not an origin"));
  EXPECT_FALSE(OriginList::parse(std::string(5000, 'x'), error).has_value());
  EXPECT_LT(error.size(), 300u);
}

}  // namespace
}  // namespace livehub::auth
