// One command beside `serve`, as a table row: its help, its parsing and the shell's completion all
// come from it. To add a command: a row in a file of its own, and a line in commands.cc. immutable.
// Tests: tests/unit/tool/command_test.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace livehub::tool {

// How a command ends; `livehub help` says the same.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // what was asked for did not work out, or was found wrong
inline constexpr int kExitUsage = 2;   // the command line is not understood
inline constexpr int kExitUnreachable = 3;    // nobody answers there
inline constexpr int kExitRejected = 4;       // the server says no: token, origin or path
inline constexpr int kExitInterrupted = 130;  // by Ctrl-C, before the end

using Environment = std::map<std::string, std::string>;

struct Option {
  std::string_view name;     // "--rate"
  std::string_view value{};  // what it is called in the help; empty: a switch
  std::string_view help;
  std::string_view words{};  // "a|b": what may be given, where it is a choice
};

// A command line that was understood.
struct Invocation {
  std::map<std::string_view, std::string> options;  // by name; a switch has "1"
  std::vector<std::string> operands;
  std::vector<std::string> settings;  // flags of serve, as they stood there
  const Environment* environment = nullptr;

  bool has(std::string_view name) const { return options.contains(name); }
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  // A variable's value; empty counts as unset.
  std::optional<std::string> variable(std::string_view name) const;
};

struct Command {
  std::string_view name;
  std::string_view operands{};  // as the usage line has them, "URL"
  std::string_view summary;     // one sentence
  std::string_view about;       // what the help says below the options
  std::span<const Option> options{};
  size_t operands_least = 0;
  size_t operands_most = 0;
  bool takes_settings = false;  // the flags of serve as well
  int (*run)(const Invocation&);
};

struct Parsed {
  Invocation invocation;
  bool wants_help = false;
  std::string error;  // not empty: a sentence
};

// `words` stand behind the command's name.
[[nodiscard]] Parsed parse_words(const Command& command, const std::vector<std::string>& words);
[[nodiscard]] std::string command_help(const Command& command);

// A number within bounds that an option gave, else the fallback; a sentence in `error` otherwise.
[[nodiscard]] double number_of(const Invocation& invocation, std::string_view option,
                               double fallback, double least, double most, std::string& error);

// Says it on standard error, as all commands do.
void complain(std::string_view sentence);
[[nodiscard]] int usage_error(std::string_view command, std::string_view sentence);

}  // namespace livehub::tool
