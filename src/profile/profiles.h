// All profiles by name. To add one: a file pair here, a line in profiles.cc, its settings in
// src/server/setting_rows_<name>.cc, its page in docs/PROFILES.md. immutable.
#pragma once

#include <span>
#include <string_view>

#include "livehub/engine.h"
#include "profile/choice.h"

namespace livehub::profile {

struct ProfileEntry {
  std::string_view name;
  std::string_view summary;                                // one line, for people
  ProfileChoice (*make)(const SettingMap& settings);       // by the contract's names
  void (*set_defaults)(EngineOptions& options) = nullptr;  // where the service has its own
  // A setting that other profiles have too, with this one's default: "NAME=value".
  std::string_view own_default = {};

  std::string_view default_of(std::string_view setting) const {
    const bool is_it = own_default.starts_with(setting) && own_default.size() > setting.size() &&
                       own_default[setting.size()] == '=';
    return is_it ? own_default.substr(setting.size() + 1) : std::string_view();
  }
};

[[nodiscard]] std::span<const ProfileEntry> profiles();
[[nodiscard]] const ProfileEntry* find_profile(std::string_view name);

}  // namespace livehub::profile
