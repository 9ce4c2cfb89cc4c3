#include "server/settings.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/check.h"
#include "profile/profiles.h"
#include "server/config_file.h"
#include "server/setting_table.h"

namespace livehub::server {
namespace {

constexpr size_t kSecretFileBytesMax = 64 << 10;
constexpr const char* kFlyProxies = "172.16.0.0/12";  // where Fly's proxy connects from
constexpr std::string_view kPrefix = "LIVEHUB_";
constexpr std::string_view kConfigName = "LIVEHUB_CONFIG";
constexpr std::string_view kEnvironment = "environment";

// A value as it was given, before it is checked.
struct Given {
  std::string text;
  std::string source;     // for the sentence: "flag --port", "environment", "/etc/livehub.toml:3"
  bool is_file = false;   // `text` is the path of a file with the secret
  bool is_string = true;  // only TOML has others
};

// A name that was understood: a setting, or the NAME_FILE of a secret.
struct Known {
  const Setting* setting = nullptr;
  bool is_file = false;
};

Known find_setting(std::string_view key) {
  for (const Setting& setting : setting_table()) {
    if (setting_key(setting.name) == key) return {&setting, false};
    if (setting.type == SettingType::kSecret && setting_key(secret_file_name(setting)) == key)
      return {&setting, true};
  }
  return {};
}

const Setting& setting_of(std::string_view key) {
  const Setting* setting = find_setting(key).setting;
  LIVEHUB_CHECK(setting != nullptr, "a key that stands in this file is a setting's");
  return *setting;
}

bool needs_string(SettingType type) {
  return type == SettingType::kSecret || type == SettingType::kOrigins ||
         type == SettingType::kNetworks || type == SettingType::kAddress;
}

// A sentence stays one line, whatever was given.
std::string printable(std::string_view text) {
  constexpr size_t kShown = 80;
  std::string out;
  for (const char c : text.substr(0, kShown)) out += (c >= 0 && c < ' ') || c == '\x7f' ? '?' : c;
  return out + (text.size() > kShown ? "..." : "");
}

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

std::string unknown_name(const std::string& name, const std::string& place,
                         std::span<const std::string> known) {
  const std::string nearest = nearest_name(name, known);
  return printable(name) + " (" + place + ") is not a setting; " +
         (nearest.empty() ? "livehub --help lists them." : "did you mean " + nearest + "?");
}

class Loader {
 public:
  // Each returns a sentence, or nothing if all is well. The first source that has a setting wins.
  std::string take_flags(const std::map<std::string, std::string>& flags);
  std::string take_environment(const std::map<std::string, std::string>& environment);
  std::string take_file(const std::string& path);
  std::string resolve();

  Settings settings;

 private:
  std::string take(const Known& known, Given given);
  std::string read_secret(const Setting& setting, Given& given) const;
  std::string choose_profile();
  std::string check_live_data();
  std::string source_of(std::string_view name) const;

  std::map<std::string_view, Given> given_;      // by canonical name
  std::map<std::string_view, Given> in_source_;  // of the source being taken
  void end_source() { given_.merge(in_source_), in_source_.clear(); }
};

// Within one source nothing may be said twice; over the sources the first wins.
std::string Loader::take(const Known& known, Given given) {
  const std::string source = given.source;
  given.is_file = known.is_file;
  const auto [place, is_new] = in_source_.emplace(known.setting->name, std::move(given));
  if (is_new) return {};
  return std::string(known.setting->name) + " is given twice (" + place->second.source + " and " +
         source + "); give it once.";
}

std::string Loader::take_flags(const std::map<std::string, std::string>& flags) {
  for (const auto& [name, text] : flags) {
    const std::string flag = setting_flag(name);
    const Known known = find_setting(setting_key(name));
    if (known.setting == nullptr) return unknown_name(flag, "flag", {});
    if (known.setting->type == SettingType::kSecret && !known.is_file)
      return flag + " is no flag: other users of the machine can read a command line; set " + name +
             " in the environment or " + secret_file_name(*known.setting) +
             " to the path of a file.";
    if (std::string error = take(known, {text, "flag " + flag}); !error.empty()) return error;
  }
  end_source();
  return {};
}

std::string Loader::take_environment(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> names;
  for (const Setting& setting : setting_table()) {
    names.emplace_back(setting.name);
    if (setting.type == SettingType::kSecret) names.push_back(secret_file_name(setting));
  }
  for (const auto& [name, text] : environment) {
    if (text.empty()) continue;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      if (name.starts_with(kPrefix)) return unknown_name(name, "environment", names);
      continue;
    }
    const Known known = find_setting(setting_key(name));
    const std::string source =
        known.is_file ? name + " in the environment" : std::string(kEnvironment);
    if (std::string error = take(known, {text, source}); !error.empty()) return error;
  }
  end_source();
  const auto app = environment.find("FLY_APP_NAME");
  settings.engine.is_on_fly = app != environment.end() && !app->second.empty();
  if (settings.engine.is_on_fly) {
    settings.fly_app = app->second;
    settings.admin_host = "[::]";
    settings.engine.trusted_proxies = kFlyProxies;
  }
  return {};
}

std::string Loader::take_file(const std::string& path) {
  ConfigFile file = read_config_file(path);
  if (!file.error.empty()) return file.error;
  std::vector<std::string> keys;
  for (const Setting& setting : setting_table()) {
    if (setting.name == kConfigName) continue;
    keys.push_back(setting_key(setting.name));
    if (setting.type == SettingType::kSecret)
      keys.push_back(setting_key(secret_file_name(setting)));
  }
  for (ConfigEntry& entry : file.entries) {
    const std::string place = path + ":" + std::to_string(entry.line);
    const std::string key = entry.key.starts_with("livehub_") ? setting_key(entry.key) : entry.key;
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      return unknown_name(entry.key, place, keys);
    Given given{std::move(entry.text), place};
    given.is_string = entry.is_string;
    if (std::string error = take(find_setting(key), std::move(given)); !error.empty()) return error;
  }
  end_source();
  return {};
}

std::string Loader::read_secret(const Setting& setting, Given& given) const {
  const std::string path = std::exchange(given.text, {});
  std::string why;
  if (!read_small_file(path, kSecretFileBytesMax, given.text, why))
    return std::string(setting.name) + " cannot be read from " + quoted(path) + " (" +
           given.source + "): " + why + ".";
  while (given.text.ends_with('\n') || given.text.ends_with('\r')) given.text.pop_back();
  return {};
}

std::string Loader::resolve() {
  if (std::string error = choose_profile(); !error.empty()) return error;
  for (const Setting& setting : setting_table()) {
    const auto found = given_.find(setting.name);
    if (found == given_.end() || setting.name == kConfigName) continue;
    Given& given = found->second;
    const std::string name(setting.name);
    if (!is_setting_of(setting, settings.profile)) {  // in the environment it is another program's
      if (given.source != kEnvironment) settings.without_effect.push_back(name);
      continue;
    }
    if (needs_string(setting.type) && !given.is_string)
      return name + " (" + given.source + ") is not a string; write it in quotes.";
    if (given.is_file) {
      if (std::string error = read_secret(setting, given); !error.empty()) return error;
    }
    std::string why;
    const std::optional<SettingValue> value = parse_setting(setting, given.text, why);
    if (!value) {
      const std::string shown =
          setting.type == SettingType::kSecret ? " cannot be used" : " is " + quoted(given.text);
      return name + shown + " (" + given.source + "); " + why + ".";
    }
    const bool is_secret = setting.type == SettingType::kSecret;
    settings.given[name] = {is_secret ? std::string() : value->text,
                            std::hash<std::string>()(value->text), given.source};
    if (setting.apply != nullptr) setting.apply(settings, *value);
    if (setting.has_no_effect) settings.without_effect.push_back(name);
    if (!setting.profile.empty()) settings.profile_settings[name] = value->text;
  }
  const EngineOptions& engine = settings.engine;
  if (engine.port != 0 && settings.admin_port == engine.port && engine.host.empty())
    return "PORT (" + source_of("PORT") + ") and ADMIN_PORT (" + source_of("ADMIN_PORT") +
           ") are both " + std::to_string(engine.port) +
           "; give one of them another value (ADMIN_PORT=0 turns the admin listener off).";
  return settings.profile == "live-data" ? check_live_data() : std::string();
}

// Before all others: what a profile has defaults of its own for depends on it.
std::string Loader::choose_profile() {
  const auto found = given_.find("LIVEHUB_PROFILE");
  if (found != given_.end()) {
    std::string why;
    const auto value = parse_setting(setting_of("profile"), found->second.text, why);
    if (!value)
      return "LIVEHUB_PROFILE is " + quoted(found->second.text) + " (" + found->second.source +
             "); " + why + ".";
    settings.profile = value->text;
  }
  const profile::ProfileEntry* entry = profile::find_profile(settings.profile);
  if (entry->set_defaults != nullptr) entry->set_defaults(settings.engine);
  return {};
}

std::string Loader::source_of(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? "default" : found->second.source;
}

std::string Loader::check_live_data() {
  const auto& given = settings.profile_settings;
  const auto mode = given.find("MODE");
  if (given.contains("TICK_MS") && (mode == given.end() || mode->second != "generator"))
    settings.without_effect.emplace_back("TICK_MS");

  // A push that passes the profile's limit must fit the engine's.
  const auto body = given.find("MAX_BODY_BYTES");
  const std::string body_text(body == given.end() ? setting_of("max_body_bytes").default_text
                                                  : body->second);
  const uint64_t body_bytes = std::stoull(body_text);
  const EngineOptions& engine = settings.engine;
  if (engine.history_count > 0 && engine.history_bytes > 0 && engine.history_bytes < body_bytes)
    settings.warnings.push_back(
        "messages over HISTORY_BYTES (" + std::to_string(engine.history_bytes) +
        ") are not kept: a client that comes back after one is told of a gap; MAX_BODY_BYTES is " +
        std::to_string(body_bytes));
  uint64_t& message_bytes = settings.engine.message_bytes_max;
  if (body_bytes <= message_bytes) return {};
  if (given_.contains("MESSAGE_BYTES"))
    return "MAX_BODY_BYTES is " + std::to_string(body_bytes) + " (" + source_of("MAX_BODY_BYTES") +
           ") and MESSAGE_BYTES only " + std::to_string(message_bytes) + " (" +
           source_of("MESSAGE_BYTES") + "); raise MESSAGE_BYTES or lower MAX_BODY_BYTES.";
  message_bytes = body_bytes;
  return {};
}

}  // namespace

SettingsResult load_settings(const std::map<std::string, std::string>& flags,
                             const std::map<std::string, std::string>& environment,
                             std::optional<std::string> config_file_path) {
  std::string config_source = "flag --config";
  if (!config_file_path) {
    config_source = kEnvironment;
    const auto named = environment.find(std::string(kConfigName));
    if (named != environment.end() && !named->second.empty()) config_file_path = named->second;
  }
  Loader loader;
  std::string error = loader.take_flags(flags);
  if (error.empty()) error = loader.take_environment(environment);
  if (error.empty() && config_file_path) {
    error = loader.take_file(*config_file_path);
    loader.settings.given[std::string(kConfigName)] = {*config_file_path, 0, config_source};
  }
  if (error.empty()) error = loader.resolve();
  if (!error.empty()) return {std::nullopt, std::move(error)};
  return {std::move(loader.settings), {}};
}

}  // namespace livehub::server
