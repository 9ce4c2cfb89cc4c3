// A profile as the program chose and set it up, or the sentence that says which setting is wrong.
// startup.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/profile.h"
#include "livehub/source.h"

namespace livehub::profile {

// Settings by the contract's own names, as the environment has them; what is missing has its
// default.
using SettingMap = std::map<std::string, std::string>;

// A setting as it was given; one that is missing or empty is `otherwise`.
[[nodiscard]] inline std::string setting(const SettingMap& settings, const char* name,
                                         std::string_view otherwise = {}) {
  const auto found = settings.find(name);
  return found == settings.end() || found->second.empty() ? std::string(otherwise) : found->second;
}

// A switch, in the words that the table of settings takes: 1, true, yes, on.
[[nodiscard]] inline bool is_on(const SettingMap& settings, const char* name,
                                bool otherwise = false) {
  const std::string text = setting(settings, name);
  if (text.empty()) return otherwise;
  return text == "1" || text == "true" || text == "yes" || text == "on";
}

struct ProfileChoice {
  ProfileFactory factory;  // empty: `error` says which setting is wrong
  // Takes what changed of those settings that may change while clients are connected (the table
  // says which); all of them are given. A sentence, and nothing is changed, where they are wrong.
  // The thread that serves signals. Empty: a restart is needed.
  std::function<std::string(const SettingMap&)> reload;
  std::string error;
  std::vector<std::string> warnings;             // for the log, once
  std::vector<std::shared_ptr<Source>> sources;  // the engine starts and stops them
};

}  // namespace livehub::profile
