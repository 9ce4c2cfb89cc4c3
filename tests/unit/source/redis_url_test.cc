#include "source/redis_url.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

RedisAddress parsed(std::string_view url) {
  std::string error;
  const auto address = parse_redis_url(url, error);
  EXPECT_TRUE(address.has_value()) << url << ": " << error;
  return address.value_or(RedisAddress{});
}

std::string refused(std::string_view url) {
  std::string error;
  EXPECT_FALSE(parse_redis_url(url, error).has_value()) << url;
  EXPECT_TRUE(error.starts_with("REDIS_URL")) << error;
  EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
  return error;
}

TEST(RedisUrl, TakesHostAndPort) {
  const RedisAddress a = parsed("redis://cache.internal:6380");
  EXPECT_FALSE(a.use_tls);
  EXPECT_EQ(a.host, "cache.internal");
  EXPECT_EQ(a.port, 6380);
  EXPECT_EQ(a.database, 0u);
  EXPECT_EQ(a.user + a.password, "");
  EXPECT_EQ(parsed("redis://h").port, 6379);
  EXPECT_EQ(parsed("redis://h/").port, 6379);
  EXPECT_EQ(parsed("REDIS://h:1").port, 1);
  EXPECT_TRUE(parsed("rediss://h").use_tls);
}

TEST(RedisUrl, DecodesUserAndPassword) {
  const RedisAddress a = parsed("rediss://default:p%40ss%2Fw%3Ard%25@h:6379");
  EXPECT_EQ(a.user, "default");
  EXPECT_EQ(a.password, "p@ss/w:rd%");
  EXPECT_EQ(a.host, "h");
  EXPECT_EQ(parsed("redis://:secret@h").user, "");
  EXPECT_EQ(parsed("redis://:secret@h").password, "secret");
  EXPECT_EQ(parsed("redis://u%20s:x@h").user, "u s");
}

TEST(RedisUrl, TakesAPasswordThatWasNotEncoded) {
  const RedisAddress a = parsed("redis://u:a/b?c@d#e@h:7/2");
  EXPECT_EQ(a.password, "a/b?c@d#e");
  EXPECT_EQ(a.host, "h");
  EXPECT_EQ(a.port, 7);
  EXPECT_EQ(a.database, 2u);
}

TEST(RedisUrl, TakesADatabase) {
  EXPECT_EQ(parsed("redis://h/3").database, 3u);
  EXPECT_EQ(parsed("redis://h:1/15?x=y").database, 15u);
  EXPECT_EQ(parsed("redis://h?ssl_cert_reqs=required&db=4").database, 4u);
}

TEST(RedisUrl, TakesIPv6Literals) {
  EXPECT_EQ(parsed("redis://[fdaa::3]:6379/1").host, "fdaa::3");
  EXPECT_EQ(parsed("redis://u:p@[::1]").host, "::1");
  EXPECT_EQ(parsed("redis://[::1]").port, 6379);
}

TEST(RedisUrl, RefusesTheRestAddressAndNamesTheRightOne) {
  const std::string error = refused("https://us1-merry-cat-32748.upstash.io");
  EXPECT_NE(error.find("REST"), std::string::npos);
  EXPECT_NE(error.find("rediss://"), std::string::npos);
  refused("http://h");
}

TEST(RedisUrl, RefusesWhatIsNone) {
  for (const char* url :
       {"", "h:6379", "unix:///tmp/s", "redis://", "redis://:hunter2@", "redis://h:0",
        "redis://h:65536", "redis://h:x", "redis://h:1/x", "redis://h/1/2", "redis://h/-1",
        "redis://[::1", "redis://[::1]6379", "redis://u:hunter2%zz@h", "redis://u:hunter2%4@h",
        "redis://u:hunter2%00@h", "redis://::1:6379", "redis://h?db=x"})
    refused(url);
}

}  // namespace
}  // namespace livehub::source
