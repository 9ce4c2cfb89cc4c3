#include "auth/forwarded.h"

#include <gtest/gtest.h>

#include <vector>

namespace livehub::auth {
namespace {

std::string client(std::vector<std::string_view> fields) {
  std::string error;
  const auto trusted = NetworkList::parse("10.0.0.0/8,fd00::/8", error);
  const auto address = forwarded_client(*trusted, fields);
  return address ? ip_text(*address) : "";
}

TEST(Forwarded, IsTheRightmostThatNobodyTrusts) {
  EXPECT_EQ(client({"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client({"198.51.100.7, 192.0.2.1"}), "192.0.2.1")
      << "the left one is the client's word";
  EXPECT_EQ(client({"192.0.2.1, 10.1.1.1,fd00::1"}), "192.0.2.1");
  EXPECT_EQ(client({"198.51.100.7", "192.0.2.1,10.0.0.9"}), "192.0.2.1")
      << "later fields are later";
  EXPECT_EQ(client({"192.0.2.1", "10.0.0.9"}), "192.0.2.1");
  EXPECT_EQ(client({"[2001:db8::1]:443"}), "2001:db8::1");
  EXPECT_EQ(client({"192.0.2.1:8080"}), "192.0.2.1");
}

TEST(Forwarded, IsNobodyWhereTheChainIsBroken) {
  EXPECT_EQ(client({}), "");
  EXPECT_EQ(client({""}), "");
  EXPECT_EQ(client({"10.0.0.1"}), "") << "a proxy alone is no client";
  EXPECT_EQ(client({"192.0.2.1, unknown, 10.0.0.1"}), "");
  EXPECT_EQ(client({"192.0.2.1,"}), "");
  EXPECT_EQ(client({"192.0.2.1", ""}), "");
}

TEST(Forwarded, EntriesMayHaveAPort) {
  for (const char* text : {"192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "[192.0.2.1]", "[::1",
                           "[::1]x", "[::1]:", "_hidden", "\"192.0.2.1\""})
    EXPECT_FALSE(parse_forwarded_entry(text)) << text;
  EXPECT_EQ(parse_forwarded_entry(" ::1\t"), parse_ip("::1"));
}

}  // namespace
}  // namespace livehub::auth
