#include "tool/json_value.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace livehub::tool {
namespace {

TEST(JsonValue, IsTakenWithItsTypeOnly) {
  const auto object = nlohmann::json::parse(
      R"({"n":5,"minus":-5,"big":1e300,"text":"x","yes":true,"none":null,"list":[1]})");
  EXPECT_EQ(value_in(object, "n", uint64_t{0}), 5u);
  EXPECT_EQ(value_in(object, "n", int64_t{0}), 5);
  EXPECT_EQ(value_in(object, "minus", int64_t{0}), -5);
  EXPECT_EQ(value_in(object, "text", std::string()), "x");
  EXPECT_TRUE(value_in(object, "yes", false));
  for (const char* other : {"minus", "big", "text", "yes", "none", "list", "missing"})
    EXPECT_EQ(value_in(object, other, uint64_t{7}), 7u) << other;
  for (const char* other : {"n", "yes", "none", "list", "missing"})
    EXPECT_EQ(value_in(object, other, std::string("-")), "-") << other;
  for (const char* other : {"n", "text", "none", "missing"})
    EXPECT_TRUE(value_in(object, other, true)) << other;
}

TEST(JsonValue, WhatIsNoObjectHasNone) {
  for (const char* text : {"[1]", "5", "null", "\"x\"", "{"})
    EXPECT_EQ(value_in(nlohmann::json::parse(text, nullptr, false), "n", int64_t{3}), 3) << text;
}

}  // namespace
}  // namespace livehub::tool
