#include "auth/push_signature.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

namespace livehub::auth {
namespace {

// printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac topsecret
constexpr std::string_view kTimestamp = "1700000000";
constexpr std::string_view kBody = R"({"a":1})";
constexpr std::string_view kSignature =
    "sha256=6a939b0c71853d606167625a15168ee9188c6a511c773ef4f42d307f3849e50f";
constexpr std::string_view kEmptyBodySignature =
    "sha256=1736616ca502dd0795dd33e742aba65214c255d6064bb6035e7b37d18983438e";
constexpr int64_t kNow = 1700000000;

const PushSignature& checker() {
  static const PushSignature signature("topsecret");
  return signature;
}

TEST(PushSignature, AcceptsWhatOpensslSigned) {
  EXPECT_EQ(checker().check_headers(kTimestamp, kSignature, kNow), SignatureCheck::kOk);
  EXPECT_EQ(checker().check_body(kTimestamp, kSignature, kBody), SignatureCheck::kOk);
  EXPECT_EQ(checker().check_body(kTimestamp, kEmptyBodySignature, ""), SignatureCheck::kOk);
  EXPECT_EQ(checker().check_body(kTimestamp, kEmptyBodySignature, {}), SignatureCheck::kOk);
}

TEST(PushSignature, AcceptsHexOfEitherCase) {
  std::string upper(kSignature);
  for (size_t i = 7; i < upper.size(); ++i)
    upper[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(upper[i])));
  ASSERT_NE(upper, kSignature);
  EXPECT_EQ(checker().check_body(kTimestamp, upper, kBody), SignatureCheck::kOk);
  EXPECT_EQ(parse_signature(upper), parse_signature(kSignature));
}

TEST(PushSignature, TellsWhatIsMissing) {
  EXPECT_EQ(checker().check_headers(std::nullopt, kSignature, kNow), SignatureCheck::kMissing);
  EXPECT_EQ(checker().check_headers(kTimestamp, std::nullopt, kNow), SignatureCheck::kMissing);
  EXPECT_EQ(checker().check_headers(std::nullopt, std::nullopt, kNow), SignatureCheck::kMissing);
}

TEST(PushSignature, RefusesMalformedTimestamps) {
  for (const char* timestamp :
       {"", " ", "+1700000000", "-1700000000", " 1700000000", "1700000000 ", "1700000000.0",
        "1.7e9", "0x6553f100", "17000000O0", "1700000000,1700000000", "1700000000000000000000",
        "1700000000000", "\xd9\xa1"})
    EXPECT_EQ(checker().check_headers(timestamp, kSignature, kNow), SignatureCheck::kMalformed)
        << timestamp;
  const std::string_view with_nul("1700000000\0", 11);
  EXPECT_EQ(checker().check_headers(with_nul, kSignature, kNow), SignatureCheck::kMalformed);
}

TEST(PushSignature, RefusesMalformedSignatures) {
  const std::string hex(kSignature.substr(7));
  for (const std::string& signature :
       {std::string(), std::string("sha256="), hex, "SHA256=" + hex, "sha1=" + hex, "sha256:" + hex,
        " sha256=" + hex, "sha256=" + hex + " ", "sha256= " + hex.substr(1), "sha256=" + hex + "0",
        "sha256=" + hex + "00", "sha256=" + hex.substr(1), "sha256=" + hex.substr(2),
        "sha256=" + hex.substr(0, 63) + "g", "sha256=+" + hex.substr(1),
        "sha256=" + hex.substr(0, 62) + "0x", std::string("sha256=") + std::string(64, '\0'),
        "sha512=" + hex, "sha256=" + hex + "," + "sha256=" + hex}) {
    EXPECT_EQ(checker().check_headers(kTimestamp, signature, kNow), SignatureCheck::kMalformed)
        << signature;
    EXPECT_EQ(checker().check_body(kTimestamp, signature, kBody), SignatureCheck::kMalformed)
        << signature;
  }
}

TEST(PushSignature, TheWindowIsThreeHundredSecondsBothWays) {
  for (const int64_t off : {-300, -299, -1, 0, 1, 299, 300})
    EXPECT_EQ(checker().check_headers(kTimestamp, kSignature, kNow + off), SignatureCheck::kOk)
        << off;
  for (const int64_t off : {-100000, -301, 301, 100000})
    EXPECT_EQ(checker().check_headers(kTimestamp, kSignature, kNow + off), SignatureCheck::kStale)
        << off;
  EXPECT_EQ(checker().check_headers("0", kSignature, kNow), SignatureCheck::kStale);
  EXPECT_EQ(checker().check_headers("999999999999", kSignature, kNow), SignatureCheck::kStale);
  EXPECT_EQ(checker().check_headers("1700000000000", kSignature, 1700000000000),
            SignatureCheck::kMalformed)
      << "milliseconds are not seconds";
}

TEST(PushSignature, RefusesEveryBitFlipOfSignatureBodyAndTimestamp) {
  const SignatureDigest digest = *parse_signature(kSignature);
  for (size_t bit = 0; bit < digest.size() * 8; ++bit) {
    std::string forged = "sha256=";
    for (size_t i = 0; i < digest.size(); ++i) {
      const int byte = digest[i] ^ (i == bit / 8 ? 1 << (bit % 8) : 0);
      forged += "0123456789abcdef"[byte >> 4];
      forged += "0123456789abcdef"[byte & 15];
    }
    EXPECT_EQ(checker().check_body(kTimestamp, forged, kBody), SignatureCheck::kWrong) << bit;
  }
  for (size_t bit = 0; bit < kBody.size() * 8; ++bit) {
    std::string body(kBody);
    body[bit / 8] = static_cast<char>(body[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(checker().check_body(kTimestamp, kSignature, body), SignatureCheck::kWrong) << bit;
  }
  for (const char* timestamp : {"1700000001", "01700000000", "170000000", "17000000000", ""})
    EXPECT_EQ(checker().check_body(timestamp, kSignature, kBody), SignatureCheck::kWrong)
        << timestamp;
}

TEST(PushSignature, TheDotSeparatesTimestampAndBody) {
  // Moving bytes across the border must not keep the signature.
  EXPECT_EQ(checker().check_body("1700000000.", kSignature, kBody), SignatureCheck::kWrong);
  EXPECT_EQ(checker().check_body("170000000", kSignature, "0.{\"a\":1}"), SignatureCheck::kWrong);
  EXPECT_EQ(checker().check_body("1700000000", kSignature, ".{\"a\":1}"), SignatureCheck::kWrong);
}

TEST(PushSignature, AnotherSecretIsWrong) {
  for (const char* secret : {"topsecre", "topsecret ", "Topsecret", "x"})
    EXPECT_EQ(PushSignature(secret).check_body(kTimestamp, kSignature, kBody),
              SignatureCheck::kWrong)
        << secret;
}

TEST(PushSignature, PiecesGiveTheSameAnswerAsTheWhole) {
  for (size_t cut = 0; cut <= kBody.size(); ++cut) {
    BodySignature pieces(checker(), kTimestamp);
    pieces.update(kBody.substr(0, cut));
    pieces.update({});
    pieces.update(kBody.substr(cut));
    EXPECT_EQ(pieces.finish(kSignature), SignatureCheck::kOk) << cut;
  }
  BodySignature short_one(checker(), kTimestamp);
  short_one.update(kBody.substr(1));
  EXPECT_EQ(short_one.finish(kSignature), SignatureCheck::kWrong);
}

TEST(PushSignature, TwoBodiesAtOnceDoNotMix) {
  BodySignature first(checker(), kTimestamp), second(checker(), kTimestamp);
  first.update(kBody.substr(0, 3));
  second.update("");
  first.update(kBody.substr(3));
  EXPECT_EQ(second.finish(kEmptyBodySignature), SignatureCheck::kOk);
  EXPECT_EQ(first.finish(kSignature), SignatureCheck::kOk);
}

TEST(PushSignature, EveryOutcomeHasItsOwnText) {
  using enum SignatureCheck;
  std::set<std::string_view> texts;
  for (const SignatureCheck check : {kOk, kMissing, kMalformed, kStale, kWrong, kReplayed})
    texts.insert(signature_check_text(check));
  EXPECT_EQ(texts.size(), 6u);
}

TEST(PushSignatureDeathTest, NeedsASecretAndFinishesOnce) {
  EXPECT_DEATH(PushSignature(""), "needs a secret");
  BodySignature body(checker(), kTimestamp);
  (void)body.finish(kSignature);
  EXPECT_DEATH((void)body.finish(kSignature), "finished once");
}

}  // namespace
}  // namespace livehub::auth
