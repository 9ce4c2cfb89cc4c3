#include "hub/directory.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::hub {
namespace {

TEST(Directory, KeepsANameAsLongAsOneSideHasIt) {
  Directory directory;
  EXPECT_EQ(directory.find(1, "a"), kNoIndex);
  const uint32_t id = directory.find_or_make(1, "a");
  EXPECT_EQ(directory.find_or_make(1, "a"), id);
  directory[id].local = 4;
  directory[id].owned = 5;
  directory[id].local = kNoIndex;
  directory.release_if_unused(id, 1);
  EXPECT_EQ(directory.find(1, "a"), id);
  EXPECT_EQ(directory.name(id), "a");
  directory[id].owned = kNoIndex;
  directory.release_if_unused(id, 1);
  EXPECT_EQ(directory.find(1, "a"), kNoIndex);
  EXPECT_EQ(directory.live(), 0U);
  EXPECT_EQ(directory.names(), 0U);
}

TEST(Directory, TellsNamesOfOneHashApart) {
  Directory directory;
  std::vector<uint32_t> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(directory.find_or_make(9, std::to_string(i)));
    directory[ids.back()].local = static_cast<uint32_t>(i);
  }
  for (uint32_t i = 0; i < 100; ++i)
    EXPECT_EQ(directory[directory.find(9, std::to_string(i))].local, i);
  directory[ids[50]].local = kNoIndex;
  directory.release_if_unused(ids[50], 9);
  EXPECT_EQ(directory.find(9, "50"), kNoIndex);
  EXPECT_EQ(directory.find(9, "51"), ids[51]);
}

}  // namespace
}  // namespace livehub::hub
