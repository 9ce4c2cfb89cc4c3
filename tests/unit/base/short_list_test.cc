#include "base/short_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

namespace livehub::base {
namespace {

struct Pair {
  uint16_t left;
  uint32_t right;
};

template <typename T>
std::vector<T> items(const ShortList<T>& list) {
  return {list.begin(), list.end()};
}

TEST(ShortList, HoldsOneOrTwoInPlace) {
  EXPECT_EQ(ShortList<uint32_t>::kInPlace, 2U);
  EXPECT_EQ(ShortList<Pair>::kInPlace, 1U);
  ShortList<uint32_t> list;
  EXPECT_TRUE(list.empty());
  list.push_back(7);
  list.push_back(8);
  EXPECT_TRUE(std::as_bytes(std::span(&list, 1)).data() < std::as_bytes(std::span(list)).data());
  EXPECT_TRUE(std::as_bytes(std::span(list)).data() <
              std::as_bytes(std::span(&list, 1)).data() + 16);
  EXPECT_EQ(items(list), (std::vector<uint32_t>{7, 8}));
  EXPECT_EQ(list.back(), 8U);
}

TEST(ShortList, AgreesWithAVector) {
  std::mt19937 engine(5);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  ShortList<uint32_t> list;
  std::vector<uint32_t> model;
  for (int step = 0; step < 200'000; ++step) {
    const bool is_growing = step / 300 % 2 == 0;
    const uint32_t dice = random() % 100;
    if (dice < (is_growing ? 60U : 35U)) {
      list.push_back(random());
      model.push_back(list.back());
    } else if (dice < 95 && !model.empty()) {
      const uint32_t hole = random() % list.size();  // as a stream's list is kept
      list[hole] = list.back();
      list.pop_back();
      model[hole] = model.back();
      model.pop_back();
    } else if (dice < 97) {
      const uint32_t part = random() % 4;
      list.erase_if([&](uint32_t item) { return item % 4 == part; });
      std::erase_if(model, [&](uint32_t item) { return item % 4 == part; });
    }
    ASSERT_EQ(list.size(), model.size());
    ASSERT_TRUE(std::equal(list.begin(), list.end(), model.begin()));
  }
}

}  // namespace
}  // namespace livehub::base
