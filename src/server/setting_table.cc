#include "server/setting_table.h"

#include <vector>

#include "profile/profiles.h"
#include "server/setting_rows.h"

namespace livehub::server {
namespace {

std::string profile_names() {
  std::string names;
  for (const profile::ProfileEntry& entry : profile::profiles())
    names += (names.empty() ? "" : "|") + std::string(entry.name);
  return names;
}

std::vector<Setting> make_table() {
  static const std::string kNames = profile_names();
  std::vector<Setting> table;
  for (const auto rows : {common_rows(), shared_rows(), live_data_rows(), chat_rows(),
                          signals_rows(), pg_updates_rows(), drop_rows()})
    table.insert(table.end(), rows.begin(), rows.end());
  for (Setting& setting : table)
    if (setting.name == "LIVEHUB_PROFILE") setting.words = kNames;
  return table;
}

}  // namespace

std::span<const Setting> setting_table() {
  static const std::vector<Setting> kTable = make_table();
  return kTable;
}

bool is_setting_of(const Setting& setting, std::string_view profile) {
  if (setting.profile.empty()) return true;
  std::string_view rest = setting.profile;
  while (!rest.empty()) {
    const size_t end = rest.find('|');
    if (rest.substr(0, end) == profile) return true;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return false;
}

}  // namespace livehub::server
