#include "server/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

#include "server/setting_table.h"

namespace livehub::server {
namespace {

constexpr size_t kHelpColumn = 34;
constexpr size_t kHelpWidth = 100;
constexpr std::string_view kConfigName = "LIVEHUB_CONFIG";

constexpr std::string_view kHelpHead =
    R"(livehub: live updates for browsers over SSE and WebSocket

Usage: livehub [serve] [--flag VALUE]...
       livehub COMMAND --help

  serve                           Start the server; the default.
)";

constexpr std::string_view kHelpFlags = R"(
  -h, --help                      Print this and end.
  --version                       Print the version and end; with --verbose the libraries too.
)";

constexpr std::string_view kHelpFoot = R"(
Examples
  livehub                                      serve live-data on port 8787
  livehub --port 0 --admin-port auto           take free ports; the first line on stdout names them
  livehub --config /etc/livehub.toml --shards 4
  LIVE_PUSH_TOKEN_FILE=/run/secrets/push livehub --history-seconds 60

Where settings come from
  A flag wins over the environment, and that over the TOML file (--config, LIVEHUB_CONFIG).
  In the file each setting is a key at the top: port = 8787, history_bytes = "4m".
  Secrets are never flags: put them in the environment or the file, or their path in NAME_FILE.
  What is unknown or makes no sense stops the start with a sentence; an empty variable is unset.

Exit codes
  0  ended as asked, clients drained
  1  the start was refused: a setting, the port or the machine does not allow it
  2  the command line is not understood
  3  out of memory, while it ran
)";

// The name by which a flag is handed on; secrets have only their file as one.
std::string flag_name(const Setting& setting) {
  return setting.type == SettingType::kSecret ? secret_file_name(setting)
                                              : std::string(setting.name);
}

std::string_view value_word(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kBytes:
    case SettingType::kPowerOfTwo:
      return "BYTES";
    case SettingType::kSeconds:
      return "SECONDS";
    case SettingType::kMilliseconds:
      return "MS";
    case SettingType::kChoice:
      return setting.words;
    case SettingType::kBool:
      return "1|0";
    case SettingType::kAddress:
      return "ADDRESS";
    case SettingType::kNetworks:
    case SettingType::kOrigins:
      return "LIST";
    case SettingType::kFile:
    case SettingType::kSecret:
      return "FILE";
    case SettingType::kText:
      return "TEXT";
    case SettingType::kInteger:
      break;
  }
  return setting.words == "auto" ? "N|auto" : "N";
}

// `text` from kHelpColumn on, broken between words.
std::string wrapped(std::string line, std::string_view text) {
  if (line.size() + 1 > kHelpColumn)
    line += "\n" + std::string(kHelpColumn, ' ');
  else
    line.resize(kHelpColumn, ' ');
  size_t column = kHelpColumn;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    if (column + 1 + blank > kHelpWidth) {
      line += "\n" + std::string(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      line += ' ';
      ++column;
    }
    line += text.substr(0, blank);
    column += blank;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return line + "\n";
}

std::string setting_help(const Setting& setting) {
  std::string text(setting.help);
  text += " [" + flag_name(setting);
  if (!setting.default_text.empty()) text += ", default " + std::string(setting.default_text);
  std::string flag = "  " + setting_flag(flag_name(setting)) + " ";
  flag += value_word(setting);
  return wrapped(std::move(flag), text + "]");
}

std::string help_text(std::string_view commands) {
  std::string out(kHelpHead);
  out += commands;
  out += kHelpFlags;
  std::string_view group;
  for (const Setting& setting : setting_table()) {
    if (setting.group != group) out += "\n" + std::string(setting.group) + "\n";
    group = setting.group;
    out += setting_help(setting);
  }
  return out += kHelpFoot;
}

CommandLine failed(std::string sentence) {
  return {CommandLine::Action::kError, std::move(sentence), {}, std::nullopt};
}

// What no option took: the first of it decides the sentence. Values are not repeated, they may be
// secrets.
CommandLine not_understood(const std::string& extra, const std::vector<std::string>& known) {
  if (!extra.starts_with('-'))
    return failed("\"" + extra + "\" is not a command; livehub --help lists them.");
  const std::string flag = extra.substr(0, extra.find('='));
  for (const Setting& setting : setting_table()) {
    if (setting.type == SettingType::kSecret && setting_flag(setting.name) == flag)
      return failed(flag + " is no flag: other users of the machine can read a command line; set " +
                    std::string(setting.name) + " in the environment, or give " +
                    setting_flag(secret_file_name(setting)) + " the path of a file.");
  }
  const std::string nearest = nearest_name(flag, known);
  return failed(flag + " is not a flag; " +
                (nearest.empty() ? "livehub --help lists them." : "did you mean " + nearest + "?"));
}

// An option's value, or a sentence in `error`.
std::string value_of(const Setting& setting, const CLI::Option& option, std::string& error) {
  const std::string flag = setting_flag(flag_name(setting));
  if (option.count() > 1) error = flag + " is given twice; give it once.";
  const std::string& text = option.results().front();
  if (!text.empty()) return text;
  if (setting.type == SettingType::kBool) return "1";
  if (error.empty()) error = flag + " needs a value: " + allowed_text(setting) + ".";
  return {};
}

struct Parser {
  CLI::App app;
  std::vector<std::pair<const Setting*, const CLI::Option*>> options;
  const CLI::Option* help = nullptr;
  const CLI::Option* version = nullptr;

  Parser() {
    app.set_help_flag("");  // ours is made from the table
    app.allow_extras();
    help = app.add_flag("-h,--help");
    version = app.add_flag("--version");
    // Missing and repeated values are ours to name, so that all sentences are alike.
    for (const Setting& setting : setting_table())
      options.emplace_back(&setting, app.add_option(setting_flag(flag_name(setting)))
                                         ->expected(0, 1)
                                         ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
    CLI::App* serve = app.add_subcommand("serve");
    serve->fallthrough()->allow_extras();
    serve->set_help_flag("");
  }
};

CommandLine read_parsed(const Parser& parser, std::string_view commands) {
  CommandLine line;
  if (parser.help->count() > 0) {
    line.action = CommandLine::Action::kHelp;
    line.text = help_text(commands);
    return line;
  }
  if (parser.version->count() > 0) {
    line.action = CommandLine::Action::kVersion;
    line.text = "livehub " LIVEHUB_VERSION "\n";
    return line;
  }
  std::vector<std::string> known = {"--help", "--version"};
  for (const auto& [setting, option] : parser.options)
    known.push_back(setting_flag(flag_name(*setting)));
  if (const std::vector<std::string> extras = parser.app.remaining(true); !extras.empty())
    return not_understood(extras.front(), known);
  for (const auto& [setting, option] : parser.options) {
    if (option->count() == 0) continue;
    std::string error;
    const std::string text = value_of(*setting, *option, error);
    if (!error.empty()) return failed(error);
    if (setting->name == kConfigName)
      line.config_file = text;
    else
      line.flags[flag_name(*setting)] = text;
  }
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, std::string_view commands) {
  Parser parser;
  // Exceptions do not pass start-up: CLI11 tells of what it does not understand with one.
  try {
    parser.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return failed(std::string(error.what()) + " (livehub --help).");
  }
  return read_parsed(parser, commands);
}

}  // namespace livehub::server
