// What pg-updates decides from a head or from its settings alone; sessions are in
// tests/integration/pg_updates.test.mjs.
#include "profile/pg_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "profile/pg_updates_visitors.h"

namespace livehub::profile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SettingMap settings_with(const SettingMap& more = {}) {
  SettingMap settings = {{"DATABASE_URL", "postgres://u:hush@h/d"},
                         {"WEBSOCKET_JWT_SECRET", "hushhush"}};
  for (const auto& [name, value] : more) settings[name] = value;
  return settings;
}

TEST(PgUpdatesSettings, WhatIsWrongIsNamedAndNoSecretIs) {
  const std::pair<SettingMap, std::string> wrong[] = {
      {{{"DATABASE_URL", ""}}, "DATABASE_URL is not set"},
      {{{"DATABASE_URL", "hush"}}, "DATABASE_URL is not a PostgreSQL URL"},
      {{{"DATABASE_URL", "postgres://u:hush@a-pooler.b/d"}}, "use the direct host a.b."},
      {{{"WEBSOCKET_JWT_SECRET", ""}}, "WEBSOCKET_JWT_SECRET is not set"},
      {{{"ALLOWED_ORIGINS", "https://a/b"}}, "ALLOWED_ORIGINS"},
      {{{"PG_CHANNEL_SPELLING", "UP"}}, "PG_CHANNEL_SPELLING is lower, mixed or both"},
      {{{"AUTH_TIMEOUT", "-1"}}, "AUTH_TIMEOUT is a number"},
      {{{"OUTBOX_SECONDS", "x"}}, "OUTBOX_SECONDS is a number"}};
  for (const auto& [settings, sentence] : wrong) {
    const ProfileChoice choice = make_pg_updates(settings_with(settings));
    EXPECT_FALSE(choice.factory);
    EXPECT_THAT(choice.error, HasSubstr(sentence));
    EXPECT_THAT(choice.error, Not(HasSubstr("hush")));
    EXPECT_THAT(choice.error, ::testing::EndsWith("."));
  }
}

TEST(PgUpdatesSettings, WarningsForWhatIsPassedOver) {
  const ProfileChoice plain = make_pg_updates(settings_with());
  EXPECT_EQ(plain.error, "");
  EXPECT_THAT(plain.warnings, ::testing::IsEmpty());
  EXPECT_EQ(plain.sources.size(), 1u);
  const ProfileChoice choice = make_pg_updates(settings_with(
      {{"DATABASE_URL", "postgres://u:hush@h/d?schema=public"}, {"ALLOWED_ORIGINS", "*"}}));
  ASSERT_EQ(choice.warnings.size(), 2u);
  EXPECT_THAT(choice.warnings[0], HasSubstr("schema"));
  EXPECT_THAT(choice.warnings[1], HasSubstr("every web page"));
}

TEST(Visitors, ATagFindsItsOwnVisitorOnly) {
  Visitors visitors;
  const uint64_t first = visitors.add("a"), second = visitors.add("b");
  EXPECT_NE(first, 0u);
  EXPECT_EQ(visitors.find(first)->user, "a");
  EXPECT_EQ(visitors.find(second)->user, "b");
  EXPECT_EQ(visitors.find(0), nullptr);
  visitors.find(first)->is_authenticated = true;
  visitors.remove(first);
  visitors.remove(first);
  EXPECT_EQ(visitors.find(first), nullptr);
  const uint64_t third = visitors.add("c");
  EXPECT_NE(third, first);
  EXPECT_EQ(static_cast<uint32_t>(third), static_cast<uint32_t>(first)) << "the place is reused";
  EXPECT_EQ(visitors.find(first), nullptr);
  EXPECT_FALSE(visitors.find(third)->is_authenticated);
  EXPECT_EQ(visitors.find(12345), nullptr);
}

}  // namespace
}  // namespace livehub::profile
