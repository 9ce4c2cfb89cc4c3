#include "server/reload.h"

#include "base/log.h"
#include "server/setting_table.h"

namespace livehub::server {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool differs(const Settings& before, const Settings& now, const std::string& name) {
  const auto old = before.given.find(name);
  const auto given = now.given.find(name);
  const bool was_given = old != before.given.end();
  if (was_given != (given != now.given.end())) return true;
  return was_given && old->second.mark != given->second.mark;
}

void take(profile::SettingMap& into, const profile::SettingMap& from, const std::string& name) {
  const auto found = from.find(name);
  if (found == from.end())
    into.erase(name);
  else
    into[name] = found->second;
}

}  // namespace

ReloadPlan plan_reload(const Settings& before, const Settings& now, bool has_reload) {
  ReloadPlan plan;
  plan.profile_settings = before.profile_settings;
  if (before.profile != now.profile) {
    plan.need_a_restart.emplace_back("LIVEHUB_PROFILE");
    return plan;
  }
  for (const Setting& setting : setting_table()) {
    const std::string name(setting.name);
    if (!differs(before, now, name)) continue;
    // A larger message needs larger buffers, and those are as they are.
    const bool outgrows =
        name == "MAX_BODY_BYTES" && now.engine.message_bytes_max > before.engine.message_bytes_max;
    const bool can_change = setting.reloads && !outgrows && (setting.profile.empty() || has_reload);
    (can_change ? plan.changes : plan.need_a_restart).push_back(name);
    if (can_change && !setting.profile.empty())
      take(plan.profile_settings, now.profile_settings, name);
  }
  return plan;
}

Reloader::Reloader(Settings settings, Read read,
                   std::function<std::string(const profile::SettingMap&)> reload,
                   std::shared_ptr<AdminToken> admin_token)
    : settings_(std::move(settings)),
      read_(std::move(read)),
      reload_(std::move(reload)),
      admin_token_(std::move(admin_token)) {}

void Reloader::run() {
  const SettingsResult result = read_();
  if (!result.settings) return base::log_error("reload: " + result.error + " Nothing was changed.");
  const ReloadPlan plan = plan_reload(settings_, *result.settings, reload_ != nullptr);
  if (reload_ && plan.profile_settings != settings_.profile_settings) {
    if (const std::string error = reload_(plan.profile_settings); !error.empty())
      return base::log_error("reload: " + error + " Nothing was changed.");
  }
  base::set_log_level(result.settings->log_level);
  settings_.log_level = result.settings->log_level;
  if (const std::string& token = result.settings->admin_token; token != settings_.admin_token)
    admin_token_->set(std::make_unique<const std::string>(token));
  settings_.admin_token = result.settings->admin_token;
  settings_.profile_settings = plan.profile_settings;
  for (const std::string& name : plan.changes) {
    const auto given = result.settings->given.find(name);
    if (given == result.settings->given.end())
      settings_.given.erase(name);
    else
      settings_.given[name] = given->second;
  }
  if (!plan.need_a_restart.empty())
    base::log_warn("reload: a restart is needed for " + joined(plan.need_a_restart));
  base::log_info(plan.changes.empty() ? std::string("reload: nothing was changed")
                                      : "reload: changed " + joined(plan.changes));
}

}  // namespace livehub::server
