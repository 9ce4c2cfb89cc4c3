#include "tool/effective.h"

#include <gtest/gtest.h>

#include "profile/profiles.h"

namespace livehub::tool {
namespace {

EffectiveRow row_of(const server::Settings& settings, std::string_view name) {
  for (EffectiveRow& row : effective_rows(settings))
    if (row.setting->name == name) return row;
  return {};
}

server::Settings loaded(std::vector<std::string> flags, const Environment& environment) {
  Invocation invocation;
  invocation.settings = std::move(flags);
  invocation.environment = &environment;
  Effective effective = load_effective(invocation);
  EXPECT_EQ(effective.error, "");
  return effective.settings.value_or(server::Settings{});
}

TEST(Effective, SaysWhereEachCameFrom) {
  const auto settings = loaded({"--port", "1234"}, {{"HISTORY_BYTES", "2m"}, {"ADMIN_PORT", "9"}});
  EXPECT_EQ(row_of(settings, "PORT").value, "1234");
  EXPECT_EQ(row_of(settings, "PORT").source, "flag --port");
  EXPECT_EQ(row_of(settings, "HISTORY_BYTES").value, "2097152");
  EXPECT_EQ(row_of(settings, "HISTORY_BYTES").source, "environment");
  EXPECT_EQ(row_of(settings, "PING_SECONDS").value, "15");
  EXPECT_EQ(row_of(settings, "PING_SECONDS").source, "default");
}

TEST(Effective, MasksSecrets) {
  const auto settings = loaded({}, {{"LIVE_PUSH_TOKEN", "do-not-show-me"}});
  EXPECT_EQ(row_of(settings, "LIVE_PUSH_TOKEN").value, "(set)");
  EXPECT_EQ(row_of(settings, "LIVE_PUSH_HMAC_SECRET").value, "");
  for (const auto& [name, given] : settings.given)
    EXPECT_EQ(given.text.find("do-not"), given.text.npos);
}

TEST(Effective, ASentenceWhereTheyAreWrong) {
  Invocation invocation;
  invocation.settings = {"--port", "99999"};
  const Environment environment;
  invocation.environment = &environment;
  const Effective effective = load_effective(invocation);
  EXPECT_FALSE(effective.settings);
  EXPECT_NE(effective.error.find("PORT"), std::string::npos);
}

// What the table calls a default is what the engine has, for every profile without one of its own.
TEST(Effective, TheTableAndTheEngineAgreeOnDefaults) {
  const EngineOptions plain;
  int compared = 0;
  for (const server::Setting& setting : server::setting_table()) {
    const auto value = engine_value(plain, setting.name);
    if (!value || !setting.profile.empty()) continue;
    EXPECT_EQ(*value, setting.default_text) << setting.name;
    ++compared;
  }
  EXPECT_GE(compared, 10);
}

TEST(Effective, EachProfileHasItsOwnDefaults) {
  for (const profile::ProfileEntry& entry : profile::profiles()) {
    EngineOptions engine;
    if (entry.set_defaults != nullptr) entry.set_defaults(engine);
    for (const server::Setting& setting : server::setting_table()) {
      if (!setting.profile.empty()) continue;
      if (const auto value = engine_value(engine, setting.name)) {
        EXPECT_EQ(default_of(setting, entry.name), *value) << entry.name << " " << setting.name;
      }
    }
  }
}

}  // namespace
}  // namespace livehub::tool
