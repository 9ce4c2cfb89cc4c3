// Names, slices of payloads, twins: all without a server.
#include "profile/pg_updates_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

using ::testing::ElementsAre;
using Spelling = PgUpdatesRules::Spelling;
using Verdict = source::PostgresRules::Verdict;

ChangeParts parts_of(std::string_view text) {
  static std::string scratch;
  ChangeParts parts;
  EXPECT_TRUE(find_change_parts(text, parts, scratch)) << text;
  return parts;
}

TEST(PgUpdatesRules, FourNamesAUser) {
  const std::string channel = PgUpdatesRules::channel_of_user("u");
  EXPECT_THAT(
      PgUpdatesRules(Spelling::kBoth).names(channel),
      ElementsAre("user_subscription_u", "user_usage_u", "user_Subscription_u", "user_Usage_u"));
  EXPECT_THAT(PgUpdatesRules(Spelling::kLower).names(channel),
              ElementsAre("user_subscription_u", "user_usage_u"));
  EXPECT_THAT(PgUpdatesRules(Spelling::kMixed).names(channel),
              ElementsAre("user_Subscription_u", "user_Usage_u"));
  const PgUpdatesRules rules(Spelling::kBoth);
  std::string found;
  for (const std::string& name : rules.names(channel)) {
    EXPECT_TRUE(rules.channel_of(name, found)) << name;
    EXPECT_EQ(found, channel);
  }
  EXPECT_FALSE(rules.channel_of("user_user_u", found));
  EXPECT_FALSE(rules.channel_of("user_SUBSCRIPTION_u", found));
  EXPECT_TRUE(rules.feeds(channel));
  EXPECT_FALSE(rules.feeds("live"));
}

TEST(PgUpdatesRules, WhoMayBeAUser) {
  EXPECT_TRUE(PgUpdatesRules::is_user(std::string(45, 'x')));
  EXPECT_FALSE(PgUpdatesRules::is_user(std::string(46, 'x')));
  EXPECT_FALSE(PgUpdatesRules::is_user(""));
  EXPECT_FALSE(PgUpdatesRules::is_user(std::string("a\0b", 3)));
  EXPECT_FALSE(PgUpdatesRules::is_user("a\nb"));
  EXPECT_FALSE(PgUpdatesRules::is_user("a\xff"));
  EXPECT_TRUE(PgUpdatesRules::is_user("é\"'%_*"));
}

TEST(PgUpdatesRules, PartsAreTheBytesThatStandThere) {
  for (const auto& [text, operation, data] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {R"({"operation":"UPDATE","data":{"a":1}})", "\"UPDATE\"", R"({"a":1})"},
           {R"( { "data" : [1, {"x":"]}"} ] , "operation" : "X" } )", "\"X\"",
            R"([1, {"x":"]}"} ])"},
           {R"({"data":-1.50e+2,"operation":""})", "\"\"", "-1.50e+2"},
           {R"({"data":null,"operation":"X","data":"last wins"})", "\"X\"", "\"last wins\""},
           {R"({"d\u0061ta":true,"operation":"\"}"})", R"("\"}")", "true"},
           {R"({"x":{"data":1,"operation":2},"data":"\\","operation":"X","y":[]})", "\"X\"",
            R"("\\")"}}) {
    EXPECT_EQ(parts_of(text).operation, operation) << text;
    EXPECT_EQ(parts_of(text).data, data) << text;
  }
  std::string scratch;
  ChangeParts parts;
  for (const std::string text :
       {"", "{}", "[]", "null", "\"data\"", R"({"data":1})", R"({"operation":"X"})",
        R"({"operation":1,"data":1})", R"({"operation":"X","data":1)", "{\"operation\":\"\xff\"}",
        R"({"operation":"X","data":1}})", R"([{"operation":"X","data":1}])"})
    EXPECT_FALSE(find_change_parts(text, parts, scratch)) << text;
}

TEST(PgUpdatesRules, TheEnvelope) {
  PgUpdatesRules rules(Spelling::kBoth);
  std::string out;
  EXPECT_EQ(rules.translate("user_Usage_u", R"({"operation":"DELETE","data":{"é": 1.0}})",
                            1'800'000'000'123, out),
            Verdict::kSend);
  EXPECT_EQ(out, R"({"type":"realtime_update","data":{"table":"usage","operation":"DELETE",)"
                 R"("data":{"é": 1.0},"timestamp":"2027-01-15T08:00:00.123Z"}})");
  EXPECT_EQ(rules.translate("user_usage_u", "{\"operation\":\"X\",\"data\":[\r\n1 ]}", 0, out),
            Verdict::kSend);
  EXPECT_NE(out.find("\"data\":[1],"), std::string::npos) << "one line: " << out;
  EXPECT_EQ(rules.translate("user_usage_u", "{", 0, out), Verdict::kBad);
  EXPECT_EQ(rules.translate("user_other_u", R"({"operation":"X","data":1})", 0, out),
            Verdict::kBad);
}

TEST(PgUpdatesRules, ASpellingAloneHasNoTwins) {
  const std::string change = R"({"operation":"X","data":1})";
  std::string out;
  PgUpdatesRules both(Spelling::kBoth), lower(Spelling::kLower);
  EXPECT_EQ(both.translate("user_usage_u", change, 1'000'000, out), Verdict::kSend);
  EXPECT_EQ(both.translate("user_Usage_u", change, 1'000'100, out), Verdict::kDrop);
  EXPECT_EQ(both.translate("user_Subscription_u", change, 1'000'100, out), Verdict::kSend);
  EXPECT_EQ(both.translate("user_Usage_v", change, 1'000'100, out), Verdict::kSend);
  EXPECT_EQ(lower.translate("user_usage_u", change, 1'000'000, out), Verdict::kSend);
  EXPECT_EQ(lower.translate("user_usage_u", change, 1'000'000, out), Verdict::kSend);
}

TEST(TwinChanges, PairsAreOneAndRepeatsAreNot) {
  TwinChanges twins;
  EXPECT_FALSE(twins.was_sent("u", true, 7, 1'000'000));
  EXPECT_FALSE(twins.was_sent("u", true, 7, 1'000'001));
  EXPECT_TRUE(twins.was_sent("u", false, 7, 1'000'002));
  EXPECT_TRUE(twins.was_sent("u", false, 7, 1'000'003));
  EXPECT_FALSE(twins.was_sent("u", false, 7, 1'000'004));
  EXPECT_FALSE(twins.was_sent("v", true, 7, 1'000'005)) << "another user's";
  EXPECT_FALSE(twins.was_sent("u", true, 8, 1'000'006)) << "another change";
}

TEST(TwinChanges, AfterFiveSecondsItIsAnotherChangeAndNothingIsKept) {
  TwinChanges twins;
  EXPECT_FALSE(twins.was_sent("u", true, 7, 1'000'000));
  EXPECT_TRUE(twins.was_sent("u", false, 7, 1'004'999));
  EXPECT_FALSE(twins.was_sent("u", true, 7, 1'005'000));
  EXPECT_FALSE(twins.was_sent("u", false, 7, 1'010'000));
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(twins.was_sent("u" + std::to_string(i), true, 7, 1'010'000));
  EXPECT_FALSE(twins.was_sent("last", true, 7, 1'020'000));
  EXPECT_EQ(twins.users(), 1u);
  EXPECT_FALSE(twins.was_sent("last", false, 7, 5'000)) << "a clock that was set back";
}

TEST(TwinChanges, TheOldestOfTooManyIsForgotten) {
  TwinChanges twins;
  for (uint64_t i = 0; i <= TwinChanges::kEntriesMax; ++i)
    EXPECT_FALSE(twins.was_sent("u", true, i, 1'000'000));
  EXPECT_TRUE(twins.was_sent("u", false, TwinChanges::kEntriesMax, 1'000'001));
  EXPECT_FALSE(twins.was_sent("u", false, 0, 1'000'001));
}

}  // namespace
}  // namespace livehub::profile
