// What of profile `signals` needs no server: its settings and its documents.
#include "profile/signals.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "profile/signals_reply.h"
#include "profile/signals_shared.h"

namespace livehub::profile {
namespace {

const SettingMap kLeast = {{"REDIS_URL", "redis://127.0.0.1:1"}};

SettingMap plus(const char* name, const char* value) {
  SettingMap settings = kLeast;
  settings[name] = value;
  return settings;
}

TEST(Signals, NamesTheSettingThatIsWrong) {
  const auto error = [](const SettingMap& settings) {
    const ProfileChoice choice = make_signals(settings);
    EXPECT_FALSE(choice.factory);
    return choice.error;
  };
  EXPECT_EQ(error({}).find("REDIS_URL must be set"), 0u);
  EXPECT_EQ(error({{"REDIS_URL", "https://x"}}).find("REDIS_URL"), 0u);
  EXPECT_EQ(error(plus("SIGNALS_STREAM_ACTIVE", "signals:staging")).find("SIGNALS_STREAM_ACTIVE"),
            0u);
  EXPECT_EQ(error(plus("CORS_ALLOW_ORIGINS", "https://a/b")).find("CORS_ALLOW_ORIGINS"), 0u);
  const ProfileChoice choice = make_signals(kLeast);
  EXPECT_TRUE(choice.factory) << choice.error;
  EXPECT_EQ(choice.sources.size(), 1u);
}

TEST(Signals, ReadsTheActiveStream) {
  const auto read = [](const char* text) {
    SignalsShared shared;
    EXPECT_EQ(read_signals_settings(plus("SIGNALS_STREAM_ACTIVE", text), shared), "");
    return shared.settings;
  };
  EXPECT_EQ(read("signals:paper").streams[0], "signals:paper");
  EXPECT_EQ(read("signals:paper:staging").streams[0], "signals:paper:staging");
  EXPECT_EQ(read("signals:paper:staging").streams[1], "signals:live");
  EXPECT_EQ(read("signals:live").active, SignalMode::kLive);
}

TEST(Signals, BeatsOftenEnoughForTheWatchdog) {
  SettingMap settings = plus("SSE_HEARTBEAT_SEC", "60");
  SignalsShared plain;
  EXPECT_EQ(read_signals_settings(settings, plain), "");
  EXPECT_EQ(plain.settings.heartbeat_seconds, 60u);
  settings["SIGNALS_REPEAT_CONNECTED"] = "true";
  SignalsShared repeating;
  EXPECT_EQ(read_signals_settings(settings, repeating), "");
  EXPECT_EQ(repeating.settings.heartbeat_seconds, 25u);
}

TEST(Signals, SaysWhatOfAQueryIsWrongAsTheFrameworkDoes) {
  EXPECT_EQ(wrong_mode("staging"),
            R"({"detail":[{"type":"string_pattern_mismatch","loc":["query","mode"],)"
            R"("msg":"String should match pattern '^(paper|live)$'","input":"staging",)"
            R"("ctx":{"pattern":"^(paper|live)$"}}]})");
  const auto type = [](const char* input) {
    return nlohmann::json::parse(wrong_limit("limit", input))["detail"][0]["type"]
        .get<std::string>();
  };
  EXPECT_EQ(type("0"), "greater_than_equal");
  EXPECT_EQ(type("-3"), "greater_than_equal");
  EXPECT_EQ(type("1001"), "less_than_equal");
  EXPECT_EQ(type("99999999999999999999"), "less_than_equal");
  EXPECT_EQ(type("ten"), "int_parsing");
  EXPECT_EQ(type("1.5"), "int_parsing");
  EXPECT_EQ(type(""), "int_parsing");
}

TEST(Signals, HealthPagesAreWhatTheClientTakes) {
  const SignalsHealth up{.is_up = true, .ping_ms = 0.4, .now_ms = 2000, .uptime_seconds = 7};
  const SignalsHealth down{.is_up = false, .ping_ms = -1, .now_ms = 2000, .uptime_seconds = 7};
  const StreamFacts facts{.is_known = true, .length = 3, .newest_ms = 1500, .now_ms = 2000};
  SignalsTally tally;
  tally.open[1] = 4;
  using nlohmann::json;
  EXPECT_EQ(json::parse(status_health(up))["status"], "healthy");
  EXPECT_EQ(json::parse(status_health(up))["timestamp"], 2000);
  EXPECT_EQ(json::parse(status_health(down))["status"], "degraded");
  EXPECT_EQ(json::parse(status_health(down))["services"]["redis"], "down");
  EXPECT_EQ(json::parse(plain_health(up, facts, 1200)),
            json::parse(R"({"status":"ok","redis_ping_ms":0.40,"stream_lag_ms":300,
                            "last_event_age_ms":500,"uptime_s":7,"timestamp":2000})"));
  EXPECT_EQ(json::parse(plain_health(down, {}, 0))["last_event_age_ms"], nullptr);
  const json sse = json::parse(sse_health(up, facts, tally));
  EXPECT_EQ(sse["metrics"]["active_connections"], 4);
  EXPECT_EQ(sse["metrics"]["stream_length"], 3);
  EXPECT_EQ(sse["checks"]["redis"], "ok");
  EXPECT_EQ(json::parse(sse_health(down, {}, tally))["redis_ok"], false);
}

TEST(Signals, MakesUuidsOfVersionFour) {
  EXPECT_EQ(uuid_of(0, 0), "00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(uuid_of(~uint64_t{0}, ~uint64_t{0}), "ffffffff-ffff-4fff-bfff-ffffffffffff");
  EXPECT_EQ(uuid_of(0x0123456789abcdef, 0x0123456789abcdef),
            "01234567-89ab-4def-8123-456789abcdef");
}

}  // namespace
}  // namespace livehub::profile
