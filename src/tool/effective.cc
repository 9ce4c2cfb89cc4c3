#include "tool/effective.h"

#include <array>

#include "profile/profiles.h"
#include "server/command_line.h"

namespace livehub::tool {
namespace {

using server::Setting;

struct EngineNumber {
  std::string_view name;
  uint64_t (*read)(const EngineOptions&);
};

template <auto kMember>
uint64_t read_member(const EngineOptions& engine) {
  return static_cast<uint64_t>(engine.*kMember);
}

using E = EngineOptions;
// Those that a profile may have a default of its own for.
constexpr std::array kNumbers = {
    EngineNumber{"HEARTBEAT_SECONDS", read_member<&E::heartbeat_seconds>},
    EngineNumber{"PING_SECONDS", read_member<&E::ping_seconds>},
    EngineNumber{"PONG_SECONDS", read_member<&E::pong_seconds>},
    EngineNumber{"HEAD_SECONDS", read_member<&E::head_seconds>},
    EngineNumber{"IDLE_SECONDS", read_member<&E::idle_seconds>},
    EngineNumber{"CLOSE_SECONDS", read_member<&E::close_seconds>},
    EngineNumber{"HISTORY_COUNT", read_member<&E::history_count>},
    EngineNumber{"HISTORY_SECONDS", read_member<&E::history_seconds>},
    EngineNumber{"PUSH_WAIT_MS", read_member<&E::push_wait_ms>},
    EngineNumber{"PORT", read_member<&E::port>},
};

std::string slow_reader_text(SlowReader policy) {
  switch (policy) {
    case SlowReader::kSkip:
      return "skip";
    case SlowReader::kNewest:
      return "newest";
    case SlowReader::kDisconnect:
      break;
  }
  return "disconnect";
}

}  // namespace

Effective load_effective(const Invocation& invocation) {
  std::vector<const char*> words = {"livehub"};
  for (const std::string& word : invocation.settings) words.push_back(word.c_str());
  const server::CommandLine line =
      server::parse_command_line(static_cast<int>(words.size()), words.data());
  if (line.action == server::CommandLine::Action::kError) return {std::nullopt, line.text};
  auto result = server::load_settings(line.flags, *invocation.environment, line.config_file);
  return {std::move(result.settings), std::move(result.error)};
}

std::optional<std::string> engine_value(const EngineOptions& engine, std::string_view name) {
  if (name == "SLOW_READER") return slow_reader_text(engine.slow_reader);
  for (const EngineNumber& number : kNumbers)
    if (number.name == name) return std::to_string(number.read(engine));
  return std::nullopt;
}

std::string default_of(const Setting& setting, std::string_view profile) {
  const profile::ProfileEntry* entry = profile::find_profile(profile);
  if (entry != nullptr && !entry->default_of(setting.name).empty())
    return std::string(entry->default_of(setting.name));
  if (entry == nullptr || entry->set_defaults == nullptr) return std::string(setting.default_text);
  const EngineOptions plain;
  EngineOptions own;
  entry->set_defaults(own);
  const auto value = engine_value(own, setting.name);
  if (value && value != engine_value(plain, setting.name)) return *value;
  return std::string(setting.default_text);
}

std::vector<EffectiveRow> effective_rows(const server::Settings& settings) {
  std::vector<EffectiveRow> rows;
  for (const Setting& setting : server::setting_table()) {
    if (!server::is_setting_of(setting, settings.profile)) continue;
    EffectiveRow row;
    row.setting = &setting;
    const auto given = settings.given.find(std::string(setting.name));
    const bool is_given = given != settings.given.end();
    const bool is_secret = setting.type == server::SettingType::kSecret;
    row.source = is_given ? given->second.source : "default";
    row.value = is_given && is_secret ? "(set)"
                : is_given            ? given->second.text
                                      : default_of(setting, settings.profile);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace livehub::tool
