#include "source/nats_subject.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

TEST(NatsSubject, TokensHoldNoWildcardDotSpaceOrControl) {
  for (const char* good : {"a", "user-0b1c", "A_b:c", "ünïcode", "日本", "$x", "100%", "a/b"})
    EXPECT_TRUE(is_nats_token(good)) << good;
  for (const char* bad :
       {"", ".", "a.b", "*", "a*", ">", "a>b", " ", "a b", "\t", "a\r\n", "\x7f", "a\x01",
        "a\xc2\x85", "a\xc2\xa0", "\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xae"})
    EXPECT_FALSE(is_nats_token(bad)) << bad;
  EXPECT_FALSE(is_nats_token(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_nats_token(std::string(kNatsTokenBytesMax, 'a')));
  EXPECT_FALSE(is_nats_token(std::string(kNatsTokenBytesMax + 1, 'a')));
}

TEST(NatsSubject, EveryByteAloneIsDecidedByTheRule) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    const bool is_good = byte > 0x20 && byte < 0x7f && c != '.' && c != '*' && c != '>';
    EXPECT_EQ(is_nats_token({&c, 1}), is_good) << byte;
  }
}

TEST(NatsSubject, SubjectsAreTokensWithSingleDotsBetween) {
  EXPECT_TRUE(is_nats_subject("drop.x.state"));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b"})
    EXPECT_FALSE(is_nats_subject(bad)) << bad;
}

TEST(NatsSubject, ServersAreReadFromACommaList) {
  std::string error;
  const auto servers = parse_nats_servers(
      "nats://localhost:4222, nats://u:p@[fdaa::3]:5000,tls://example.com,nats://x.internal/",
      error);
  ASSERT_EQ(servers.size(), 4u) << error;
  EXPECT_EQ(servers[0].shown(), "localhost:4222");
  EXPECT_EQ(servers[1].host, "fdaa::3");
  EXPECT_EQ(servers[1].shown(), "[fdaa::3]:5000");
  EXPECT_FALSE(servers[1].is_tls);
  EXPECT_EQ(servers[2].shown(), "example.com:4222");
  EXPECT_TRUE(servers[2].is_tls);
  EXPECT_EQ(servers[3].url, "nats://x.internal:4222");
}

TEST(NatsSubject, AWrongServerIsNamedByItsPlaceAndNotRepeated) {
  for (const char* bad :
       {"", "localhost:4222", "http://x:1", "nats://", "nats://x:0", "nats://x:70000",
        "nats://x:1a", "nats://[::1", "nats://[::1]x", "nats://a b:1", "nats://u:hemmelig@"}) {
    std::string error;
    EXPECT_TRUE(parse_nats_servers(std::string("nats://ok,") + bad, error).empty()) << bad;
    EXPECT_NE(error.find("address 2"), std::string::npos) << error;
    EXPECT_EQ(error.find("hemmelig"), std::string::npos);
  }
}

}  // namespace
}  // namespace livehub::source
