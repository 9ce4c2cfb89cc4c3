#include "wire/ws_handshake.h"

#include <gtest/gtest.h>

#include <random>

namespace livehub::wire {
namespace {

TEST(WsAcceptKey, IsTheOneOfRfc6455) {
  EXPECT_EQ(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(ws_accept_key("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(WsKey, IsValidForEveryNonce) {
  std::mt19937 random(5);
  for (int round = 0; round < 1000; ++round) {
    std::array<uint8_t, 16> nonce;
    for (uint8_t& byte : nonce) byte = static_cast<uint8_t>(random());
    const std::string key = ws_key_from_nonce(nonce);
    ASSERT_EQ(key.size(), 24U);
    ASSERT_TRUE(ws_key_valid(key)) << key;
  }
  EXPECT_EQ(ws_key_from_nonce(
                {'t', 'h', 'e', ' ', 's', 'a', 'm', 'p', 'l', 'e', ' ', 'n', 'o', 'n', 'c', 'e'}),
            "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(WsKey, HasFourPossibleLastDigits) {
  std::string valid;
  for (int c = 0; c < 256; ++c) {
    std::string key = "dGhlIHNhbXBsZSBub25jZ?==";
    key[21] = static_cast<char>(c);
    if (ws_key_valid(key)) valid += static_cast<char>(c);
  }
  EXPECT_EQ(valid, "AQgw");
}

TEST(WsKey, IsInvalidOtherwise) {
  EXPECT_TRUE(ws_key_valid("dGhlIHNhbXBsZSBub25jZQ=="));
  for (const std::string_view key :
       {"", "++++////////////////////==", "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZR==",  // the same 16 bytes, but bits behind them
        "dGhlIHNhbXBsZSBub25jZWU=",  // 17 bytes
        "dGhlIHNhbXBsZSBub25jZWVl",  // 18 bytes
        "dGhlIHNhbXBsZSBub25j====",  // 15 bytes and too much padding
        "dGhlIHNhbXBsZSBub2-jZQ==", "dGhlIHNhbXBsZSBub2_jZQ==", "dGhlIHNhbXBsZSB ub2jZQ==",
        "=GhlIHNhbXBsZSBub25jZQ==", " dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZ\x80=="}) {
    EXPECT_FALSE(ws_key_valid(key)) << key;
  }
}

}  // namespace
}  // namespace livehub::wire
