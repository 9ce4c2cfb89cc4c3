#include "profile/chat.h"

#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

SettingMap good() {
  return {{"JWT_SECRET", "s3cret"},
          {"INTERNAL_API_SECRET", "internal"},
          {"REDIS_URL", "redis://127.0.0.1:1"},
          {"NEXT_API_URL", "http://127.0.0.1:1"}};
}

TEST(ChatSettings, GoodOnesMakeAProfileAndItsSources) {
  const ProfileChoice choice = make_chat(good());
  EXPECT_EQ(choice.error, "");
  EXPECT_TRUE(choice.factory);
  EXPECT_EQ(choice.sources.size(), 2u);
  EXPECT_TRUE(choice.warnings.empty());
}

TEST(ChatSettings, WhatIsMissingOrAPlaceholderStopsTheStart) {
  const struct {
    const char* name;
    const char* value;
    const char* sentence;
  } table[] = {
      {"JWT_SECRET", "", "JWT_SECRET is not set"},
      {"JWT_SECRET", "your-jwt-secret-here", "JWT_SECRET is the example's placeholder"},
      {"JWT_SECRET", "-----BEGIN PUBLIC KEY-----\nx", "JWT_SECRET cannot be used"},
      {"INTERNAL_API_SECRET", "", "INTERNAL_API_SECRET is not set"},
      {"INTERNAL_API_SECRET", "your-internal-api-secret-here",
       "INTERNAL_API_SECRET is the example's placeholder"},
      {"REDIS_URL", "", "REDIS_URL is not set"},
      {"REDIS_URL", "https://eu1.upstash.io", "REDIS_URL is an address of Redis over HTTP"},
      {"REDIS_URL", "localhost", "REDIS_URL"},
  };
  for (const auto& row : table) {
    SettingMap settings = good();
    settings[row.name] = row.value;
    const ProfileChoice choice = make_chat(settings);
    EXPECT_FALSE(choice.factory) << row.name;
    EXPECT_TRUE(choice.error.starts_with(row.sentence)) << choice.error;
    EXPECT_EQ(choice.error.find("BEGIN"), std::string::npos);
  }
}

TEST(ChatSettings, ABackendThatCannotBeCalledIsAWarning) {
  SettingMap settings = good();
  settings["NEXT_API_URL"] = "localhost:3000";
  const ProfileChoice choice = make_chat(settings);
  EXPECT_EQ(choice.error, "");
  ASSERT_EQ(choice.warnings.size(), 1u);
  EXPECT_TRUE(choice.warnings[0].starts_with("NEXT_API_URL must begin with http"));
}

TEST(ChatSettings, TheServicesOwnDefaults) {
  EngineOptions options;
  set_chat_defaults(options);
  EXPECT_EQ(options.port, 8080);
  EXPECT_EQ(options.ping_seconds, 30u);
  EXPECT_EQ(options.pong_seconds, 30u);
  EXPECT_EQ(options.history_count, 0u);
}

}  // namespace
}  // namespace livehub::profile
