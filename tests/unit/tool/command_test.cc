#include "tool/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "server/command_line.h"
#include "tool/commands.h"

namespace livehub::tool {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::array kOptions = {
    Option{.name = "--loud", .help = "Louder."},
    Option{.name = "--count", .value = "N", .help = "So many."},
    Option{.name = "--kind", .value = "KIND", .help = "Which.", .words = "a|b"},
};
const Command kPlain = {.name = "plain",
                        .operands = "URL",
                        .summary = "Do it.",
                        .about = "More.\n",
                        .options = kOptions,
                        .operands_least = 1,
                        .operands_most = 1,
                        .run = nullptr};
const Command kWithSettings = {.name = "set",
                               .summary = "Do it.",
                               .about = {},
                               .options = kOptions,
                               .takes_settings = true,
                               .run = nullptr};

std::string refused(const std::vector<std::string>& words) {
  return parse_words(kPlain, words).error;
}

TEST(Command, TakesOptionsInBothSpellings) {
  const Parsed parsed = parse_words(kPlain, {"--count", "3", "http://x", "--kind=b", "--loud"});
  ASSERT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.invocation.text("--count"), "3");
  EXPECT_EQ(parsed.invocation.text("--kind"), "b");
  EXPECT_TRUE(parsed.invocation.has("--loud"));
  EXPECT_THAT(parsed.invocation.operands, ElementsAre("http://x"));
  EXPECT_THAT(parse_words(kPlain, {"--", "--loud"}).invocation.operands, ElementsAre("--loud"));
  EXPECT_THAT(parse_words(kPlain, {"-"}).invocation.operands, ElementsAre("-"));
}

TEST(Command, SaysWhatItDoesNotUnderstand) {
  EXPECT_EQ(refused({"x", "--cuont", "3"}), "--cuont is not an option; did you mean --count?");
  EXPECT_EQ(refused({"x", "--nothing-like-it"}),
            "--nothing-like-it is not an option; livehub plain --help lists them.");
  EXPECT_EQ(refused({"x", "--count"}), "--count needs a value: N.");
  EXPECT_EQ(refused({"x", "--loud=1"}), "--loud takes no value.");
  EXPECT_EQ(refused({"x", "--loud", "--loud"}), "--loud is given twice; give it once.");
  EXPECT_EQ(refused({"x", "--kind", "c"}), "--kind is one of a|b.");
  EXPECT_EQ(refused({}), "say URL (livehub plain --help).");
  EXPECT_EQ(refused({"x", "y"}), "\"y\" is one word too many (livehub plain --help).");
  EXPECT_TRUE(parse_words(kPlain, {"--help"}).wants_help);
}

TEST(Command, HandsTheServersFlagsOn) {
  const Parsed parsed =
      parse_words(kWithSettings, {"--port", "1", "--loud", "--io=epoll", "--public-ready"});
  ASSERT_EQ(parsed.error, "");
  EXPECT_THAT(parsed.invocation.settings,
              ElementsAre("--port", "1", "--io=epoll", "--public-ready"));
  EXPECT_TRUE(parsed.invocation.has("--loud"));
}

TEST(Command, NumbersHaveBounds) {
  std::string error;
  Invocation invocation = parse_words(kPlain, {"x", "--count", "2.5"}).invocation;
  EXPECT_EQ(number_of(invocation, "--count", 7, 1, 10, error), 2.5);
  EXPECT_EQ(error, "");
  EXPECT_EQ(number_of({}, "--count", 7, 1, 10, error), 7);
  for (const char* text : {"11", "0.5", "x", "", "1e1", "1x", "-1", "nan", "inf"}) {
    error.clear();
    invocation.options["--count"] = text;
    (void)number_of(invocation, "--count", 7, 1, 10, error);
    EXPECT_EQ(error, "--count is a number from 1 to 10.") << text;
  }
}

TEST(Command, HelpHasItAll) {
  const std::string help = command_help(kPlain);
  EXPECT_THAT(help,
              AllOf(HasSubstr("Usage: livehub plain [OPTION]... URL\n"), HasSubstr("Do it."),
                    HasSubstr("  --kind a|b "), HasSubstr("  --count N "), HasSubstr("More.\n")));
}

TEST(Command, AllRowsAreComplete) {
  std::set<std::string_view> names = {"serve"};
  for (const Command* command : commands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
    EXPECT_THAT(std::string(command->summary), EndsWith(".")) << command->name;
    EXPECT_NE(command->run, nullptr) << command->name;
    EXPECT_EQ(find_command(command->name), command);
    EXPECT_THAT(commands_text(), HasSubstr(std::string(command->summary)));
    for (const Option& option : command->options)
      EXPECT_FALSE(option.help.empty()) << command->name << " " << option.name;
    std::string line;
    const std::string help = command_help(*command);
    for (const char c : help + "\n") {
      if (c != '\n') {
        line += c;
        continue;
      }
      EXPECT_LE(line.size(), 100U) << line;
      line.clear();
    }
  }
  EXPECT_EQ(find_command("serve"), nullptr);
}

TEST(Command, LinesOfTheServerAreLeftToIt) {
  const auto code = [](std::vector<const char*> words) {
    words.insert(words.begin(), "livehub");
    return run_command(static_cast<int>(words.size()), words.data(), {});
  };
  EXPECT_EQ(code({}), std::nullopt);
  EXPECT_EQ(code({"serve", "--port", "0"}), std::nullopt);
  EXPECT_EQ(code({"--port", "0"}), std::nullopt);
  EXPECT_EQ(code({"--help"}), std::nullopt);
  EXPECT_EQ(code({"tial"}), kExitUsage);
  EXPECT_EQ(code({"tail"}), kExitUsage);
}

TEST(Command, TheExitCodesAreTheServersToo) {
  EXPECT_EQ(kExitOk, server::kExitOk);
  EXPECT_EQ(kExitFailed, server::kExitRefused);
  EXPECT_EQ(kExitUsage, server::kExitUsage);
}

}  // namespace
}  // namespace livehub::tool
