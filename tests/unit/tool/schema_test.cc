#include "tool/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/setting_table.h"

namespace livehub::tool {
namespace {

using ::testing::HasSubstr;

TEST(Schema, HasEverySettingAndNothingElse) {
  const auto schema = nlohmann::json::parse(settings_schema());
  EXPECT_EQ(schema["additionalProperties"], false);
  size_t expected = 0;
  for (const server::Setting& setting : server::setting_table()) {
    if (setting.name == "LIVEHUB_CONFIG") continue;
    const bool is_secret = setting.type == server::SettingType::kSecret;
    expected += is_secret ? 2 : 1;
    const std::string key = server::setting_key(setting.name);
    ASSERT_TRUE(schema["properties"].contains(key)) << key;
    const auto& property = schema["properties"][key];
    EXPECT_EQ(property["x-environment"], setting.name);
    EXPECT_EQ(property.contains("default"), !setting.default_text.empty()) << key;
    if (is_secret) {
      EXPECT_TRUE(schema["properties"].contains(key + "_file")) << key;
    }
  }
  EXPECT_EQ(schema["properties"].size(), expected);
}

TEST(Schema, BoundsAreTheTables) {
  const auto schema = nlohmann::json::parse(settings_schema());
  const auto& port = schema["properties"]["admin_port"]["anyOf"];
  EXPECT_EQ(port[0]["maximum"], 65535);
  EXPECT_EQ(port[2]["const"], "auto");
  EXPECT_EQ(schema["properties"]["io"]["enum"], nlohmann::json({"auto", "uring", "epoll"}));
}

TEST(Schema, TheTablesOfTheDocumentsHaveEachSettingOnce) {
  const std::string text = settings_markdown();
  for (const server::Setting& setting : server::setting_table()) {
    const std::string cell = "| `" + std::string(setting.name) + "` |";
    const size_t first = text.find(cell);
    EXPECT_NE(first, text.npos) << setting.name;
    EXPECT_EQ(text.find(cell, first + 1), text.npos) << setting.name;
  }
  EXPECT_THAT(text, HasSubstr("### Common\n\n| setting | default | allowed | what it is |\n"));
}

}  // namespace
}  // namespace livehub::tool
