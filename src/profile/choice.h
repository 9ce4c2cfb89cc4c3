// A profile as the program chose and set it up, or the sentence that says which setting is wrong.
// startup.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "livehub/profile.h"
#include "livehub/source.h"

namespace livehub::profile {

// Settings by the contract's own names, as the environment has them; what is missing has its
// default.
using SettingMap = std::map<std::string, std::string>;

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
