#include "server/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace livehub::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Environment = std::map<std::string, std::string>;

Settings loaded(const Environment& environment) {
  auto result = load_settings({}, environment, std::nullopt);
  EXPECT_EQ(result.error, "");
  return result.settings.value_or(Settings{});
}

ReloadPlan plan(const Environment& before, const Environment& now) {
  return plan_reload(loaded(before), loaded(now), true);
}

TEST(Reload, NothingChangedIsNothingToDo) {
  const ReloadPlan none =
      plan({{"PORT", "1"}, {"LIVE_PUSH_TOKEN", "a"}}, {{"LIVE_PUSH_TOKEN", "a"}, {"PORT", "1"}});
  EXPECT_THAT(none.changes, IsEmpty());
  EXPECT_THAT(none.need_a_restart, IsEmpty());
}

TEST(Reload, TellsWhatCanChangeFromWhatCannot) {
  const ReloadPlan both =
      plan({{"LIVE_PUSH_TOKEN", "a"}, {"MODE", "hub"}, {"PORT", "1"}},
           {{"LIVE_PUSH_TOKEN", "b"}, {"MODE", "generator"}, {"PORT", "2"}, {"LOG_LEVEL", "warn"}});
  EXPECT_THAT(both.changes, ElementsAre("LOG_LEVEL", "LIVE_PUSH_TOKEN"));
  EXPECT_THAT(both.need_a_restart, ElementsAre("PORT", "MODE"));
  EXPECT_EQ(both.profile_settings.at("LIVE_PUSH_TOKEN"), "b");
  EXPECT_EQ(both.profile_settings.at("MODE"), "hub");
}

TEST(Reload, WhatIsNoLongerGivenIsTheDefaultAgain) {
  const ReloadPlan gone = plan({{"CORS_ORIGINS", "https://a.example"}}, {});
  EXPECT_THAT(gone.changes, ElementsAre("CORS_ORIGINS"));
  EXPECT_FALSE(gone.profile_settings.contains("CORS_ORIGINS"));
}

TEST(Reload, ABodyThatOutgrowsTheBuffersNeedsARestart) {
  EXPECT_THAT(plan({}, {{"MAX_BODY_BYTES", "1000"}}).changes, ElementsAre("MAX_BODY_BYTES"));
  EXPECT_THAT(plan({}, {{"MAX_BODY_BYTES", "8m"}}).need_a_restart, ElementsAre("MAX_BODY_BYTES"));
}

TEST(Reload, AnotherProfileNeedsARestart) {
  Settings other = loaded({});
  other.profile = "another";
  EXPECT_THAT(plan_reload(loaded({}), other, true).need_a_restart, ElementsAre("LIVEHUB_PROFILE"));
}

TEST(Reload, AProfileThatCannotTakeChangesNeedsARestart) {
  const ReloadPlan none = plan_reload(loaded({}), loaded({{"LIVE_PUSH_TOKEN", "a"}}), false);
  EXPECT_THAT(none.changes, IsEmpty());
  EXPECT_THAT(none.need_a_restart, ElementsAre("LIVE_PUSH_TOKEN"));
}

// A mistake in the new settings must leave the old ones in force.
TEST(Reload, AMistakeChangesNothing) {
  int told = 0;
  SettingsResult next;
  Reloader reloader(
      loaded({{"LIVE_PUSH_TOKEN", "a"}}), [&] { return next; },
      [&](const profile::SettingMap& settings) {
        ++told;
        return settings.at("LIVE_PUSH_TOKEN") == "bad" ? std::string("No.") : std::string();
      },
      std::make_shared<AdminToken>(std::string()));
  next = {std::nullopt, "PORT is wrong."};
  reloader.run();
  EXPECT_EQ(told, 0);
  next = {loaded({{"LIVE_PUSH_TOKEN", "bad"}}), {}};
  reloader.run();
  reloader.run();
  EXPECT_EQ(told, 2) << "it was refused, so the next time it is news again";
  next = {loaded({{"LIVE_PUSH_TOKEN", "b"}}), {}};
  reloader.run();
  reloader.run();
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace livehub::server
