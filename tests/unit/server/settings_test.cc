#include "server/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "server/setting_table.h"

namespace livehub::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using Map = std::map<std::string, std::string>;

// Every field as text, so that two Settings can be compared and a difference read.
std::string described(const Settings& s) {
  const EngineOptions& e = s.engine;
  std::ostringstream out;
  out << e.port << ' ' << e.host << ' ' << e.shards << ' ' << e.io << ' ' << e.sockets_per_shard_max
      << " history " << e.history_count << ' ' << e.history_bytes << ' ' << e.history_seconds
      << " buffers " << e.ring_bytes << ' ' << e.arena_bytes << ' ' << e.memory_bytes << " message "
      << e.message_bytes_max << ' ' << e.push_wait_ms << ' ' << static_cast<int>(e.slow_reader)
      << " times " << e.heartbeat_seconds << ' ' << e.ping_seconds << ' ' << e.pong_seconds << ' '
      << e.head_seconds << ' ' << e.idle_seconds << ' ' << e.close_seconds << ' ' << e.drain_seconds
      << " is " << e.is_on_fly << e.public_ready << e.echo << e.compress_websocket << e.compress_sse
      << " addresses " << e.trusted_proxies << ' ' << e.connections_per_ip_max << ' '
      << e.connects_per_ip_per_minute << ' ' << e.per_ip_only_counts << " admin "
      << (s.admin_port ? std::to_string(*s.admin_port) : "off") << ' ' << s.admin_is_auto << ' '
      << s.admin_host << ' ' << s.log_level << ' ' << s.log_format << ' ' << s.profile;
  return out.str();
}

Settings loaded(const Map& flags, const Map& environment = {},
                const std::optional<std::string>& file = std::nullopt) {
  const SettingsResult result = load_settings(flags, environment, file);
  EXPECT_TRUE(result.settings.has_value()) << result.error;
  EXPECT_EQ(result.settings.has_value(), result.error.empty());
  return result.settings.value_or(Settings());
}

std::string refused(const Map& flags, const Map& environment = {},
                    const std::optional<std::string>& file = std::nullopt) {
  const SettingsResult result = load_settings(flags, environment, file);
  EXPECT_FALSE(result.settings.has_value());
  EXPECT_THAT(result.error, testing::EndsWith(result.error.ends_with('?') ? "?" : "."));
  EXPECT_THAT(result.error, Not(HasSubstr("\n")));
  return result.error;
}

// A file that is gone after the test.
class File {
 public:
  explicit File(const std::string& text) {
    std::string path = testing::TempDir() + "livehub-settings-XXXXXX";
    ::close(::mkstemp(path.data()));
    path_ = path;
    std::ofstream(path_) << text;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// --- the table ---

TEST(SettingTable, TextsOfDefaultsAreTheDefaultsInCode) {
  Map everything;
  for (const Setting& setting : setting_table())
    if (!setting.default_text.empty()) everything[std::string(setting.name)] = setting.default_text;
  EXPECT_GT(everything.size(), 25u);
  EXPECT_EQ(described(loaded({}, everything)), described(Settings()));
  EXPECT_EQ(described(loaded({})), described(Settings()));
  EXPECT_THAT(loaded({}).profile_settings, IsEmpty());
}

// --- where values go ---

struct Placed {
  std::string name, text;
  std::function<void(Settings&)> place;
};

// Each setting moves its own field and no other.
TEST(Settings, EachReachesItsField) {
  const std::vector<Placed> all = {
      {"PORT", "1234", [](Settings& s) { s.engine.port = 1234; }},
      {"LIVEHUB_HOST", "127.0.0.1", [](Settings& s) { s.engine.host = "127.0.0.1"; }},
      {"LIVEHUB_SHARDS", "3", [](Settings& s) { s.engine.shards = 3; }},
      {"LIVEHUB_IO", "epoll", [](Settings& s) { s.engine.io = "epoll"; }},
      {"LIVEHUB_CONNECTIONS_PER_SHARD", "9",
       [](Settings& s) { s.engine.sockets_per_shard_max = 9; }},
      {"LIVEHUB_ECHO", "1", [](Settings& s) { s.engine.echo = true; }},
      {"HISTORY_COUNT", "0", [](Settings& s) { s.engine.history_count = 0; }},
      {"HISTORY_BYTES", "3g", [](Settings& s) { s.engine.history_bytes = 3ull << 30; }},
      {"HISTORY_SECONDS", "7", [](Settings& s) { s.engine.history_seconds = 7; }},
      {"RING_BYTES", "128k", [](Settings& s) { s.engine.ring_bytes = 131072; }},
      {"ARENA_BYTES", "262144", [](Settings& s) { s.engine.arena_bytes = 262144; }},
      {"MEMORY_BYTES", "268435456", [](Settings& s) { s.engine.memory_bytes = 268435456; }},
      {"MESSAGE_BYTES", "2M", [](Settings& s) { s.engine.message_bytes_max = 2 << 20; }},
      {"PUSH_WAIT_MS", "5", [](Settings& s) { s.engine.push_wait_ms = 5; }},
      {"SLOW_READER", "skip", [](Settings& s) { s.engine.slow_reader = SlowReader::kSkip; }},
      {"SLOW_READER", "Newest", [](Settings& s) { s.engine.slow_reader = SlowReader::kNewest; }},
      {"COMPRESSION", "websocket", [](Settings& s) { s.engine.compress_websocket = true; }},
      {"COMPRESSION", "on",
       [](Settings& s) { s.engine.compress_websocket = s.engine.compress_sse = true; }},
      {"HEARTBEAT_SECONDS", "2", [](Settings& s) { s.engine.heartbeat_seconds = 2; }},
      {"PING_SECONDS", "3", [](Settings& s) { s.engine.ping_seconds = 3; }},
      {"PONG_SECONDS", "4", [](Settings& s) { s.engine.pong_seconds = 4; }},
      {"HEAD_SECONDS", "5", [](Settings& s) { s.engine.head_seconds = 5; }},
      {"IDLE_SECONDS", "6", [](Settings& s) { s.engine.idle_seconds = 6; }},
      {"CLOSE_SECONDS", "7", [](Settings& s) { s.engine.close_seconds = 7; }},
      {"TRUSTED_PROXIES", "::/0", [](Settings& s) { s.engine.trusted_proxies = "::/0"; }},
      {"MAX_CONNECTIONS_PER_IP", "8", [](Settings& s) { s.engine.connections_per_ip_max = 8; }},
      {"CONNECT_RATE_PER_IP", "9", [](Settings& s) { s.engine.connects_per_ip_per_minute = 9; }},
      {"PER_IP_MODE", "count", [](Settings& s) { s.engine.per_ip_only_counts = true; }},
      {"DRAIN_SECONDS", "0.5", [](Settings& s) { s.engine.drain_seconds = 0.5; }},
      {"PUBLIC_READY", "off", [](Settings& s) { s.engine.public_ready = false; }},
      {"ADMIN_PORT", "4321", [](Settings& s) { s.admin_port = 4321; }},
      {"ADMIN_PORT", "0", [](Settings& s) { s.admin_port.reset(); }},
      {"ADMIN_PORT", "auto", [](Settings& s) { s.admin_port = 0, s.admin_is_auto = true; }},
      {"ADMIN_HOST", "::1", [](Settings& s) { s.admin_host = "::1"; }},
      {"LOG_LEVEL", "DEBUG", [](Settings& s) { s.log_level = "debug"; }},
      {"LOG_FORMAT", "json", [](Settings& s) { s.log_format = "json"; }},
  };
  // These have tests of their own.
  std::set<std::string_view> seen = {"LIVEHUB_PROFILE", "LIVEHUB_CONFIG", "ADMIN_TOKEN"};
  for (const Placed& placed : all) {
    seen.insert(placed.name);
    Settings expected;
    placed.place(expected);
    EXPECT_NE(described(expected), described(Settings())) << placed.name;
    EXPECT_EQ(described(loaded({{placed.name, placed.text}})), described(expected)) << placed.name;
    EXPECT_EQ(described(loaded({}, {{placed.name, placed.text}})), described(expected))
        << placed.name;
    const File file(setting_key(placed.name) + " = \"" + placed.text + "\"\n");
    EXPECT_EQ(described(loaded({}, {}, file.path())), described(expected)) << placed.name;
  }
  for (const Setting& setting : setting_table())
    EXPECT_EQ(seen.contains(setting.name), setting.profile.empty()) << setting.name;
}

TEST(Settings, AnAdminTokenHasSixteenCharactersOrMore) {
  EXPECT_EQ(loaded({}, {{"ADMIN_TOKEN", "sixteen bytes..."}}).admin_token, "sixteen bytes...");
  const SettingsResult result = load_settings({}, {{"ADMIN_TOKEN", "fifteen bytes.."}}, {});
  EXPECT_FALSE(result.settings);
  EXPECT_THAT(result.error, HasSubstr("ADMIN_TOKEN"));
  EXPECT_THAT(result.error, HasSubstr("16 to 4096"));
  EXPECT_THAT(result.error, Not(HasSubstr("fifteen")));
}

TEST(Settings, AProfilesOwnKeepTheirNamesInNormalForm) {
  const Settings settings =
      loaded({{"MODE", "Generator"}}, {{"MAX_BODY_BYTES", "250k"},
                                       {"TICK_MS", "0050"},
                                       {"CORS_ORIGINS", "https://a.test, http://localhost:3000"},
                                       {"LIVE_PUSH_TOKEN", "t0k"},
                                       {"LIVE_PUSH_HMAC_SECRET", "shh"}});
  EXPECT_THAT(settings.profile_settings,
              ElementsAre(Pair("CORS_ORIGINS", "https://a.test, http://localhost:3000"),
                          Pair("LIVE_PUSH_HMAC_SECRET", "shh"), Pair("LIVE_PUSH_TOKEN", "t0k"),
                          Pair("MAX_BODY_BYTES", "256000"), Pair("MODE", "generator"),
                          Pair("TICK_MS", "50")));
  EXPECT_THAT(settings.without_effect, IsEmpty());
}

TEST(Settings, TickMsHasNoEffectUnlessThereIsAGenerator) {
  EXPECT_THAT(loaded({}, {{"TICK_MS", "50"}}).without_effect, ElementsAre("TICK_MS"));
  EXPECT_THAT(loaded({}, {{"TICK_MS", "50"}, {"MODE", "HUB"}}).without_effect,
              ElementsAre("TICK_MS"));
  EXPECT_THAT(loaded({}, {{"MODE", "hub"}}).without_effect, IsEmpty());
}

TEST(Settings, OnFlyTheAdminListenerIsOpenToTheNetwork) {
  EXPECT_EQ(loaded({}, {{"FLY_APP_NAME", "hub"}}).admin_host, "[::]");
  EXPECT_TRUE(loaded({}, {{"FLY_APP_NAME", "hub"}}).engine.is_on_fly);
  EXPECT_EQ(loaded({}, {{"FLY_APP_NAME", "hub"}, {"ADMIN_HOST", "127.0.0.1"}}).admin_host,
            "127.0.0.1");
  EXPECT_EQ(loaded({}, {{"FLY_APP_NAME", ""}}).admin_host, "");
  EXPECT_FALSE(loaded({}, {{"FLY_APP_NAME", ""}}).engine.is_on_fly);
}

// --- precedence ---

TEST(Settings, FlagsWinOverEnvironmentOverFile) {
  const File file("port = 1001\nhistory_count = 11\nping_seconds = 12\n");
  const Settings settings =
      loaded({{"PORT", "1003"}}, {{"PORT", "1002"}, {"HISTORY_COUNT", "22"}}, file.path());
  EXPECT_EQ(settings.engine.port, 1003);
  EXPECT_EQ(settings.engine.history_count, 22u);
  EXPECT_EQ(settings.engine.ping_seconds, 12u);
}

TEST(Settings, EmptyInTheEnvironmentIsUnset) {
  const File file("port = 1001\n");
  const Map environment = {{"PORT", ""},
                           {"LIVE_PUSH_TOKEN", ""},
                           {"LIVEHUB_NOTHING", ""},
                           {"LIVEHUB_CONFIG", ""},
                           {"LIVE_PUSH_TOKEN_FILE", ""}};
  const Settings settings = loaded({}, environment, file.path());
  EXPECT_EQ(settings.engine.port, 1001);
  EXPECT_THAT(settings.profile_settings, IsEmpty());
  EXPECT_THAT(refused({{"PORT", ""}}),
              StartsWith("PORT is \"\" (flag --port); give a whole number"));
}

TEST(Settings, TheEnvironmentMayNameTheFileAndAFlagAnother) {
  const File first("port = 1001\n");
  const File second("port = 1002\n");
  EXPECT_EQ(loaded({}, {{"LIVEHUB_CONFIG", first.path()}}).engine.port, 1001);
  EXPECT_EQ(loaded({}, {{"LIVEHUB_CONFIG", first.path()}}, second.path()).engine.port, 1002);
}

// --- bad values ---

TEST(Settings, EveryTypesBadValueIsNamedWithWhatIsAllowed) {
  const std::vector<std::array<std::string, 3>> all = {
      {"PORT", "abc", "a whole number from 0 to 65535."},
      {"PORT", "65536", "a whole number from 0 to 65535."},
      {"PORT", "-1", "a whole number from 0 to 65535."},
      {"PORT", "+1", "a whole number from 0 to 65535."},
      {"PORT", " 1", "a whole number from 0 to 65535."},
      {"PORT", "1.0", "a whole number from 0 to 65535."},
      {"PORT", "99999999999999999999999", "a whole number from 0 to 65535."},
      {"PORT", "auto", "a whole number from 0 to 65535."},
      {"ADMIN_PORT", "x", "a whole number from 0 to 65535, or auto."},
      {"LIVEHUB_SHARDS", "0", "a whole number from 1 to 256, or auto."},
      {"LIVEHUB_SHARDS", "257", "a whole number from 1 to 256, or auto."},
      {"HISTORY_COUNT", "-5", "a whole number of messages from 0 to 1000000."},
      {"HISTORY_COUNT", "1000001", "a whole number of messages from 0 to 1000000."},
      {"HEARTBEAT_SECONDS", "soon", "a whole number of seconds from 1 to 3600."},
      {"HEARTBEAT_SECONDS", "0", "a whole number of seconds from 1 to 3600."},
      {"HISTORY_BYTES", "1e3", "a number of bytes from 0 to 64g, as in 512k or 4m."},
      {"HISTORY_BYTES", "4mb", "a number of bytes from 0 to 64g, as in 512k or 4m."},
      {"HISTORY_BYTES", "k", "a number of bytes from 0 to 64g, as in 512k or 4m."},
      {"HISTORY_BYTES", "65g", "a number of bytes from 0 to 64g, as in 512k or 4m."},
      // 2^34 g would be 0 again in 64 bits.
      {"HISTORY_BYTES", "17179869184g", "a number of bytes from 0 to 64g, as in 512k or 4m."},
      {"MEMORY_BYTES", "15m", "a number of bytes from 16m to 16384g, as in 512k or 4m, or auto."},
      {"RING_BYTES", "1000000", "a power of two of bytes from 64k to 1g, as in 512k or 4m."},
      {"RING_BYTES", "32k", "a power of two of bytes from 64k to 1g, as in 512k or 4m."},
      {"ARENA_BYTES", "3m", "a power of two of bytes from 64k to 1g, as in 512k or 4m."},
      {"ARENA_BYTES", "2g", "a power of two of bytes from 64k to 1g, as in 512k or 4m."},
      {"PUSH_WAIT_MS", "2s", "a whole number of milliseconds from 0 to 60000."},
      {"TICK_MS", "0", "a whole number of milliseconds from 10 to 3600000."},
      {"DRAIN_SECONDS", "-1", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"DRAIN_SECONDS", "inf", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"DRAIN_SECONDS", "nan", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"DRAIN_SECONDS", "1e3", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"DRAIN_SECONDS", "1.2.3", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"DRAIN_SECONDS", "86400.5", "seconds from 0 to 86400, as in 4 or 2.5."},
      {"SLOW_READER", "whip", "one of disconnect, skip or newest."},
      {"LOG_LEVEL", "loudest", "one of debug, info, warn or error."},
      {"LIVEHUB_IO", "kqueue", "one of auto, uring or epoll."},
      {"MODE", "turbo", "one of hub or generator."},
      {"LIVEHUB_PROFILE", "teapot", "one of live-data, chat, pg-updates, signals or drop."},
      {"PUBLIC_READY", "2", "1 or 0 (also true, false, yes, no, on, off)."},
      {"LIVEHUB_HOST", "example.org", "an IPv4 or IPv6 address, or localhost."},
      {"ADMIN_HOST", "[::1", "an IPv4 or IPv6 address, or localhost."},
      {"ADMIN_HOST", "1.2.3.256", "an IPv4 or IPv6 address, or localhost."},
  };
  for (const auto& [name, text, allowed] : all) {
    const std::string end = "; give " + allowed;
    EXPECT_EQ(refused({}, {{name, text}}), name + " is \"" + text + "\" (environment)" + end);
    EXPECT_EQ(refused({{name, text}}),
              name + " is \"" + text + "\" (flag " + setting_flag(name) + ")" + end);
    const File file("# one\n" + setting_key(name) + " = '" + text + "'\n");
    EXPECT_EQ(refused({}, {}, file.path()),
              name + " is \"" + text + "\" (" + file.path() + ":2)" + end);
  }
  EXPECT_EQ(refused({}, {{"MAX_BODY_BYTES", "lots"}}),
            "MAX_BODY_BYTES is \"lots\" (environment); give a number of bytes from 1 to 1g, as in "
            "512k or 4m.");
  EXPECT_THAT(
      refused({}, {{"CORS_ORIGINS", "https://a.test/path"}}),
      StartsWith(
          "CORS_ORIGINS is \"https://a.test/path\" (environment); 'https://a.test/path' is not"));
}

TEST(Settings, TheEndsOfEveryRangeAreAllowedAndWhatIsBeyondIsNot) {
  int count = 0;
  for (const Setting& setting : setting_table()) {
    if (setting.most == 0) continue;
    ++count;
    const auto is_allowed = [&](uint64_t number) {
      std::string why;
      return parse_setting(setting, std::to_string(number), why).has_value();
    };
    EXPECT_TRUE(is_allowed(setting.least)) << setting.name;
    EXPECT_TRUE(is_allowed(setting.most)) << setting.name;
    EXPECT_FALSE(is_allowed(setting.most + 1)) << setting.name;
    EXPECT_FALSE(setting.least > 0 && is_allowed(setting.least - 1)) << setting.name;
  }
  EXPECT_GT(count, 18);
}

TEST(Settings, ASentenceStaysOneShortLine) {
  const std::string error = refused({}, {{"PORT", "1\n2\x1b[31m" + std::string(500, 'x')}});
  EXPECT_THAT(error, StartsWith("PORT is \"1?2?[31mxxx"));
  EXPECT_LT(error.size(), 200u);
}

// --- unknown names ---

TEST(Settings, UnknownNamesStopTheStartAndSuggestTheNearest) {
  EXPECT_EQ(refused({}, {{"LIVEHUB_SHARD", "1"}}),
            "LIVEHUB_SHARD (environment) is not a setting; did you mean LIVEHUB_SHARDS?");
  EXPECT_EQ(refused({}, {{"LIVEHUB_PORT", "1"}}),
            "LIVEHUB_PORT (environment) is not a setting; did you mean PORT?");
  EXPECT_EQ(refused({}, {{"LIVEHUB_BOGUS", "1"}}),
            "LIVEHUB_BOGUS (environment) is not a setting; livehub --help lists them.");
  EXPECT_EQ(refused({{"BOGUS", "1"}}),
            "--bogus (flag) is not a setting; livehub --help lists them.");
  const File near("mode = \"hub\"\nhistory_cuont = 1\n");
  EXPECT_EQ(refused({}, {}, near.path()),
            "history_cuont (" + near.path() + ":2) is not a setting; did you mean history_count?");
  const File upper("PORT = 1\n");
  EXPECT_THAT(refused({}, {}, upper.path()), HasSubstr("did you mean port?"));
  const File far("bogus_key = 1\n");
  EXPECT_EQ(refused({}, {}, far.path()),
            "bogus_key (" + far.path() + ":1) is not a setting; livehub --help lists them.");
  // A file that names a file would be read from nowhere.
  const File nested("config = \"other.toml\"\n");
  EXPECT_THAT(refused({}, {}, nested.path()), StartsWith("config ("));
}

TEST(Settings, OtherNamesInTheEnvironmentAreNobodysBusiness) {
  const Map others = {
      {"FOO", "1"},  {"HISTORY_COUNTS", "x"},     {"NODE_ENV", "production"}, {"SHARDS", "x"},
      {"TICK", "1"}, {"livehub_shards", "99999"}, {"REDIS_URL", "redis://x"}};
  EXPECT_EQ(described(loaded({}, others)), described(Settings()));
}

TEST(Settings, AHiddenValueIsNotCheckedButAHiddenNameIs) {
  EXPECT_EQ(loaded({{"PORT", "1"}}, {{"PORT", "abc"}}).engine.port, 1);
  const File file("bogus_key = 1\n");
  EXPECT_THAT(refused({{"PORT", "1"}}, {{"PORT", "1"}}, file.path()), HasSubstr("bogus_key"));
}

// --- files ---

TEST(Settings, TomlHasItsOwnTypes) {
  const File file(
      "port = 1_001\n"
      "drain_seconds = 2.5\n"
      "public_ready = false\n"
      "history_bytes = 1048576\n"
      "ring_bytes = \"2m\"\n"
      "livehub_shards = 3\n"
      "io = \"epoll\"\n"
      "admin_port = \"auto\"\n"
      "cors_origins = [\"https://a.test\", \"https://b.test\"]\n"
      "live_push_token = \"secret\"\n");
  const Settings settings = loaded({}, {}, file.path());
  EXPECT_EQ(settings.engine.port, 1001);
  EXPECT_EQ(settings.engine.drain_seconds, 2.5);
  EXPECT_FALSE(settings.engine.public_ready);
  EXPECT_EQ(settings.engine.history_bytes, 1048576u);
  EXPECT_EQ(settings.engine.ring_bytes, 2u << 20);
  EXPECT_EQ(settings.engine.shards, 3u);
  EXPECT_EQ(settings.engine.io, "epoll");
  EXPECT_TRUE(settings.admin_is_auto);
  EXPECT_THAT(settings.profile_settings,
              ElementsAre(Pair("CORS_ORIGINS", "https://a.test,https://b.test"),
                          Pair("LIVE_PUSH_TOKEN", "secret")));
}

TEST(Settings, WhatNoSettingCanBeIsNamedWithItsLine) {
  for (const char* line : {"[engine]", "port = [1]", "port = 1979-05-27", "engine.port = 1"}) {
    const File file("mode = \"hub\"\n" + std::string(line) + "\n");
    EXPECT_THAT(refused({}, {}, file.path()),
                HasSubstr(" in " + file.path() + ":2 is not a setting"))
        << line;
  }
  const File number("live_push_token = 0x1f\n");
  EXPECT_EQ(refused({}, {}, number.path()),
            "LIVE_PUSH_TOKEN (" + number.path() + ":1) is not a string; write it in quotes.");
  const File twice("shards = 1\nlivehub_shards = 2\n");
  EXPECT_EQ(refused({}, {}, twice.path()), "LIVEHUB_SHARDS is given twice (" + twice.path() +
                                               ":2 and " + twice.path() + ":1); give it once.");
}

TEST(Settings, AFileThatIsMissingOrNoTomlIsNamed) {
  EXPECT_EQ(refused({}, {}, "/nowhere/at.toml"),
            "The settings file /nowhere/at.toml cannot be read: No such file or directory.");
  EXPECT_THAT(refused({}, {{"LIVEHUB_CONFIG", "/nowhere/at.toml"}}), HasSubstr("/nowhere/at.toml"));
  EXPECT_THAT(refused({}, {}, "/"), HasSubstr("Is a directory"));
  EXPECT_THAT(refused({}, {}, "/dev/zero"), HasSubstr("larger than 1048576 bytes"));
  const File file("port = 1\nmode = \n");
  EXPECT_THAT(refused({}, {}, file.path()), StartsWith(file.path() + ":2 is not TOML: "));
  const File twice("port = 1\nport = 2\n");
  EXPECT_THAT(refused({}, {}, twice.path()), StartsWith(twice.path() + ":2 is not TOML: "));
  const File bytes("port = \"\xff\"\n");
  EXPECT_THAT(refused({}, {}, bytes.path()), StartsWith(bytes.path() + ":1 is not TOML: "));
}

// --- secrets ---

TEST(Settings, ASecretComesFromEnvironmentTomlOrAFile) {
  const File secret("from-file\r\n");
  const auto token = [](const Settings& settings) {
    return settings.profile_settings.at("LIVE_PUSH_TOKEN");
  };
  EXPECT_EQ(token(loaded({}, {{"LIVE_PUSH_TOKEN", "from-env"}})), "from-env");
  EXPECT_EQ(token(loaded({}, {{"LIVE_PUSH_TOKEN_FILE", secret.path()}})), "from-file");
  EXPECT_EQ(token(loaded({{"LIVE_PUSH_TOKEN_FILE", secret.path()}}, {{"LIVE_PUSH_TOKEN", "env"}})),
            "from-file");
  const File toml("live_push_token_file = \"" + secret.path() + "\"\n");
  EXPECT_EQ(token(loaded({}, {}, toml.path())), "from-file");
  EXPECT_EQ(token(loaded({}, {{"LIVE_PUSH_TOKEN", "from-env"}}, toml.path())), "from-env");
}

TEST(Settings, ASecretIsNeverAFlagAndNeverInASentence) {
  EXPECT_THAT(refused({{"LIVE_PUSH_TOKEN", "hidden"}}), StartsWith("--live-push-token is no flag"));
  EXPECT_THAT(refused({{"LIVE_PUSH_HMAC_SECRET", "hidden"}}), Not(HasSubstr("hidden")));
  EXPECT_EQ(refused({}, {{"LIVE_PUSH_TOKEN", "hidden\n"}}),
            "LIVE_PUSH_TOKEN cannot be used (environment); give 1 to 4096 bytes without control "
            "characters, "
            "and no blank at the beginning or end.");
  for (const char* text : {" hidden", "hidden ",
                           "hid\x7f"
                           "den",
                           "hid\tden"})
    EXPECT_THAT(refused({}, {{"LIVE_PUSH_HMAC_SECRET", text}}), Not(HasSubstr("hid"))) << text;
  const File toml("live_push_token = \"hidden \"\n");
  EXPECT_THAT(refused({}, {}, toml.path()),
              testing::AllOf(HasSubstr(toml.path() + ":1"), Not(HasSubstr("hidden"))));
  const File secret(
      "hid\x01"
      "den\n");
  EXPECT_THAT(
      refused({}, {{"LIVE_PUSH_TOKEN_FILE", secret.path()}}),
      testing::AllOf(HasSubstr("LIVE_PUSH_TOKEN_FILE in the environment"), Not(HasSubstr("hid"))));
}

TEST(Settings, ASecretsFileMustHoldOneAndOnlyOnePlaceMayName) {
  EXPECT_EQ(refused({}, {{"LIVE_PUSH_TOKEN_FILE", "/nowhere/token"}}),
            "LIVE_PUSH_TOKEN cannot be read from \"/nowhere/token\" (LIVE_PUSH_TOKEN_FILE in the "
            "environment): "
            "No such file or directory.");
  const File empty("\n");
  EXPECT_THAT(refused({}, {{"LIVE_PUSH_TOKEN_FILE", empty.path()}}), HasSubstr("cannot be used"));
  EXPECT_EQ(
      refused({}, {{"LIVE_PUSH_TOKEN", "a"}, {"LIVE_PUSH_TOKEN_FILE", empty.path()}}),
      "LIVE_PUSH_TOKEN is given twice (environment and LIVE_PUSH_TOKEN_FILE in the environment); "
      "give it once.");
}

// --- settings that must fit each other ---

TEST(Settings, BothListenersCannotHaveOnePort) {
  EXPECT_EQ(
      refused({{"PORT", "9091"}}),
      "PORT (flag --port) and ADMIN_PORT (default) are both 9091; give one of them another value "
      "(ADMIN_PORT=0 turns the admin listener off).");
  EXPECT_EQ(loaded({{"PORT", "9091"}, {"ADMIN_PORT", "0"}}).engine.port, 9091);
  EXPECT_TRUE(loaded({{"PORT", "0"}, {"ADMIN_PORT", "auto"}}).admin_is_auto);
  EXPECT_EQ(loaded({{"PORT", "9091"}, {"LIVEHUB_HOST", "10.1.2.3"}}).engine.port, 9091);
}

TEST(Settings, WhatMayBePushedMustFitAMessage) {
  EXPECT_EQ(loaded({}, {{"MAX_BODY_BYTES", "5000000"}}).engine.message_bytes_max, 5'000'000u);
  EXPECT_EQ(loaded({}, {{"MAX_BODY_BYTES", "100"}}).engine.message_bytes_max, 1u << 20);
  EXPECT_EQ(refused({}, {{"MAX_BODY_BYTES", "2m"}, {"MESSAGE_BYTES", "1m"}}),
            "MAX_BODY_BYTES is 2097152 (environment) and MESSAGE_BYTES only 1048576 (environment); "
            "raise MESSAGE_BYTES or lower MAX_BODY_BYTES.");
  EXPECT_THAT(refused({}, {{"MESSAGE_BYTES", "255999"}}),
              StartsWith("MAX_BODY_BYTES is 256000 (default)"));
  EXPECT_EQ(loaded({}, {{"MESSAGE_BYTES", "256000"}}).engine.message_bytes_max, 256'000u);
}

TEST(Settings, AHistoryTooSmallForAPushIsWarnedOf) {
  EXPECT_THAT(loaded({}, {{"HISTORY_BYTES", "255999"}}).warnings,
              ElementsAre(HasSubstr("HISTORY_BYTES (255999)")));
  EXPECT_THAT(loaded({}, {{"MAX_BODY_BYTES", "8m"}}).warnings, ElementsAre(HasSubstr("8388608")));
  EXPECT_THAT(loaded({}, {{"HISTORY_BYTES", "256000"}}).warnings, IsEmpty());
  EXPECT_THAT(loaded({}, {{"HISTORY_BYTES", "0"}}).warnings, IsEmpty());
  EXPECT_THAT(loaded({}, {{"HISTORY_BYTES", "1"}, {"HISTORY_COUNT", "0"}}).warnings, IsEmpty());
}

}  // namespace
}  // namespace livehub::server
