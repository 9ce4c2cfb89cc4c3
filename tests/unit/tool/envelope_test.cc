#include <gtest/gtest.h>

#include "tool/stream.h"

namespace livehub::tool {
namespace {

TEST(Envelope, TakesTheHubsFramesApart) {
  const auto envelope = parse_envelope(R"({"id":"a-1","data":{"x":[1,2]}})");
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->id, "a-1");
  EXPECT_EQ(envelope->data, R"({"x":[1,2]})");
  EXPECT_FALSE(envelope->is_gap);
  EXPECT_EQ(parse_envelope(R"({"id":"a","data":"}"})")->data, R"("}")");
}

TEST(Envelope, KnowsAGap) {
  const auto envelope = parse_envelope(R"({"id":"b-2","gap":true})");
  ASSERT_TRUE(envelope);
  EXPECT_TRUE(envelope->is_gap);
  EXPECT_EQ(envelope->id, "b-2");
}

TEST(Envelope, EverythingElseIsAMessage) {
  for (const char* text : {"", "{", "{}", R"({"id":1,"data":2})", R"({"data":2,"id":"x"})",
                           R"({"id":"x"})", R"({"id":"x","other":1})", R"({"id":"x\n","data":1})"})
    EXPECT_FALSE(parse_envelope(text)) << text;
}

TEST(Url, IsTakenApart) {
  const Url url = parse_url("wss://user:pw@hub.example:444/a/ws?token=secret");
  EXPECT_EQ(url.error, "");
  EXPECT_TRUE(url.is_websocket);
  EXPECT_TRUE(url.is_tls);
  EXPECT_EQ(url.origin(), "wss://hub.example:444");
  EXPECT_EQ(url.path, "/a/ws");
  EXPECT_EQ(url.shown(), "wss://hub.example:444/a/ws");
  EXPECT_EQ(url.whole(), "wss://user:pw@hub.example:444/a/ws?token=secret");
  EXPECT_EQ(parse_url("http://[::1]:80").host, "[::1]");
}

TEST(Url, OthersAreRefused) {
  for (const char* text : {"", "localhost:8787", "ftp://x/", "http://", "http://a b/", "file:///x"})
    EXPECT_NE(parse_url(text).error, "") << text;
}

}  // namespace
}  // namespace livehub::tool
