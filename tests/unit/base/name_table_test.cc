#include "base/name_table.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_map>

namespace livehub::base {
namespace {

// Few different hashes: long runs of collisions, the ones that wrap around the end too.
void compare_with_map(uint32_t hash_mask, uint32_t hash_base, uint32_t names_max, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> names(names_max);
  for (uint32_t i = 0; i < names_max; ++i) names[i] = "name" + std::to_string(i);
  const auto hash_of = [&](uint32_t i) {
    return hash_base + (static_cast<uint32_t>(std::hash<std::string>{}(names[i])) & hash_mask);
  };
  NameTable table;
  std::unordered_map<std::string, uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto i = static_cast<uint32_t>(random() % names_max);
    const auto is_name = [&](uint32_t index) { return names[index] == names[i]; };
    const uint32_t found = table.find(hash_of(i), is_name);
    ASSERT_EQ(found, model.contains(names[i]) ? i : kNoIndex);
    const bool is_growing = step / 4000 % 2 == 0;
    if (found == kNoIndex && random() % 4 < (is_growing ? 3U : 1U)) {
      table.insert(hash_of(i), i);
      model[names[i]] = i;
    } else if (found != kNoIndex && random() % 4 < (is_growing ? 1U : 3U)) {
      table.erase(hash_of(i), i);
      model.erase(names[i]);
    }
    ASSERT_EQ(table.count(), model.size());
  }
  for (const auto& [name, i] : model) {
    const uint32_t index = i;
    ASSERT_EQ(table.find(hash_of(index), [&](uint32_t k) { return k == index; }), index);
    table.erase(hash_of(index), index);
  }
  EXPECT_EQ(table.count(), 0U);
}

TEST(NameTable, AgreesWithAMap) { compare_with_map(~uint32_t{0}, 0, 1000, 1); }
TEST(NameTable, AgreesWithAMapWhenHashesCollide) { compare_with_map(7, 0, 200, 2); }
TEST(NameTable, AgreesWithAMapWhenEveryHashIsTheSame) { compare_with_map(0, 5, 40, 3); }
TEST(NameTable, AgreesWithAMapAcrossTheEndOfTheTable) { compare_with_map(3, 0xfffffffe, 60, 4); }

TEST(NameTable, FindsNothingWhenEmpty) {
  const NameTable table;
  EXPECT_EQ(table.find(1, [](uint32_t) { return true; }), kNoIndex);
}

}  // namespace
}  // namespace livehub::base
