#include "base/log_line.h"

#include <gtest/gtest.h>

namespace livehub::base {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(LogLine, IsOneJsonObject) {
  EXPECT_EQ(log_json("T", "warn", "a \"b\" \\ \n\x1b[1m", ""),
            R"({"time":"T","level":"warn","message":"a \"b\" \\ ??[1m"})");
  EXPECT_EQ(log_json("T", "info", "x", "01AB-fra"),
            R"({"time":"T","level":"info","request_id":"01AB-fra","message":"x"})");
}

TEST(LogLine, IsValidUtf8WhateverCame) {
  EXPECT_EQ(log_json("T", "info", "\xc3\xa9\xff\xc3", ""),
            "{\"time\":\"T\",\"level\":\"info\",\"message\":\"\xc3\xa9??\"}");
  EXPECT_EQ(log_json("T", "info", "\xed\xa0\x80", ""),
            R"({"time":"T","level":"info","message":"???"})");
}

TEST(LogLine, IsCutBetweenCharacters) {
  std::string text;
  while (text.size() <= kLogLineBytesMax) text += "\xe2\x82\xac";
  const std::string line = log_text(text, "");
  EXPECT_LE(line.size(), kLogLineBytesMax);
  EXPECT_EQ(line.size() % 3, 0U);
}

TEST(LogLine, ATerminalIsNotObeyed) {
  EXPECT_EQ(log_text("a\r\nb\x1b[2J", "r1"), "a??b?[2J (request r1)");
}

TEST(LogLine, RequestIdsAreHarmless) {
  EXPECT_EQ(log_request_id("01KABC-fra"), "01KABC-fra");
  EXPECT_EQ(log_request_id("a\" {\n}b"), "ab");
  EXPECT_EQ(log_request_id(std::string(100, 'x')).size(), 64U);
}

TEST(LogLimiter, LetsBurstsPassAndCountsFloods) {
  LogLimiter limiter(10, 3);
  uint64_t left_out = 7;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limiter.admit(kSecond, left_out));
  EXPECT_EQ(left_out, 0U);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.admit(kSecond, left_out));
  EXPECT_TRUE(limiter.admit(kSecond + kSecond / 10, left_out));
  EXPECT_EQ(left_out, 5U);
  EXPECT_FALSE(limiter.admit(kSecond + kSecond / 10, left_out));
  EXPECT_TRUE(limiter.admit(100 * kSecond, left_out));
  EXPECT_EQ(left_out, 1U);
  EXPECT_TRUE(limiter.admit(100 * kSecond, left_out));
  EXPECT_EQ(left_out, 0U);
}

TEST(LogLimiter, AClockThatGoesBackGivesNothing) {
  LogLimiter limiter(10, 1);
  uint64_t left_out = 0;
  EXPECT_TRUE(limiter.admit(5 * kSecond, left_out));
  EXPECT_FALSE(limiter.admit(kSecond, left_out));
  EXPECT_FALSE(limiter.admit(5 * kSecond, left_out));
}

}  // namespace
}  // namespace livehub::base
