#include "tool/schema.h"

#include <nlohmann/json.hpp>

#include "profile/profiles.h"
#include "server/setting_table.h"

namespace livehub::tool {
namespace {

using Json = nlohmann::ordered_json;
using server::Setting;
using server::SettingType;

constexpr uint64_t kExactMost = uint64_t{1} << 53;

std::vector<std::string> words_of(std::string_view words) {
  std::vector<std::string> out;
  while (!words.empty()) {
    const size_t bar = std::min(words.find('|'), words.size());
    out.emplace_back(words.substr(0, bar));
    words.remove_prefix(std::min(bar + 1, words.size()));
  }
  return out;
}

Json bounded(const char* type, const Setting& setting) {
  Json number = {{"type", type}, {"minimum", setting.least}};
  if (setting.most <= kExactMost) number["maximum"] = setting.most;
  return number;
}

// A number as TOML has it, or as text with its unit; "auto" where that is allowed.
Json number_schema(const Setting& setting, const char* pattern) {
  Json any = Json::array({bounded("integer", setting), {{"type", "string"}, {"pattern", pattern}}});
  if (setting.words == "auto") any.push_back({{"const", "auto"}});
  return {{"anyOf", std::move(any)}};
}

Json value_schema(const Setting& setting) {
  switch (setting.type) {
    case SettingType::kInteger:
    case SettingType::kMilliseconds:
      return number_schema(setting, "^[0-9]+$");
    case SettingType::kBytes:
    case SettingType::kPowerOfTwo:
      return number_schema(setting, "^[0-9]+[kKmMgG]?$");
    case SettingType::kSeconds:
      return {{"anyOf", Json::array({bounded("number", setting),
                                     {{"type", "string"}, {"pattern", "^[0-9]+([.][0-9]+)?$"}}})}};
    case SettingType::kChoice:
      return {{"type", "string"}, {"enum", words_of(setting.words)}};
    case SettingType::kBool:
      return {{"anyOf",
               Json::array({{{"type", "boolean"}}, {{"enum", {0, 1}}}, {{"type", "string"}}})}};
    case SettingType::kNetworks:
    case SettingType::kOrigins:
      return {{"anyOf", Json::array({{{"type", "string"}},
                                     {{"type", "array"}, {"items", {{"type", "string"}}}}})}};
    case SettingType::kSecret:
      return {{"type", "string"}, {"minLength", 1}, {"writeOnly", true}};
    case SettingType::kAddress:
    case SettingType::kFile:
    case SettingType::kText:
      break;
  }
  return {{"type", "string"}, {"minLength", 1}};
}

std::string markdown_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string settings_schema() {
  Json properties = Json::object();
  for (const Setting& setting : server::setting_table()) {
    if (setting.name == "LIVEHUB_CONFIG") continue;
    Json schema = value_schema(setting);
    schema["description"] = std::string(setting.help) + " Allowed: " + allowed_text(setting) + ".";
    if (!setting.default_text.empty()) schema["default"] = setting.default_text;
    schema["x-environment"] = setting.name;
    schema["x-group"] = setting.group;
    if (!setting.profile.empty()) schema["x-profiles"] = words_of(setting.profile);
    if (setting.has_no_effect) schema["x-without-effect"] = true;
    properties[server::setting_key(setting.name)] = std::move(schema);
    if (setting.type != SettingType::kSecret) continue;
    properties[server::setting_key(server::secret_file_name(setting))] = {
        {"type", "string"},
        {"description", "The path of a file that holds " + std::string(setting.name) + "."},
        {"x-environment", server::secret_file_name(setting)}};
  }
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "livehub settings file (TOML)"},
                       {"type", "object"},
                       {"properties", std::move(properties)},
                       {"additionalProperties", false}};
  return schema.dump(2) + "\n";
}

std::string settings_markdown() {
  std::string out;
  std::string_view group;
  for (const Setting& setting : server::setting_table()) {
    if (setting.group != group) {
      out += (out.empty() ? "### " : "\n### ") + std::string(setting.group) +
             "\n\n| setting | default | allowed | what it is |\n|---|---|---|---|\n";
    }
    group = setting.group;
    const std::string shown_default =
        setting.default_text.empty() ? "" : "`" + markdown_cell(setting.default_text) + "`";
    out += "| `" + std::string(setting.name) + "` | " + shown_default + " | " +
           markdown_cell(allowed_text(setting)) + " | " + markdown_cell(setting.help) +
           (setting.has_no_effect ? " Without effect here." : "") + " |\n";
  }
  return out;
}

}  // namespace livehub::tool
