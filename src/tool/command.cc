#include "tool/command.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "server/setting_table.h"

namespace livehub::tool {
namespace {

constexpr size_t kColumn = 28;
constexpr size_t kWidth = 96;

const Option* find_option(const Command& command, std::string_view name) {
  for (const Option& option : command.options)
    if (option.name == name) return &option;
  return nullptr;
}

bool is_word_of(std::string_view words, std::string_view text) {
  while (!words.empty()) {
    const size_t bar = std::min(words.find('|'), words.size());
    if (words.substr(0, bar) == text) return true;
    words.remove_prefix(std::min(bar + 1, words.size()));
  }
  return false;
}

std::string unknown_option(const Command& command, std::string_view flag) {
  std::vector<std::string> known = {"--help"};
  for (const Option& option : command.options) known.emplace_back(option.name);
  const std::string nearest = server::nearest_name(flag, known);
  return std::string(flag) + " is not an option; " +
         (nearest.empty() ? "livehub " + std::string(command.name) + " --help lists them."
                          : "did you mean " + nearest + "?");
}

// One option with its value; `next` moves on where the value is a word of its own.
std::string take_option(const Command& command, const std::vector<std::string>& words, size_t& next,
                        Parsed& parsed) {
  const std::string& word = words[next];
  const size_t equals = word.find('=');
  const std::string flag = word.substr(0, equals);
  const Option* option = find_option(command, flag);
  const bool has_next = next + 1 < words.size();
  if (option == nullptr && command.takes_settings) {
    parsed.invocation.settings.push_back(word);
    const bool has_value = equals == std::string::npos && has_next && words[next + 1][0] != '-';
    if (has_value) parsed.invocation.settings.push_back(words[++next]);
    return {};
  }
  if (option == nullptr) return unknown_option(command, flag);
  if (parsed.invocation.has(option->name)) return flag + " is given twice; give it once.";
  if (option->value.empty()) {
    if (equals != std::string::npos) return flag + " takes no value.";
    parsed.invocation.options[option->name] = "1";
    return {};
  }
  if (equals == std::string::npos && !has_next)
    return flag + " needs a value: " + std::string(option->value) + ".";
  const std::string value = equals == std::string::npos ? words[++next] : word.substr(equals + 1);
  if (!option->words.empty() && !is_word_of(option->words, value))
    return flag + " is one of " + std::string(option->words) + ".";
  parsed.invocation.options[option->name] = value;
  return {};
}

std::string check_operands(const Command& command, const Invocation& invocation) {
  const size_t count = invocation.operands.size();
  if (count < command.operands_least)
    return "say " + std::string(command.operands) + " (livehub " + std::string(command.name) +
           " --help).";
  if (count > command.operands_most)
    return "\"" + invocation.operands[command.operands_most] + "\" is one word too many (livehub " +
           std::string(command.name) + " --help).";
  return {};
}

// `text` behind `head`, from kColumn on, broken between words.
std::string two_columns(std::string head, std::string_view text) {
  if (head.size() + 1 > kColumn)
    head += "\n" + std::string(kColumn, ' ');
  else
    head.resize(kColumn, ' ');
  size_t column = kColumn;
  while (!text.empty()) {
    const size_t blank = std::min(text.find(' '), text.size());
    if (column > kColumn && column + 1 + blank > kWidth) {
      head += "\n" + std::string(kColumn, ' ');
      column = kColumn;
    } else if (column > kColumn) {
      head += ' ';
      ++column;
    }
    head += text.substr(0, blank);
    column += blank;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return head + "\n";
}

}  // namespace

std::string Invocation::text(std::string_view name, std::string_view fallback) const {
  const auto found = options.find(name);
  return found == options.end() ? std::string(fallback) : found->second;
}

std::optional<std::string> Invocation::variable(std::string_view name) const {
  if (environment == nullptr) return std::nullopt;
  const auto found = environment->find(std::string(name));
  if (found == environment->end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Parsed parse_words(const Command& command, const std::vector<std::string>& words) {
  Parsed parsed;
  bool is_over = false;  // behind "--" everything is an operand
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (is_over || word.size() < 2 || word[0] != '-') {
      parsed.invocation.operands.push_back(word);
    } else if (word == "--") {
      is_over = true;
    } else if (word == "--help" || word == "-h") {
      parsed.wants_help = true;
      return parsed;
    } else {
      parsed.error = take_option(command, words, i, parsed);
      if (!parsed.error.empty()) return parsed;
    }
  }
  parsed.error = check_operands(command, parsed.invocation);
  return parsed;
}

std::string command_help(const Command& command) {
  std::string out(command.summary);
  out += "\n\nUsage: livehub " + std::string(command.name);
  if (!command.options.empty()) out += " [OPTION]...";
  if (command.takes_settings) out += " [FLAG OF serve]...";
  if (!command.operands.empty())
    out += command.operands_least == 0 ? " [" + std::string(command.operands) + "]"
                                       : " " + std::string(command.operands);
  out += "\n\n";
  for (const Option& option : command.options) {
    std::string head = "  " + std::string(option.name);
    if (!option.value.empty())
      head += " " + std::string(option.words.empty() ? option.value : option.words);
    out += two_columns(std::move(head), option.help);
  }
  out += two_columns("  -h, --help", "Print this and end.");
  std::string_view about = command.about;
  if (about.starts_with('\n')) about.remove_prefix(1);  // there for the source's sake
  if (!about.empty()) out += "\n" + std::string(about);
  if (about.find("Exit codes") == about.npos)
    out += "\nExit codes: 0 done; 1 it did not work; 2 not understood\n";
  return out;
}

double number_of(const Invocation& invocation, std::string_view option, double fallback,
                 double least, double most, std::string& error) {
  const auto found = invocation.options.find(option);
  if (found == invocation.options.end()) return fallback;
  const std::string& text = found->second;
  double number = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (code == std::errc() && end == text.data() + text.size() && number >= least && number <= most)
    return number;
  const auto shown = [](double value) {
    std::string digits = std::to_string(value);
    digits.erase(digits.find_last_not_of('0') + 1);
    return digits.ends_with('.') ? digits.substr(0, digits.size() - 1) : digits;
  };
  error = std::string(option) + " is a number from " + shown(least) + " to " + shown(most) + ".";
  return fallback;
}

void complain(std::string_view sentence) {
  std::fprintf(stderr, "livehub: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

int usage_error(std::string_view command, std::string_view sentence) {
  complain(std::string(command) + ": " + std::string(sentence));
  return kExitUsage;
}

}  // namespace livehub::tool
