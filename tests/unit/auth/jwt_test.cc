#include "auth/jwt.h"

#include <gtest/gtest.h>

#include "jwt_maker.h"

namespace livehub::auth {
namespace {

using namespace jwt_maker;

constexpr int64_t kNow = 1'800'000'000;
constexpr std::string_view kSecret = "a shared secret for tests";
const std::string kHs256 = R"({"alg":"HS256","typ":"JWT"})";
const std::string kRs256 = R"({"alg":"RS256","typ":"JWT"})";
const std::string kEs256 = R"({"alg":"ES256","typ":"JWT"})";
const std::string kGood =
    R"({"userId":"u1","iss":"app","aud":"hub","iat":1799999990,"exp":1800000600})";

const Pair& rsa_pair() {
  static const Pair pair = Pair::rsa(2048);
  return pair;
}
const Pair& ec_pair() {
  static const Pair pair = Pair::ec("P-256");
  return pair;
}

JwtKeys secret_keys(std::string_view secret = kSecret) {
  std::string error;
  std::optional<JwtKeys> keys = JwtKeys::from_secret(secret, error);
  EXPECT_TRUE(keys) << error;
  return *keys;
}
JwtKeys pem_keys(const Pair& pair) {
  std::string error;
  std::optional<JwtKeys> keys = JwtKeys::from_pem(pair.pem(), error);
  EXPECT_TRUE(keys) << error;
  return *keys;
}
JwtKeys set_keys(const std::string& list) {
  std::string error;
  std::optional<JwtKeys> keys = JwtKeys::from_jwk_set(R"({"keys":[)" + list + "]}", error);
  EXPECT_TRUE(keys) << error;
  return *keys;
}

// The strictest verifiers that a good token still passes.
const JwtVerifier& hs_verifier() {
  static const JwtVerifier verifier(
      {.algorithms = {JwtAlgorithm::kHs256}, .issuer = "app", .audience = "hub"}, secret_keys());
  return verifier;
}
const JwtVerifier& rs_verifier() {
  static const JwtVerifier verifier({.algorithms = {JwtAlgorithm::kRs256}}, pem_keys(rsa_pair()));
  return verifier;
}
const JwtVerifier& es_verifier() {
  static const JwtVerifier verifier({.algorithms = {JwtAlgorithm::kEs256}}, pem_keys(ec_pair()));
  return verifier;
}
// Two keys by name, one of each kind.
const JwtVerifier& set_verifier() {
  static const JwtVerifier verifier({.algorithms = {JwtAlgorithm::kRs256, JwtAlgorithm::kEs256}},
                                    set_keys(rsa_pair().jwk(R"("kid":"one","use":"sig")") + "," +
                                             ec_pair().jwk(R"("kid":"two","alg":"ES256")")));
  return verifier;
}

struct Vector {
  std::string name;
  std::string token;
  JwtFault fault;
  const JwtVerifier* verifier = &hs_verifier();
};

std::string good_hs() { return hs256(kSecret, kHs256, kGood); }

std::string with_claims(std::string_view claims) {
  return hs256(kSecret, kHs256,
               R"({"userId":"u1","iss":"app","aud":"hub",)" + std::string(claims) + "}");
}
std::string with_header(std::string_view header) { return hs256(kSecret, header, kGood); }

// Signed as it stands, whatever the parts are.
std::string signed_text(const std::string& part) {
  return part + "." + base64url(hmac(EVP_sha256(), kSecret, part));
}

std::vector<Vector> shape_vectors() {
  using enum JwtFault;
  const std::string good = good_hs();
  const std::string part = good.substr(0, good.rfind('.'));
  const std::string signature = good.substr(good.rfind('.') + 1);
  const std::string header = base64url(kHs256), payload = base64url(kGood);
  // Another spelling of the same bytes: 32 bytes leave 2 spare bits in the last digit.
  std::string respelled = good;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  respelled.back() = kDigits[kDigits.find(respelled.back()) + 1];
  std::string other_signature = good;
  other_signature[good.size() - 10] = good[good.size() - 10] == 'A' ? 'B' : 'A';
  std::string with_plus = part + "." + "+/" + signature.substr(2);
  return {
      {"empty", "", kMalformed},
      {"one word", "token", kMalformed},
      {"one dot", part, kMalformed},
      {"no signature", part + ".", kSignature},
      {"three dots", good + ".", kMalformed},
      {"four dots", good + ".x.y", kMalformed},
      {"five parts, as JWE has", header + "." + payload + "." + payload + "." + payload + ".x",
       kMalformed},
      {"only dots", "..", kMalformed},
      {"no header", "." + payload + "." + signature, kMalformed},
      {"no payload", signed_text(header + "."), kMalformed},
      {"a space before", " " + good, kMalformed},
      {"a newline behind", good + "\n", kMalformed},
      {"a NUL behind", good + std::string(1, '\0'), kMalformed},
      {"Bearer before", "Bearer " + good, kMalformed},
      {"padding on the signature", good + "=", kMalformed},
      {"padding on the payload", signed_text(header + "." + payload + "="), kMalformed},
      {"base64, not base64url", with_plus, kMalformed},
      {"non-canonical last digit", respelled, kMalformed},
      {"a length base64 cannot have", part + "." + signature + "AA", kMalformed},
      {"truncated signature", part + "." + signature.substr(0, 40), kSignature},
      {"half a signature", part + "." + base64url(hmac(EVP_sha256(), kSecret, part).substr(0, 16)),
       kSignature},
      {"one bit of the signature", other_signature, kSignature},
      {"signature of nothing", part + "." + base64url(std::string(32, '\0')), kSignature},
      {"signature of the payload alone",
       part + "." + base64url(hmac(EVP_sha256(), kSecret, payload)), kSignature},
      {"payload of another token",
       header + "." + base64url(R"({"userId":"root"})") + "." + signature, kSignature},
      {"over 8 KB", with_claims(R"("exp":1800000600,"x":")" + std::string(8192, 'x') + "\""),
       kTooLarge},
      {"1 MB", std::string(1 << 20, 'A'), kTooLarge},
      {"1 MB of dots", std::string(1 << 20, '.'), kTooLarge},
  };
}

std::vector<Vector> header_vectors() {
  using enum JwtFault;
  const std::string none = R"({"alg":"none"})";
  return {
      {"none, unsigned", unsigned_part(none, kGood) + ".", kAlgorithm},
      {"none, signed", with_header(none), kAlgorithm},
      {"None", unsigned_part(R"({"alg":"None"})", kGood) + ".", kAlgorithm},
      {"nOnE", unsigned_part(R"({"alg":"nOnE"})", kGood) + ".", kAlgorithm},
      {"empty algorithm", with_header(R"({"alg":""})"), kAlgorithm},
      {"no algorithm", with_header(R"({"typ":"JWT"})"), kMalformed},
      {"algorithm is null", with_header(R"({"alg":null})"), kMalformed},
      {"algorithm is a list", with_header(R"({"alg":["HS256"]})"), kMalformed},
      {"lower case", with_header(R"({"alg":"hs256"})"), kAlgorithm},
      {"a NUL in the algorithm", with_header(R"({"alg":"HS256\u0000"})"), kAlgorithm},
      {"another HS than allowed", hs(EVP_sha512(), kSecret, R"({"alg":"HS512"})", kGood),
       kAlgorithm},
      {"HS256 said to be HS512", with_header(R"({"alg":"HS512"})"), kAlgorithm},
      {"unsupported PS256", with_header(R"({"alg":"PS256"})"), kAlgorithm},
      {"encryption", with_header(R"({"alg":"dir","enc":"A128GCM"})"), kAlgorithm},
      {"crit", with_header(R"({"alg":"HS256","crit":["exp"],"exp":1})"), kMalformed},
      {"crit of what cjose knows", with_header(R"({"alg":"HS256","crit":["alg"]})"), kMalformed},
      {"crit, empty", with_header(R"({"alg":"HS256","crit":[]})"), kMalformed},
      {"unencoded payload", with_header(R"({"alg":"HS256","b64":false})"), kMalformed},
      {"a NUL behind the header", with_header(kHs256 + std::string("\0", 1)), kMalformed},
      {"a byte order mark before the header", with_header("\xef\xbb\xbf" + kHs256), kMalformed},
      {"a NUL and more behind the payload", hs256(kSecret, kHs256, kGood + std::string("\0{}", 3)),
       kMalformed},
      {"a byte order mark before the payload", hs256(kSecret, kHs256, "\xef\xbb\xbf" + kGood),
       kMalformed},
      {"algorithm twice", with_header(R"({"alg":"none","alg":"HS256"})"), kMalformed},
      {"algorithm twice, escaped", with_header(R"({"alg":"none","\u0061lg":"HS256"})"), kMalformed},
      {"header is a list", with_header(R"(["HS256"])"), kMalformed},
      {"header is no JSON", with_header("HS256"), kMalformed},
      {"header with rubbish behind", with_header(kHs256 + "x"), kMalformed},
      {"header with a comment", with_header(R"({"alg":/**/"HS256"})"), kMalformed},
      {"header not UTF-8", with_header("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), kMalformed},
      {"deep header",
       with_header(R"({"alg":"HS256","x":)" + std::string(1000, '[') + std::string(1000, ']') +
                   "}"),
       kMalformed},
      {"kid is a number", with_header(R"({"alg":"HS256","kid":1})"), kMalformed},
      {"kid of 1 KB", with_header(R"({"alg":"HS256","kid":")" + std::string(1024, 'k') + "\"}"),
       kMalformed},
  };
}

std::vector<Vector> claim_vectors() {
  using enum JwtFault;
  const std::string exp = R"("exp":1800000600)";
  return {
      {"expired by a second", with_claims(R"("exp":1799999999)"), kExpired},
      {"expires now", with_claims(R"("exp":1800000000)"), kExpired},
      {"exp of 1970", with_claims(R"("exp":0)"), kExpired},
      {"exp below zero", with_claims(R"("exp":-1)"), kExpired},
      {"exp missing", with_claims(R"("iat":1799999990)"), kMissingExpiry},
      {"exp is text", with_claims(R"("exp":"1800000600")"), kMalformed},
      {"exp is null", with_claims(R"("exp":null)"), kMalformed},
      {"exp is true", with_claims(R"("exp":true)"), kMalformed},
      {"exp is a list", with_claims(R"("exp":[1800000600])"), kMalformed},
      {"exp overflows", with_claims(R"("exp":1e999)"), kMalformed},
      {"exp is NaN", with_claims(R"("exp":NaN)"), kMalformed},
      {"exp twice", with_claims(R"("exp":1,)" + exp), kMalformed},
      {"userId twice", with_claims(exp + R"(,"userId":"root")"), kMalformed},
      {"a name twice inside", with_claims(exp + R"(,"x":[{"a":1,"a":2}])"), kMalformed},
      {"nbf ahead", with_claims(exp + R"(,"nbf":1800000001)"), kNotYetValid},
      {"nbf is text", with_claims(exp + R"(,"nbf":"0")"), kMalformed},
      {"iat far ahead", with_claims(exp + R"(,"iat":1800000061)"), kNotYetValid},
      {"iat in milliseconds", with_claims(exp + R"(,"iat":1800000000000)"), kNotYetValid},
      {"iat is text", with_claims(exp + R"(,"iat":"x")"), kMalformed},
      {"no issuer", hs256(kSecret, kHs256, R"({"aud":"hub",)" + exp + "}"), kIssuer},
      {"another issuer", hs256(kSecret, kHs256, R"({"iss":"App","aud":"hub",)" + exp + "}"),
       kIssuer},
      {"issuer in a list", hs256(kSecret, kHs256, R"({"iss":["app"],"aud":"hub",)" + exp + "}"),
       kMalformed},
      {"no audience", hs256(kSecret, kHs256, R"({"iss":"app",)" + exp + "}"), kAudience},
      {"another audience", hs256(kSecret, kHs256, R"({"iss":"app","aud":"hub2",)" + exp + "}"),
       kAudience},
      {"audience among others missing",
       hs256(kSecret, kHs256, R"({"iss":"app","aud":["a","b"],)" + exp + "}"), kAudience},
      {"audience list empty", hs256(kSecret, kHs256, R"({"iss":"app","aud":[],)" + exp + "}"),
       kAudience},
      {"audience of mixed types",
       hs256(kSecret, kHs256, R"({"iss":"app","aud":["hub",1],)" + exp + "}"), kMalformed},
      {"claims are a list", hs256(kSecret, kHs256, "[]"), kMalformed},
      {"claims are text", hs256(kSecret, kHs256, "\"u1\""), kMalformed},
      {"claims are null", hs256(kSecret, kHs256, "null"), kMalformed},
      {"claims are no JSON", hs256(kSecret, kHs256, "u1"), kMalformed},
      {"claims not UTF-8", with_claims(exp + ",\"x\":\"\xc3\x28\""), kMalformed},
  };
}

std::vector<Vector> key_vectors() {
  using enum JwtFault;
  const std::string& rs = kRs256;
  static const Pair other_rsa = Pair::rsa(2048), other_ec = Pair::ec("P-256"),
                    p384 = Pair::ec("P-384");
  const std::string es_part = unsigned_part(kEs256, kGood);
  std::string rs_bytes = rsa_pair().sign(unsigned_part(rs, kGood));
  const auto kid = [](std::string_view algorithm, std::string_view id) {
    return R"({"alg":")" + std::string(algorithm) + R"(","kid":")" + std::string(id) + "\"}";
  };
  return {
      {"wrong secret", hs256("another", kHs256, kGood), kSignature},
      {"no secret", hs256("", kHs256, kGood), kSignature},
      {"secret and more", hs256(std::string(kSecret) + "x", kHs256, kGood), kSignature},
      {"HS256 with the public PEM as secret", hs256(rsa_pair().pem(), kHs256, kGood), kAlgorithm,
       &rs_verifier()},
      {"HS256 with the modulus as secret", hs256(rsa_pair().number("n"), kHs256, kGood), kAlgorithm,
       &rs_verifier()},
      {"RS256 where a secret is set", signed_by(rsa_pair(), rs, kGood), kAlgorithm},
      {"another RSA key", signed_by(other_rsa, rs, kGood), kSignature, &rs_verifier()},
      {"its own key in the header",
       signed_by(other_rsa, R"({"alg":"RS256","jwk":)" + other_rsa.jwk() + "}", kGood), kSignature,
       &rs_verifier()},
      {"its own key set in the header",
       signed_by(other_rsa, R"({"alg":"RS256","jku":"https://evil.test/keys"})", kGood), kSignature,
       &rs_verifier()},
      {"RSA signature with a byte more",
       unsigned_part(rs, kGood) + "." + base64url(rs_bytes + '\0'), kSignature, &rs_verifier()},
      {"RSA signature of zeros", unsigned_part(rs, kGood) + "." + base64url(std::string(256, '\0')),
       kSignature, &rs_verifier()},
      {"another P-256 key", signed_by(other_ec, kEs256, kGood), kSignature, &es_verifier()},
      {"a P-384 key", signed_by(p384, kEs256, kGood), kSignature, &es_verifier()},
      {"ES256 in DER", es_part + "." + base64url(ec_pair().sign_der(es_part)), kSignature,
       &es_verifier()},
      {"ES256 of zeros", es_part + "." + base64url(std::string(64, '\0')), kSignature,
       &es_verifier()},
      {"ES256 where RSA is set", signed_by(ec_pair(), kEs256, kGood), kAlgorithm, &rs_verifier()},
      {"kid unknown", signed_by(rsa_pair(), kid("RS256", "three"), kGood), kUnknownKey,
       &set_verifier()},
      {"kid is a path", signed_by(rsa_pair(), kid("RS256", "../../dev/null"), kGood), kUnknownKey,
       &set_verifier()},
      {"kid is SQL", signed_by(rsa_pair(), kid("RS256", "x' UNION SELECT 'k"), kGood), kUnknownKey,
       &set_verifier()},
      {"kid is empty", signed_by(rsa_pair(), kid("RS256", ""), kGood), kUnknownKey,
       &set_verifier()},
      {"kid of a key of another kind", signed_by(rsa_pair(), kid("RS256", "two"), kGood),
       kUnknownKey, &set_verifier()},
      {"kid of another key", signed_by(other_rsa, kid("RS256", "one"), kGood), kSignature,
       &set_verifier()},
  };
}

TEST(Jwt, NoNegativeVectorIsAccepted) {
  std::vector<Vector> vectors;
  for (const auto& part : {shape_vectors(), header_vectors(), claim_vectors(), key_vectors()})
    vectors.insert(vectors.end(), part.begin(), part.end());
  EXPECT_GE(vectors.size(), 100u);
  for (const Vector& vector : vectors) {
    const JwtResult result = vector.verifier->verify(vector.token, kNow);
    EXPECT_EQ(jwt_fault_text(result.fault), jwt_fault_text(vector.fault)) << vector.name;
    EXPECT_FALSE(result.is_valid()) << vector.name;
    EXPECT_TRUE(result.claims.is_null()) << vector.name;
  }
}

TEST(Jwt, EveryFlippedBitIsRefused) {
  const std::string good = good_hs();
  ASSERT_TRUE(hs_verifier().verify(good, kNow).is_valid());
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_FALSE(hs_verifier().verify(bad, kNow).is_valid()) << at << " " << bit;
    }
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(hs_verifier().verify(good.substr(0, size), kNow).is_valid()) << size;
}

TEST(Jwt, GoodTokensOfEachAlgorithm) {
  const JwtVerifier all_hs(
      {.algorithms = {JwtAlgorithm::kHs256, JwtAlgorithm::kHs384, JwtAlgorithm::kHs512}},
      secret_keys());
  const std::vector<Vector> vectors = {
      {"HS256", good_hs(), {}, &hs_verifier()},
      {"HS256 of three", good_hs(), {}, &all_hs},
      {"HS384", hs(EVP_sha384(), kSecret, R"({"alg":"HS384"})", kGood), {}, &all_hs},
      {"HS512", hs(EVP_sha512(), kSecret, R"({"alg":"HS512"})", kGood), {}, &all_hs},
      {"RS256", signed_by(rsa_pair(), kRs256, kGood), {}, &rs_verifier()},
      {"ES256", signed_by(ec_pair(), kEs256, kGood), {}, &es_verifier()},
      {"kid of one key is not looked at",
       with_header(R"({"alg":"HS256","kid":"../x"})"),
       {},
       &hs_verifier()},
      {"RS256 from a set",
       signed_by(rsa_pair(), R"({"alg":"RS256","kid":"one"})", kGood),
       {},
       &set_verifier()},
      {"ES256 from a set",
       signed_by(ec_pair(), R"({"kid":"two","alg":"ES256"})", kGood),
       {},
       &set_verifier()},
      {"from a set without kid", signed_by(ec_pair(), kEs256, kGood), {}, &set_verifier()},
  };
  for (const Vector& vector : vectors) {
    const JwtResult result = vector.verifier->verify(vector.token, kNow);
    EXPECT_EQ(jwt_fault_text(result.fault), "valid") << vector.name;
    EXPECT_EQ(result.text("userId"), "u1") << vector.name;
    EXPECT_EQ(result.expires_at(), 1'800'000'600) << vector.name;
  }
}

TEST(Jwt, SecretsOfEveryLengthAgreeWithOpenSsl) {
  for (const size_t size : {1u, 6u, 31u, 32u, 33u, 63u, 64u, 65u, 127u, 128u, 129u, 500u}) {
    const std::string secret(size, 's');
    const JwtVerifier verifier(
        {.algorithms = {JwtAlgorithm::kHs256, JwtAlgorithm::kHs384, JwtAlgorithm::kHs512}},
        secret_keys(secret));
    EXPECT_TRUE(verifier.verify(hs256(secret, kHs256, kGood), kNow).is_valid()) << size;
    for (const auto& [name, digest] : {std::pair{"HS384", EVP_sha384()}, {"HS512", EVP_sha512()}}) {
      const std::string header = R"({"alg":")" + std::string(name) + "\"}";
      EXPECT_TRUE(verifier.verify(hs(digest, secret, header, kGood), kNow).is_valid())
          << name << " " << size;
    }
    EXPECT_FALSE(verifier.verify(hs256(secret + "s", kHs256, kGood), kNow).is_valid()) << size;
  }
}

TEST(Jwt, TimesHaveTheLeewayOfTheRules) {
  const JwtVerifier lenient({.leeway_seconds = 30}, secret_keys());
  const auto fault = [](const JwtVerifier& verifier, const char* claims) {
    return verifier.verify(hs256(kSecret, kHs256, claims), kNow).fault;
  };
  EXPECT_EQ(fault(lenient, R"({"exp":1799999971})"), JwtFault::kNone);
  EXPECT_EQ(fault(lenient, R"({"exp":1799999970})"), JwtFault::kExpired);
  EXPECT_EQ(fault(lenient, R"({"exp":1800000600,"nbf":1800000030})"), JwtFault::kNone);
  EXPECT_EQ(fault(lenient, R"({"exp":1800000600,"nbf":1800000031})"), JwtFault::kNotYetValid);
  EXPECT_EQ(fault(lenient, R"({"exp":1800000600,"iat":1800000060})"), JwtFault::kNone);
  const JwtVerifier exact({}, secret_keys());
  EXPECT_EQ(fault(exact, R"({"exp":1800000000.5})"), JwtFault::kNone);
  EXPECT_EQ(fault(exact, R"({"exp":1e300})"), JwtFault::kNone);
  EXPECT_EQ(fault(exact, R"({"exp":1800000001,"nbf":1800000000})"), JwtFault::kNone);
}

TEST(Jwt, RulesCanDoWithoutAnExpiry) {
  const JwtVerifier verifier({.requires_expiry = false}, secret_keys());
  const JwtResult result = verifier.verify(hs256(kSecret, kHs256, R"({"a":1})"), kNow);
  EXPECT_TRUE(result.is_valid());
  EXPECT_EQ(result.expires_at(), std::nullopt);
  EXPECT_EQ(result.text("a"), std::nullopt);  // it is no text
  EXPECT_EQ(verifier.verify(hs256(kSecret, kHs256, R"({"exp":1})"), kNow).fault,
            JwtFault::kExpired);
}

TEST(Jwt, OneOfSeveralAudiencesIsEnough) {
  const std::string claims = R"({"iss":"app","aud":["other","hub"],"exp":1800000600})";
  EXPECT_TRUE(hs_verifier().verify(hs256(kSecret, kHs256, claims), kNow).is_valid());
}

TEST(Jwt, KeysThatCannotBeUsedAreRefusedWithASentence) {
  const auto refused = [](auto make, const std::string& text) {
    std::string error;
    return !make(text, error) && error.size() > 10;
  };
  EXPECT_TRUE(refused(JwtKeys::from_secret, ""));
  EXPECT_TRUE(refused(JwtKeys::from_secret, rsa_pair().pem()));
  EXPECT_TRUE(refused(JwtKeys::from_pem, ""));
  EXPECT_TRUE(refused(JwtKeys::from_pem, "secret"));
  EXPECT_TRUE(refused(JwtKeys::from_pem, Pair::rsa(1024).pem()));
  EXPECT_TRUE(refused(JwtKeys::from_pem, Pair::ec("P-384").pem()));
  EXPECT_TRUE(refused(JwtKeys::from_jwk_set, ""));
  EXPECT_TRUE(refused(JwtKeys::from_jwk_set, "{}"));
  EXPECT_TRUE(refused(JwtKeys::from_jwk_set, R"({"keys":[]})"));
  EXPECT_TRUE(refused(JwtKeys::from_jwk_set, R"({"keys":[{"kty":"OKP","crv":"Ed25519"}]})"));
  EXPECT_TRUE(refused(JwtKeys::from_jwk_set, R"({"keys":[)" + Pair::rsa(1024).jwk() + "]}"));
  EXPECT_TRUE(
      refused(JwtKeys::from_jwk_set, R"({"keys":[)" + rsa_pair().jwk(R"("use":"enc")") + "]}"));
  EXPECT_TRUE(
      refused(JwtKeys::from_jwk_set, R"({"keys":[)" + rsa_pair().jwk(R"("alg":"HS256")") + "]}"));
}

TEST(Jwt, SetsLeaveOutWhatNoAlgorithmUses) {
  const JwtKeys keys =
      set_keys(R"({"kty":"OKP","crv":"Ed25519","x":"AA"},7,)" + ec_pair().jwk(R"("kid":"a")"));
  EXPECT_EQ(keys.count(), 1u);
  EXPECT_TRUE(keys.has_key_id("a"));
  EXPECT_FALSE(keys.has_key_id("b"));
}

TEST(Jwt, KeyIdIsReadWithoutTrust) {
  EXPECT_EQ(JwtVerifier::key_id(with_header(R"({"alg":"RS256","kid":"abc"})")), "abc");
  EXPECT_EQ(JwtVerifier::key_id(good_hs()), "");
  EXPECT_EQ(JwtVerifier::key_id("rubbish"), "");
  EXPECT_EQ(JwtVerifier::key_id(std::string(1 << 20, 'A')), "");
}

}  // namespace
}  // namespace livehub::auth
