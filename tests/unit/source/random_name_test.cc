#include "source/random_name.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace livehub::source {
namespace {

TEST(RandomName, HasItsBeginningAndSixteenDigitsAndIsNeverTheSame) {
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = random_name("begin_");
    ASSERT_EQ(name.size(), 22u);
    ASSERT_TRUE(name.starts_with("begin_"));
    ASSERT_EQ(name.find_first_not_of("0123456789abcdef", 6), std::string::npos) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 1000u);
}

}  // namespace
}  // namespace livehub::source
