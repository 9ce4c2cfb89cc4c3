#include "base/name.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace livehub::base {
namespace {

TEST(Name, HoldsAnyBytesOfAnyLength) {
  EXPECT_EQ(Name().view(), "");
  EXPECT_EQ(Name("").view(), "");
  EXPECT_EQ(Name(std::string_view()).view(), "");
  EXPECT_EQ(Name("room").view(), "room");
  const std::string zeroes("a\0b\0", 4);
  EXPECT_EQ(Name(zeroes).view(), zeroes);
  const std::string large(100'000, 'x');
  EXPECT_EQ(Name(large).view(), large);
}

TEST(Name, KeepsItsTextWhereItIsWhenMoved) {
  Name name("a channel with a name that is too long for any short string");
  const std::string_view text = name.view();
  const Name moved = std::move(name);
  EXPECT_EQ(moved.view(), text);
  EXPECT_EQ(moved.view().data(), text.data());
}

}  // namespace
}  // namespace livehub::base
