#include "source/redis_reader.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

TEST(RedisReader, ReadsRepliesSplitAtEveryByte) {
  const std::string bytes =
      "+OK\r\n:42\r\n$-1\r\n*-1\r\n-ERR "
      "no\r\n*2\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n$0\r\n\r\n$2\r\nhi\r\n";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    RedisReader reader;
    std::vector<RedisReply> replies;
    for (const std::string& part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      ASSERT_TRUE(reader.feed(part));
      while (auto reply = reader.next()) replies.push_back(std::move(*reply));
      ASSERT_FALSE(reader.has_failed());
    }
    using Kind = RedisReply::Kind;
    ASSERT_EQ(replies.size(), 7u);
    EXPECT_EQ(replies[0].kind, Kind::kStatus);
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_EQ(replies[1].integer, 42);
    EXPECT_TRUE(replies[2].is_nil());
    EXPECT_TRUE(replies[3].is_nil());
    EXPECT_TRUE(replies[4].is_error());
    EXPECT_EQ(replies[4].text, "ERR no");
    ASSERT_EQ(replies[5].items.size(), 2u);
    EXPECT_EQ(replies[5].items[0].text, "a\r\n");
    ASSERT_EQ(replies[5].items[1].items.size(), 2u);
    EXPECT_EQ(replies[5].items[1].items[0].integer, 1);
    EXPECT_EQ(replies[6].text, "hi");
  }
}

TEST(RedisReader, FailsOnWhatIsNoProtocol) {
  for (const char* bytes : {"HTTP/1.1 400 Bad Request\r\n", "\r\n\r\n", "*1\r\n!\r\n", ":x\r\n"}) {
    RedisReader reader;
    EXPECT_FALSE(reader.feed(bytes) && (reader.next(), !reader.has_failed())) << bytes;
    EXPECT_FALSE(reader.feed("+OK\r\n"));
    EXPECT_EQ(reader.next(), std::nullopt);
  }
}

TEST(RedisReader, RefusesArraysBeyondItsLimit) {
  for (const char* bytes : {"*2147483647\r\n", "*1048577\r\n", "*9223372036854775807\r\n",
                            "*4294967297\r\n", "*1000000\r\n*1000000\r\n"}) {
    RedisReader reader;
    EXPECT_FALSE(reader.feed(bytes) && (reader.next(), !reader.has_failed())) << bytes;
  }
}

TEST(RedisReader, CountsEachReplyForItself) {
  RedisReader reader;
  for (int i = 0; i < 3; ++i) {
    std::string bytes = "*600000\r\n";
    for (int item = 0; item < 600'000; ++item) bytes += ":1\r\n";
    ASSERT_TRUE(reader.feed(bytes));
    const auto reply = reader.next();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->items.size(), 600'000u);
  }
}

TEST(RedisReader, EndsAReplyThatDoesNotEnd) {
  RedisReader reader;
  ASSERT_TRUE(reader.feed("$500000000\r\n"));
  EXPECT_EQ(reader.next(), std::nullopt);
  const std::string megabyte(1 << 20, 'x');
  size_t taken = 0;
  while (reader.feed(megabyte)) {
    ++taken;
    ASSERT_LE(taken, kRedisReplyBytesMax >> 20);
    EXPECT_EQ(reader.next(), std::nullopt);
  }
  EXPECT_TRUE(reader.has_failed());
}

TEST(RedisReader, WritesCommandsOfAnyBytes) {
  std::string out = "before";
  write_redis_command(out, {"SET", "k", std::string("a\0\r\n", 4), ""});
  EXPECT_EQ(out,
            std::string("before*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 42));
}

}  // namespace
}  // namespace livehub::source
