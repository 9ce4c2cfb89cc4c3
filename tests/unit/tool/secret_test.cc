#include "tool/secret.h"

#include <gtest/gtest.h>

#include <fstream>

#include "auth/push_signature.h"

namespace livehub::tool {
namespace {

std::string file_with(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "livehub-secret-" + name;
  std::ofstream(path) << text;
  return path;
}

Secret read(const Environment& environment) {
  Invocation invocation;
  invocation.environment = &environment;
  return read_secret(invocation, "TOKEN");
}

TEST(Secret, FromTheEnvironmentOrAFile) {
  EXPECT_EQ(read({{"TOKEN", "abc"}}).text, "abc");
  EXPECT_EQ(read({{"TOKEN_FILE", file_with("a", "from a file\r\n")}}).text, "from a file");
  EXPECT_EQ(read({}).text, "");
  EXPECT_EQ(read({{"TOKEN", ""}}).error, "");
}

TEST(Secret, SaysWhatIsWrongWithoutTheSecret) {
  EXPECT_EQ(read({{"TOKEN", "abc"}, {"TOKEN_FILE", "/x"}}).error,
            "TOKEN and TOKEN_FILE are both set; set one.");
  EXPECT_EQ(read({{"TOKEN_FILE", "/nowhere/x"}}).error,
            "TOKEN_FILE: /nowhere/x cannot be read: No such file or directory.");
  EXPECT_NE(read({{"TOKEN_FILE", file_with("b", "\n")}}).error.find("is empty"), std::string::npos);
}

// RFC 4231, test case 2.
TEST(Secret, HmacIsHmac) {
  const auto digest = hmac_sha256("Jefe", "what do ya want for nothing?");
  EXPECT_EQ(digest[0], 0x5b);
  EXPECT_EQ(digest[31], 0x43);
}

TEST(Secret, SignaturesAreWhatTheServerChecks) {
  const auth::PushSignature server("key");
  const std::string signature = push_signature("key", 1'700'000'000, "{\"a\":1}");
  EXPECT_EQ(server.check_body("1700000000", signature, "{\"a\":1}"), auth::SignatureCheck::kOk);
  EXPECT_EQ(server.check_body("1700000001", signature, "{\"a\":1}"), auth::SignatureCheck::kWrong);
}

TEST(Secret, FractionsAreFractions) {
  for (int i = 0; i < 1000; ++i) {
    const double fraction = random_fraction();
    EXPECT_GE(fraction, 0);
    EXPECT_LT(fraction, 1);
  }
}

}  // namespace
}  // namespace livehub::tool
