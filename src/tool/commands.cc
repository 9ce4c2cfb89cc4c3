#include "tool/commands.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "server/command_line.h"
#include "server/setting_table.h"

namespace livehub::tool {
namespace {

constexpr size_t kNameColumn = 34;

constexpr std::string_view kCodes = R"(
Exit codes of the commands
  0  it worked                            3  nobody answers there
  1  it did not, or something is wrong    4  the server says no (token, origin, path)
  2  the command line is not understood   130  ended by Ctrl-C before it was done

Secrets are never arguments: they come from the environment, a file that NAME_FILE names, or
standard input.
)";

int run_help(const Invocation& invocation) {
  if (!invocation.operands.empty() && invocation.operands.front() != "serve") {
    const Command* command = find_command(invocation.operands.front());
    if (command == nullptr)
      return usage_error("help", "there is no command " + invocation.operands.front() + ".");
    std::fputs(command_help(*command).c_str(), stdout);
    return kExitOk;
  }
  const std::array<const char*, 2> words = {"livehub", "--help"};
  std::fputs(server::parse_command_line(2, words.data(), commands_text()).text.c_str(), stdout);
  std::fputs(kCodes.data(), stdout);
  return kExitOk;
}

bool is_for_server(int argc, const char* const* argv) {
  if (argc < 2) return true;
  const std::string_view first(argv[1]);
  return first.starts_with('-') || first == "serve";
}

bool asks_for_parts(int argc, const char* const* argv) {
  bool has_version = false;
  bool has_verbose = false;
  for (int i = 1; i < argc; ++i) {
    has_version |= std::string_view(argv[i]) == "--version";
    has_verbose |= std::string_view(argv[i]) == "--verbose";
  }
  return has_version && has_verbose && argc == 3;
}

int not_a_command(std::string_view word) {
  std::vector<std::string> known = {"serve"};
  for (const Command* command : commands()) known.emplace_back(command->name);
  const std::string nearest = server::nearest_name(word, known);
  complain("\"" + std::string(word) + "\" is not a command; " +
           (nearest.empty() ? "livehub --help lists them." : "did you mean " + nearest + "?"));
  return kExitUsage;
}

}  // namespace

const Command kHelp = {.name = "help",
                       .operands = "COMMAND",
                       .summary = "Explain a command, or all of it.",
                       .about = {},
                       .operands_most = 1,
                       .run = run_help};

std::span<const Command* const> commands() {
  static constexpr std::array kAll = {&kCheck, &kConfig,  &kProfiles,   &kProbe,  &kTail,
                                      &kPush,  &kTop,     &kTap,        &kToken,  &kLoad,
                                      &kHelp,  &kPgSetup, &kCompletion, &kVersion};
  return kAll;
}

const Command* find_command(std::string_view name) {
  for (const Command* command : commands())
    if (command->name == name) return command;
  return nullptr;
}

std::string commands_text() {
  std::string out;
  for (const Command* command : commands()) {
    std::string line = "  " + std::string(command->name);
    if (!command->operands.empty()) line += " " + std::string(command->operands);
    line.resize(kNameColumn, ' ');
    out += line + std::string(command->summary) + "\n";
  }
  return out;
}

std::optional<int> run_command(int argc, const char* const* argv, const Environment& environment) {
  std::vector<std::string> words(argv + std::min(argc, 2), argv + argc);
  if (asks_for_parts(argc, argv)) {
    words = {"--verbose"};
  } else if (is_for_server(argc, argv)) {
    return std::nullopt;
  }
  const Command* command = asks_for_parts(argc, argv) ? &kVersion : find_command(argv[1]);
  if (command == nullptr) return not_a_command(argv[1]);
  Parsed parsed = parse_words(*command, words);
  if (parsed.wants_help) {
    std::fputs(command_help(*command).c_str(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty()) return usage_error(command->name, parsed.error);
  parsed.invocation.environment = &environment;
  return command->run(parsed.invocation);
}

}  // namespace livehub::tool
