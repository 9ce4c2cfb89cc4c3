// livehub completion: what the shell needs to finish our words.
#include <array>
#include <cstdio>

#include "profile/profiles.h"
#include "server/setting_table.h"
#include "tool/commands.h"

namespace livehub::tool {
namespace {

constexpr std::string_view kHead =
    R"bash(# bash completion of livehub; use it with: source <(livehub completion bash)
_livehub() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= words= i
)bash";

constexpr std::string_view kFindCommand = R"bash(
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
  done
  case $previous in
)bash";

constexpr std::string_view kBetween = R"bash(    *) words= ;;
  esac
  if [[ -z $words ]]; then
    case $command in
)bash";

constexpr std::string_view kFoot = R"bash(      "") words="$names $serve" ;;
      *) words=$serve ;;
    esac
    [[ $command == help ]] && words=$names
    [[ $command == completion ]] && words=bash
    [[ $command == profiles ]] && words+=" $names_of_profiles"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _livehub livehub
)bash";

std::string profile_names() {
  std::string out;
  for (const profile::ProfileEntry& entry : profile::profiles())
    out += (out.empty() ? "" : " ") + std::string(entry.name);
  return out;
}

std::string with_blanks(std::string_view words) {
  std::string out(words);
  for (char& c : out)
    if (c == '|') c = ' ';
  return out;
}

std::string serve_flags() {
  std::string out = "--help --version";
  for (const server::Setting& setting : server::setting_table())
    out += " " + server::setting_flag(setting.type == server::SettingType::kSecret
                                          ? server::secret_file_name(setting)
                                          : std::string(setting.name));
  return out;
}

// Cases of what may follow an option: "--io) words="auto uring epoll" ;;".
std::string value_cases() {
  std::string out;
  const auto add = [&out](std::string_view flag, std::string_view words) {
    out += "    " + std::string(flag) + ") words=\"" + with_blanks(words) + "\" ;;\n";
  };
  for (const server::Setting& setting : server::setting_table()) {
    if (setting.type == server::SettingType::kChoice || setting.words == "auto")
      add(server::setting_flag(setting.name), setting.words);
    if (setting.type == server::SettingType::kBool) add(server::setting_flag(setting.name), "1|0");
  }
  std::string files;
  for (const server::Setting& setting : server::setting_table())
    if (setting.type == server::SettingType::kFile || setting.type == server::SettingType::kSecret)
      files += (files.empty() ? "" : "|") +
               server::setting_flag(setting.type == server::SettingType::kSecret
                                        ? server::secret_file_name(setting)
                                        : std::string(setting.name));
  out += "    " + files + ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n";
  for (const Command* command : commands())
    for (const Option& option : command->options)
      if (!option.words.empty() && option.name != "--profile") add(option.name, option.words);
  return out;
}

std::string option_cases() {
  std::string out;
  for (const Command* command : commands()) {
    out += "      " + std::string(command->name) + ") words=\"--help";
    for (const Option& option : command->options) out += " " + std::string(option.name);
    if (command->takes_settings) out += " $serve";
    out += "\" ;;\n";
  }
  return out;
}

std::string bash_script() {
  std::string names = "serve";
  for (const Command* command : commands()) names += " " + std::string(command->name);
  std::string out(kHead);
  out += "  local serve='" + serve_flags() + "'\n  local names='" + names +
         "'\n  local names_of_profiles='" + profile_names() + "'\n";
  out += kFindCommand;
  out += value_cases();
  out += kBetween;
  out += option_cases();
  out += kFoot;
  return out;
}

int run_completion(const Invocation& invocation) {
  if (invocation.operands.front() != "bash")
    return usage_error("completion", "there is only bash.");
  std::fputs(bash_script().c_str(), stdout);
  return std::fflush(stdout) == 0 ? kExitOk : kExitFailed;
}

}  // namespace

const Command kCompletion = {
    .name = "completion",
    .operands = "bash",
    .summary = "Print a script that completes livehub's words in the shell.",
    .about = "Put this into ~/.bashrc:\n  source <(livehub completion bash)\n",
    .operands_least = 1,
    .operands_most = 1,
    .run = run_completion};

}  // namespace livehub::tool
