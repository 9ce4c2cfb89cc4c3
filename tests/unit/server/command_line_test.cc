#include "server/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "server/setting_table.h"

namespace livehub::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using Action = CommandLine::Action;

CommandLine parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "livehub");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

CommandLine serving(const std::vector<const char*>& words) {
  CommandLine line = parsed(words);
  EXPECT_EQ(line.action, Action::kServe) << line.text;
  EXPECT_EQ(line.text, "");
  return line;
}

std::string refused(const std::vector<const char*>& words) {
  const CommandLine line = parsed(words);
  EXPECT_EQ(line.action, Action::kError);
  EXPECT_THAT(line.text, testing::MatchesRegex("[^\n]+[.?]"));
  EXPECT_THAT(line.flags, IsEmpty());
  return line.text;
}

TEST(CommandLine, ServeIsTheDefault) {
  EXPECT_THAT(serving({}).flags, IsEmpty());
  EXPECT_THAT(serving({"serve"}).flags, IsEmpty());
  EXPECT_FALSE(serving({}).config_file.has_value());
}

TEST(CommandLine, FlagsGoByTheirCanonicalNames) {
  const CommandLine line =
      serving({"serve", "--profile", "live-data", "--port=0", "--admin-port", "auto", "--shards",
               "2", "--io", "epoll", "--history-count", "5", "--config", "/a.toml"});
  EXPECT_THAT(line.flags,
              ElementsAre(Pair("ADMIN_PORT", "auto"), Pair("HISTORY_COUNT", "5"),
                          Pair("LIVEHUB_IO", "epoll"), Pair("LIVEHUB_PROFILE", "live-data"),
                          Pair("LIVEHUB_SHARDS", "2"), Pair("PORT", "0")));
  EXPECT_EQ(line.config_file, "/a.toml");
}

TEST(CommandLine, FlagsMayStandBeforeTheCommand) {
  EXPECT_THAT(serving({"--port", "1", "serve", "--io", "uring"}).flags,
              ElementsAre(Pair("LIVEHUB_IO", "uring"), Pair("PORT", "1")));
}

TEST(CommandLine, EverySettingHasAFlagButASecretOnlyItsFile) {
  int count = 0;
  for (const Setting& setting : setting_table()) {
    if (setting.name == "LIVEHUB_CONFIG") continue;
    const bool is_secret = setting.type == SettingType::kSecret;
    const std::string name = is_secret ? secret_file_name(setting) : std::string(setting.name);
    const std::string flag = setting_flag(name);
    EXPECT_THAT(serving({flag.c_str(), "x"}).flags, ElementsAre(Pair(name, "x")));
    ++count;
  }
  EXPECT_GT(count, 30);
}

TEST(CommandLine, ASwitchNeedsNoValue) {
  EXPECT_THAT(serving({"--echo"}).flags, ElementsAre(Pair("LIVEHUB_ECHO", "1")));
  EXPECT_THAT(serving({"--echo", "serve"}).flags, ElementsAre(Pair("LIVEHUB_ECHO", "1")));
  EXPECT_THAT(serving({"--public-ready", "0"}).flags, ElementsAre(Pair("PUBLIC_READY", "0")));
  EXPECT_THAT(serving({"--public-ready=false"}).flags, ElementsAre(Pair("PUBLIC_READY", "false")));
}

TEST(CommandLine, ValuesAreTakenAsTheyAre) {
  for (const char* text : {"-1", "a,b", "[::]", "\"q\"", "{}", "a b", "=", "%%"})
    EXPECT_THAT(serving({"--host", text}).flags, ElementsAre(Pair("LIVEHUB_HOST", text)));
}

TEST(CommandLine, AMissingOrRepeatedValueIsNamed) {
  const std::string sentence = "--port needs a value: a whole number from 0 to 65535.";
  EXPECT_EQ(refused({"--port"}), sentence);
  EXPECT_EQ(refused({"--port="}), sentence);
  EXPECT_EQ(refused({"--port", ""}), sentence);
  EXPECT_EQ(refused({"--port", "--io", "epoll"}), sentence);
  EXPECT_EQ(refused({"--config"}), "--config needs a value: the path of a file.");
  EXPECT_EQ(refused({"--port", "1", "--port", "2"}), "--port is given twice; give it once.");
  EXPECT_EQ(refused({"--port", "", "--port", "2"}), "--port is given twice; give it once.");
}

TEST(CommandLine, AnUnknownFlagIsNamedWithTheNearest) {
  EXPECT_EQ(refused({"--bogus-flag", "1"}),
            "--bogus-flag is not a flag; livehub --help lists them.");
  EXPECT_EQ(refused({"--shard", "1"}), "--shard is not a flag; did you mean --shards?");
  EXPECT_EQ(refused({"serve", "--histroy-count=7"}),
            "--histroy-count is not a flag; did you mean --history-count?");
  EXPECT_EQ(refused({"--port", "1", "-x"}), "-x is not a flag; livehub --help lists them.");
}

TEST(CommandLine, AStrayWordIsNamed) {
  EXPECT_EQ(refused({"stray"}), "\"stray\" is not a command; livehub --help lists them.");
  EXPECT_THAT(refused({"serve", "stray"}), StartsWith("\"stray\""));
  EXPECT_THAT(refused({"stray", "serve"}), StartsWith("\"stray\""));
}

TEST(CommandLine, ASecretIsRefusedAndNotRepeated) {
  for (const auto& words : {std::vector<const char*>{"--live-push-token", "hidden"},
                            {"--live-push-token=hidden"},
                            {"serve", "--live-push-token", "hidden"}})
    EXPECT_THAT(refused(words),
                AllOf(StartsWith("--live-push-token is no flag"),
                      HasSubstr("--live-push-token-file"), Not(HasSubstr("hidden"))));
}

TEST(CommandLine, HelpTeachesEverySetting) {
  for (const auto& words : {std::vector<const char*>{"--help"},
                            {"-h"},
                            {"serve", "--help"},
                            {"--help", "--bogus"},
                            {"--port", "1", "--help"}}) {
    const CommandLine line = parsed(words);
    EXPECT_EQ(line.action, Action::kHelp);
    for (const Setting& setting : setting_table()) {
      EXPECT_THAT(line.text, HasSubstr(std::string(setting.name)));
      EXPECT_THAT(line.text, HasSubstr("  " + setting_flag(setting.name)));
    }
    for (const char* part :
         {"Usage: livehub", "Examples", "Where settings come from", "Exit codes"})
      EXPECT_THAT(line.text, HasSubstr(part));
  }
  std::istringstream lines(parsed({"--help"}).text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(CommandLine, VersionIsOneLine) {
  const CommandLine line = parsed({"--version"});
  EXPECT_EQ(line.action, Action::kVersion);
  EXPECT_EQ(line.text, "livehub " LIVEHUB_VERSION "\n");
}

}  // namespace
}  // namespace livehub::server
