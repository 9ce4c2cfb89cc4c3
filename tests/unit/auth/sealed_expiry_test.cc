#include "auth/sealed_expiry.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::auth {
namespace {

constexpr std::string_view kToken = "a token of some length";

TEST(SealedExpiry, HoldsUntilItsTime) {
  const std::string text = seal_expiry(kToken, 1000);
  EXPECT_TRUE(is_sealed_and_fresh(kToken, text, 0));
  EXPECT_TRUE(is_sealed_and_fresh(kToken, text, 999));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, text, 1000));
  EXPECT_EQ(text.find(kToken), std::string::npos);
}

TEST(SealedExpiry, AnotherTokenOrAChangedTextIsRefused) {
  const std::string text = seal_expiry(kToken, 1000);
  EXPECT_FALSE(is_sealed_and_fresh("another token entirely", text, 0));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, "9999" + text.substr(4), 0));  // a later expiry
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(is_sealed_and_fresh(kToken, changed, 0)) << i;
  }
}

TEST(SealedExpiry, NonsenseIsRefused) {
  EXPECT_FALSE(is_sealed_and_fresh(kToken, "", 0));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, ".", 0));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, "1000", 0));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, "1000.", 0));
  EXPECT_FALSE(is_sealed_and_fresh("", seal_expiry("", 1000), 0));
  EXPECT_FALSE(is_sealed_and_fresh(kToken, "99999999999999999999." + std::string(64, 'a'), 0));
}

}  // namespace
}  // namespace livehub::auth
