// livehub config: what the server would run with.
#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tool/commands.h"
#include "tool/effective.h"
#include "tool/printer.h"
#include "tool/schema.h"

namespace livehub::tool {
namespace {

int print_json(const server::Settings& settings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const EffectiveRow& row : effective_rows(settings)) {
    nlohmann::ordered_json entry = {{"name", row.setting->name}, {"source", row.source}};
    if (row.setting->type == server::SettingType::kSecret)
      entry["is_set"] = !row.value.empty();
    else if (row.value.empty())
      entry["value"] = nullptr;
    else
      entry["value"] = row.value;
    list.push_back(std::move(entry));
  }
  const nlohmann::ordered_json out = {{"profile", settings.profile},
                                      {"settings", std::move(list)},
                                      {"without_effect", settings.without_effect},
                                      {"warnings", settings.warnings}};
  return print_line(out.dump(2)) ? kExitOk : kExitFailed;
}

int print_table(const server::Settings& settings) {
  size_t name_width = 0;
  size_t value_width = 0;
  const auto rows = effective_rows(settings);
  for (const EffectiveRow& row : rows) {
    name_width = std::max(name_width, row.setting->name.size());
    value_width = std::min<size_t>(32, std::max(value_width, row.value.size()));
  }
  std::string_view group;
  for (const EffectiveRow& row : rows) {
    if (row.setting->group != group)
      (void)print_line((group.empty() ? "" : "\n") + std::string(row.setting->group));
    group = row.setting->group;
    std::string line = "  " + std::string(row.setting->name);
    line.resize(2 + name_width + 2, ' ');
    std::string value = row.value.empty() ? "-" : row.value;
    if (value.size() < value_width) value.resize(value_width, ' ');
    if (!print_line(line + value + "  " + row.source)) return kExitFailed;
  }
  for (const std::string& name : settings.without_effect)
    (void)print_line("\n" + name + " is set, and without effect here");
  for (const std::string& warning : settings.warnings) (void)print_line("\nwarning: " + warning);
  return kExitOk;
}

int run_config(const Invocation& invocation) {
  if (invocation.has("--schema") || invocation.has("--markdown")) {
    const std::string text = invocation.has("--schema") ? settings_schema() : settings_markdown();
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0 ? kExitOk : kExitFailed;
  }
  const Effective effective = load_effective(invocation);
  if (!effective.settings) {
    complain(effective.error);
    return kExitFailed;
  }
  return invocation.has("--json") ? print_json(*effective.settings)
                                  : print_table(*effective.settings);
}

constexpr std::array kOptions = {
    Option{.name = "--json", .help = "As one JSON object."},
    Option{.name = "--schema", .help = "The JSON schema of the settings file instead."},
    Option{.name = "--markdown", .help = "All settings as the tables of docs/OPERATING.md."},
};

constexpr std::string_view kAbout =
    R"(Shows every setting of the chosen profile with its value and where it came from: a flag, the
environment, FILE:LINE or the default. Of a secret it says only whether it is set.

Examples
  livehub config --config /etc/livehub.toml
  LIVEHUB_PROFILE=chat livehub config --json

Exit codes: 0 the settings are fine; 1 a server would not start with them; 2 not understood
)";

}  // namespace

const Command kConfig = {.name = "config",
                         .summary = "Show the settings that serve would run with.",
                         .about = kAbout,
                         .options = kOptions,
                         .takes_settings = true,
                         .run = run_config};

}  // namespace livehub::tool
