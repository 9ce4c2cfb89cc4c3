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
};

[[nodiscard]] std::span<const ProfileEntry> profiles();
[[nodiscard]] const ProfileEntry* find_profile(std::string_view name);

}  // namespace livehub::profile
