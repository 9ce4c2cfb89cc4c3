// livehub profiles: which services there are, and their settings.
#include "profile/profiles.h"

#include <array>
#include <nlohmann/json.hpp>

#include "tool/commands.h"
#include "tool/effective.h"
#include "tool/printer.h"

namespace livehub::tool {
namespace {

using Json = nlohmann::ordered_json;

Json profile_json(const profile::ProfileEntry& entry) {
  Json settings = Json::array();
  Json defaults = Json::object();
  for (const server::Setting& setting : server::setting_table()) {
    const std::string value = default_of(setting, entry.name);
    if (setting.profile.empty()) {
      if (value != setting.default_text) defaults[std::string(setting.name)] = value;
      continue;
    }
    if (!server::is_setting_of(setting, entry.name)) continue;
    settings.push_back({{"name", setting.name},
                        {"default", value.empty() ? Json(nullptr) : Json(value)},
                        {"allowed", allowed_text(setting)},
                        {"help", setting.help}});
  }
  return {{"name", entry.name},
          {"summary", entry.summary},
          {"settings", std::move(settings)},
          {"own_defaults", std::move(defaults)}};
}

void print_profile(const Json& profile) {
  (void)print_line(profile["name"].get<std::string>() + ": " +
                   profile["summary"].get<std::string>());
  for (const Json& setting : profile["settings"]) {
    std::string line = "  " + setting["name"].get<std::string>();
    line.resize(std::max<size_t>(30, line.size() + 1), ' ');
    const std::string value =
        setting["default"].is_null() ? "" : " [" + setting["default"].get<std::string>() + "]";
    (void)print_line(line + setting["help"].get<std::string>() + value);
  }
  for (const auto& [name, value] : profile["own_defaults"].items())
    (void)print_line("  its own default: " + name + "=" + value.get<std::string>());
}

int run_profiles(const Invocation& invocation) {
  const std::string wanted = invocation.operands.empty() ? "" : invocation.operands.front();
  Json list = Json::array();
  for (const profile::ProfileEntry& entry : profile::profiles())
    if (wanted.empty() || wanted == entry.name) list.push_back(profile_json(entry));
  if (list.empty()) {
    complain("profiles: there is no profile " + wanted + "; livehub profiles lists them.");
    return kExitFailed;
  }
  if (invocation.has("--json")) return print_line(list.dump(2)) ? kExitOk : kExitFailed;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) (void)print_line("");
    print_profile(list[i]);
  }
  return kExitOk;
}

constexpr std::array kOptions = {
    Option{.name = "--json", .help = "As a JSON list."},
};

}  // namespace

const Command kProfiles = {
    .name = "profiles",
    .operands = "NAME",
    .summary = "List the services it can be, with their settings and defaults.",
    .about = "The settings that all profiles have: livehub --help, livehub config.\n",
    .options = kOptions,
    .operands_most = 1,
    .run = run_profiles};

}  // namespace livehub::tool
