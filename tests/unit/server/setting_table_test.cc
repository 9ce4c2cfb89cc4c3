#include "server/setting_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace livehub::server {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

TEST(SettingTable, NamesKeysAndFlagsAreUnique) {
  std::set<std::string> keys;
  for (const Setting& setting : setting_table())
    EXPECT_TRUE(keys.insert(setting_key(setting.name)).second) << setting.name;
  EXPECT_EQ(keys.size(), setting_table().size());
  EXPECT_EQ(setting_key("LIVEHUB_SHARDS"), "shards");
  EXPECT_EQ(setting_key("--history-count"), "history_count");
  EXPECT_EQ(setting_flag("HISTORY_COUNT"), "--history-count");
  EXPECT_EQ(setting_flag("LIVEHUB_IO"), "--io");
}

TEST(SettingTable, EveryRowIsComplete) {
  for (const Setting& setting : setting_table()) {
    EXPECT_THAT(std::string(setting.help), testing::EndsWith(".")) << setting.name;
    EXPECT_FALSE(setting.group.empty()) << setting.name;
    EXPECT_THAT(allowed_text(setting), Not(IsEmpty())) << setting.name;
    const bool goes_somewhere = setting.apply != nullptr || !setting.profile.empty();
    EXPECT_EQ(goes_somewhere, setting.name != "LIVEHUB_CONFIG") << setting.name;
    std::string why;
    EXPECT_FALSE(parse_setting(setting, "", why)) << setting.name;
    EXPECT_THAT(why, Not(IsEmpty())) << setting.name;
  }
}

}  // namespace
}  // namespace livehub::server
