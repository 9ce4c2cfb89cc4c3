// The settings of trusted proxies and of the limits per address.
#include <gtest/gtest.h>

#include "server/settings.h"

namespace livehub::server {
namespace {

using Environment = std::map<std::string, std::string>;

EngineOptions engine_of(const Environment& environment) {
  SettingsResult result = load_settings({}, environment, std::nullopt);
  EXPECT_EQ(result.error, "");
  return result.settings ? result.settings->engine : EngineOptions();
}

TEST(SettingsAddresses, FlysProxiesAreTrustedOnFlyAndNobodyElsewhere) {
  EXPECT_EQ(engine_of({}).trusted_proxies, "");
  EXPECT_EQ(engine_of({{"FLY_APP_NAME", "hub"}}).trusted_proxies, "172.16.0.0/12");
  EXPECT_EQ(engine_of({{"FLY_APP_NAME", "hub"}, {"TRUSTED_PROXIES", "none"}}).trusted_proxies,
            "none");
  EXPECT_EQ(engine_of({{"TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"}}).trusted_proxies,
            "10.0.0.0/8,fd00::/8");
}

TEST(SettingsAddresses, LimitsAreOffUnlessGiven) {
  const EngineOptions none = engine_of({});
  EXPECT_EQ(none.connections_per_ip_max, 0u);
  EXPECT_EQ(none.connects_per_ip_per_minute, 0u);
  EXPECT_FALSE(none.per_ip_only_counts);
  const EngineOptions given = engine_of(
      {{"MAX_CONNECTIONS_PER_IP", "7"}, {"CONNECT_RATE_PER_IP", "60"}, {"PER_IP_MODE", "Count"}});
  EXPECT_EQ(given.connections_per_ip_max, 7u);
  EXPECT_EQ(given.connects_per_ip_per_minute, 60u);
  EXPECT_TRUE(given.per_ip_only_counts);
}

TEST(SettingsAddresses, WhatIsWrongStopsTheStartWithASentence) {
  for (const auto& [name, text] : Environment{{"TRUSTED_PROXIES", "10.0.0.1/8"},
                                              {"CONNECT_RATE_PER_IP", "1.5"},
                                              {"MAX_CONNECTIONS_PER_IP", "-1"},
                                              {"PER_IP_MODE", "off"}}) {
    const SettingsResult result = load_settings({}, {{name, text}}, std::nullopt);
    EXPECT_FALSE(result.settings);
    EXPECT_TRUE(result.error.starts_with(name + " is ")) << result.error;
    EXPECT_TRUE(result.error.ends_with('.')) << result.error;
  }
}

}  // namespace
}  // namespace livehub::server
