// What SIGHUP does: the settings are read again, what may change while clients are connected is
// changed, and the log says of everything else that it needs a restart. startup: used by the thread
// that serves signals. Tests: tests/unit/server/reload_test.cc, tests/integration/reload.test.mjs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "profile/choice.h"
#include "server/admin_access.h"
#include "server/settings.h"

namespace livehub::server {

struct ReloadPlan {
  std::vector<std::string> changes;         // names that are changed now
  std::vector<std::string> need_a_restart;  // names that differ and cannot be
  // What the profile is told: its settings as they were, with those that change.
  profile::SettingMap profile_settings;
};

// `has_reload`: whether the profile can take changes at all.
[[nodiscard]] ReloadPlan plan_reload(const Settings& before, const Settings& now, bool has_reload);

class Reloader {
 public:
  using Read = std::function<SettingsResult()>;
  // `reload` as in ProfileChoice; may be empty.
  Reloader(Settings settings, Read read,
           std::function<std::string(const profile::SettingMap&)> reload,
           std::shared_ptr<AdminToken> admin_token);
  // Does it, and says in the log what became of it.
  void run();

 private:
  Settings settings_;  // as they are in force
  const Read read_;
  const std::function<std::string(const profile::SettingMap&)> reload_;
  const std::shared_ptr<AdminToken> admin_token_;
};

}  // namespace livehub::server
