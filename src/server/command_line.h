// argc and argv to settings by canonical name; the values are checked by load_settings(). startup.
// Tests: tests/unit/server/command_line_test.cc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::server {

// How the program ends; --help says the same.
inline constexpr int kExitOk = 0;       // drained, or asked only for help or the version
inline constexpr int kExitRefused = 1;  // a setting, the port or the machine forbids the start
inline constexpr int kExitUsage = 2;    // the command line is not understood

struct CommandLine {
  enum class Action { kServe, kHelp, kVersion, kError };
  Action action = Action::kServe;
  std::string text;  // the help, the version or a sentence that says what is not understood
  std::map<std::string, std::string> flags;
  std::optional<std::string> config_file;
};

// `commands`: the lines of the help that name the other commands.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv,
                                             std::string_view commands = {});

}  // namespace livehub::server
