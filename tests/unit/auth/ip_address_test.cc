#include "auth/ip_address.h"

#include <gtest/gtest.h>

namespace livehub::auth {
namespace {

TEST(IpAddress, ReadsAndWritesBothKinds) {
  const std::pair<const char*, const char*> table[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:c000:201", "192.0.2.1"},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
  };
  for (const auto& [text, shown] : table) {
    const auto address = parse_ip(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(ip_text(*address), shown);
    EXPECT_EQ(parse_ip(shown), address);
  }
  EXPECT_TRUE(parse_ip("192.0.2.1")->is_v4());
  EXPECT_FALSE(parse_ip("2001:db8::1")->is_v4());
  EXPECT_TRUE(IpAddress().is_none());
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1..3.4",
                           "1.2.3.-4",
                           "0x1.2.3.4",
                           ":",
                           ":::",
                           "1:::2",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7::8:9",
                           "12345::",
                           "g::",
                           "1:",
                           ":1",
                           "::1:",
                           "1.2.3.4::",
                           "::1.2.3",
                           "[::1]",
                           "::1%eth0",
                           "::-1",
                           "::+1",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1/64"})
    EXPECT_FALSE(parse_ip(text)) << text;
}

TEST(NetworkList, HoldsWhatIsInItsNetworks) {
  std::string error;
  const auto list = NetworkList::parse("172.16.0.0/12, 10.1.2.3 ,fd00::/8,2001:db8::/33", error);
  ASSERT_TRUE(list) << error;
  for (const char* text :
       {"172.16.0.0", "172.31.255.255", "10.1.2.3", "fd12::1", "2001:db8:7fff::1"})
    EXPECT_TRUE(list->contains(*parse_ip(text))) << text;
  for (const char* text :
       {"172.32.0.0", "172.15.255.255", "10.1.2.4", "fe00::", "2001:db8:8000::", "::1"})
    EXPECT_FALSE(list->contains(*parse_ip(text))) << text;
  EXPECT_TRUE(NetworkList::parse("0.0.0.0/0", error)->contains(*parse_ip("8.8.8.8")));
  EXPECT_FALSE(NetworkList::parse("0.0.0.0/0", error)->contains(*parse_ip("2001::")));
  EXPECT_TRUE(NetworkList::parse("::/0", error)->contains(*parse_ip("8.8.8.8")));
  EXPECT_TRUE(NetworkList::parse(" none ", error)->empty());
}

TEST(NetworkList, RefusesWhatIsNone) {
  for (const char* text :
       {"", ",", "10.0.0.0/8,", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.1/8",
        "fd00::1/64", "fd00::/129", "proxy.example", "10.0.0.0/8/8", "none,none"}) {
    std::string error;
    EXPECT_FALSE(NetworkList::parse(text, error)) << text;
    EXPECT_FALSE(error.empty());
  }
}

}  // namespace
}  // namespace livehub::auth
