// What the program was told: flags over environment over the TOML file, each by its canonical name
// (the one in the environment) and checked against the table (server/setting_table.h). What is
// wrong or unknown stops the start with a sentence. startup. Tests:
// tests/unit/server/settings_test.cc.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "livehub/engine.h"

namespace livehub::server {

// A setting that was not left to its default.
struct GivenSetting {
  std::string text;    // in its normal form; a secret's is empty
  size_t mark = 0;     // differs where the value does, a secret's too
  std::string source;  // "flag --port", "environment", "/etc/livehub.toml:3"
};

struct Settings {
  EngineOptions engine;
  std::string profile = "live-data";
  std::optional<uint16_t> admin_port = 9091;  // nullopt: no admin listener (ADMIN_PORT=0)
  bool admin_is_auto = false;                 // ADMIN_PORT=auto: a free one; admin_port is then 0
  std::string admin_host;                     // empty: both loopbacks
  std::string admin_token;                    // empty: the page is for this machine only
  std::string fly_app;                        // FLY_APP_NAME; empty: not on Fly
  std::string log_level = "info";             // debug, info, warn, error
  std::string log_format = "auto";            // auto, text, json
  // Settings of the chosen profile that were given, by the contract's names; numbers in plain
  // digits, choices in lower case. What is missing has the profile's default.
  std::map<std::string, std::string> profile_settings;
  std::map<std::string, GivenSetting> given;  // by canonical name, those of the chosen profile
  // Names of the profile that were given and change nothing here; for the log, once.
  std::vector<std::string> without_effect;
  std::vector<std::string> warnings;  // for the log, once
};

struct SettingsResult {
  std::optional<Settings> settings;
  // If there are none: one sentence with the setting, where it was given (flag, environment or
  // file:line) and what is allowed. Never holds a secret's value.
  std::string error;
};

// `flags` by canonical name, as parse_command_line() gives them. Without `config_file_path`,
// LIVEHUB_CONFIG of the environment names the file; without that there is none. Empty values in the
// environment count as unset.
[[nodiscard]] SettingsResult load_settings(const std::map<std::string, std::string>& flags,
                                           const std::map<std::string, std::string>& environment,
                                           std::optional<std::string> config_file_path);

}  // namespace livehub::server
