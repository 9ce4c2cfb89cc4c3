#include "auth/bearer.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::auth {
namespace {

TEST(Bearer, AcceptsAnyCaseAndOneOrMoreSpaces) {
  for (const char* header : {"Bearer s3cret", "bearer s3cret", "BEARER s3cret", "bEaReR s3cret",
                             "Bearer  s3cret", "Bearer      s3cret"})
    EXPECT_TRUE(bearer_matches(header, "s3cret")) << header;
}

TEST(Bearer, RefusesEverythingElse) {
  for (const char* header : {"",
                             " ",
                             "s3cret",
                             "Bearer",
                             "Bearer ",
                             "Bearer   ",
                             "Bearers3cret",
                             "Bearer\ts3cret",
                             "Bearer\xc2\xa0s3cret",
                             " Bearer s3cret",
                             "Bearer s3cret ",
                             "Bearer s3cret\t",
                             "Bearer s3cre",
                             "Bearer s3crets",
                             "Bearer S3CRET",
                             "Bearer s3cret,s3cret",
                             "Bearer s3cret s3cret",
                             "Basic s3cret",
                             "Token s3cret",
                             "Bearer: s3cret",
                             "Bearer \"s3cret\"",
                             "Bear s3cret",
                             "Bearerr s3cret",
                             "Beare\xd2 s3cret",
                             "\"earer s3cret",
                             "Bearer \ts3cret",
                             "2earer s3cret"})
    EXPECT_FALSE(bearer_matches(header, "s3cret")) << header;
}

TEST(Bearer, RefusesEverySingleBitFlip) {
  const std::string token = "Zk9-long.token_with~signs/and=";
  for (size_t bit = 0; bit < token.size() * 8; ++bit) {
    std::string forged = token;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(bearer_matches("Bearer " + forged, token)) << bit;
  }
  EXPECT_TRUE(bearer_matches("Bearer " + token, token));
}

TEST(Bearer, RefusesEveryPrefixAndTheTokenTwice) {
  const std::string token = "0123456789abcdef";
  for (size_t bytes = 0; bytes < token.size(); ++bytes)
    EXPECT_FALSE(bearer_matches("Bearer " + token.substr(0, bytes), token)) << bytes;
  EXPECT_FALSE(bearer_matches("Bearer " + token + token, token));
}

TEST(Bearer, ANulByteIsAByteOfTheToken) {
  const std::string cut("Bearer s3cret\0x", 15);
  EXPECT_FALSE(bearer_matches(cut, "s3cret"));
  EXPECT_FALSE(bearer_matches("Bearer s3cret", std::string("s3cret\0x", 8)));
  EXPECT_TRUE(bearer_matches(cut, std::string("s3cret\0x", 8)));
}

TEST(Bearer, ATokenMayHoldSpacesInside) {
  EXPECT_TRUE(bearer_matches("Bearer two words", "two words"));
  EXPECT_FALSE(bearer_matches("Bearer two  words", "two words"));
}

TEST(Bearer, AnEmptyTokenNeverMatches) {
  for (const char* header : {"", "Bearer", "Bearer ", "Bearer  ", "Bearer x"})
    EXPECT_FALSE(bearer_matches(header, "")) << header;
}

}  // namespace
}  // namespace livehub::auth
