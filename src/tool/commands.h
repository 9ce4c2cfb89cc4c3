// All commands beside `serve`, and which of them a command line names. startup.
// Tests: tests/unit/tool/command_test.cc, tests/integration/tools.test.mjs.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "tool/command.h"

namespace livehub::tool {

[[nodiscard]] std::span<const Command* const> commands();
[[nodiscard]] const Command* find_command(std::string_view name);
// The list of them, for the help of the whole program.
[[nodiscard]] std::string commands_text();

// Runs the command that the line names and returns its exit code; nothing where the line is for the
// server: no command, `serve`, or only flags.
[[nodiscard]] std::optional<int> run_command(int argc, const char* const* argv,
                                             const Environment& environment);

// One row each, in the file of that name.
extern const Command kCheck;
extern const Command kCompletion;
extern const Command kConfig;
extern const Command kHelp;
extern const Command kLoad;
extern const Command kPgSetup;
extern const Command kProbe;
extern const Command kProfiles;
extern const Command kPush;
extern const Command kTail;
extern const Command kTap;
extern const Command kToken;
extern const Command kTop;
extern const Command kVersion;

}  // namespace livehub::tool
