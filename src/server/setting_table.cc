#include "server/setting_table.h"

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "base/check.h"
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

constexpr std::string_view kShared = "Of several profiles";

// A name stands in one row, whichever profiles have it: rows of the same name become one, behind
// all others. Their texts are the first one's.
void add_row(std::vector<Setting>& table, const Setting& row) {
  static std::deque<std::string> profiles;  // what the joined rows point into
  const auto same = std::find_if(table.begin(), table.end(),
                                 [&](const Setting& other) { return other.name == row.name; });
  if (same == table.end()) {
    table.push_back(row);
    return;
  }
  Setting joined = *same;
  LIVEHUB_CHECK(joined.type == row.type && !joined.profile.empty() && !row.profile.empty(),
                "two rows of one name that cannot be one");
  joined.profile =
      profiles.emplace_back(std::string(joined.profile) + "|" + std::string(row.profile));
  joined.has_no_effect = joined.has_no_effect && row.has_no_effect;
  joined.group = kShared;
  table.erase(same);
  table.push_back(joined);
}

std::vector<Setting> make_table() {
  static const std::string names = profile_names();
  std::vector<Setting> table;
  for (const auto rows : {common_rows(), live_data_rows(), chat_rows(), signals_rows(),
                          pg_updates_rows(), drop_rows()})
    for (const Setting& row : rows) add_row(table, row);
  // A group's rows stand together, also when one was joined early.
  std::stable_partition(table.begin(), table.end(),
                        [](const Setting& row) { return row.group != kShared; });
  for (Setting& setting : table)
    if (setting.name == "LIVEHUB_PROFILE") setting.words = names;
  return table;
}

}  // namespace

std::span<const Setting> setting_table() {
  static const std::vector<Setting> table = make_table();
  return table;
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
