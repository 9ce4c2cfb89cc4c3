#include "hub/arena.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

namespace livehub::hub {
namespace {

TEST(Arena, KeepsWholeEntriesInOrderHoweverItWraps) {
  Arena arena(4096);
  std::mt19937_64 random(9);
  std::deque<std::pair<uint64_t, std::string>> model;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const std::string frame(random() % 200, static_cast<char>('a' + i % 26));
    const auto bytes = static_cast<uint32_t>(frame.size());
    while (!arena.fits(Arena::size_of(bytes))) {
      ASSERT_EQ(arena.tail(), model.front().first);
      arena.pop();
      model.pop_front();
    }
    const uint64_t position = arena.push(bytes);
    ASSERT_NE(position, 0U) << "0 is none";
    ASSERT_EQ(position % alignof(Arena::Header), 0U);
    *arena.at(position) = {0, i, i, i, nullptr, bytes, base::kNoIndex, 1, 1};
    frame.copy(reinterpret_cast<char*>(arena.at(position) + 1), frame.size());
    model.emplace_back(position, frame);
    for (const auto& [p, expected] : model) {
      const EntryView e = arena.view(p);
      ASSERT_EQ(std::string(e.data, e.bytes), expected);
    }
    ASSERT_LE(arena.head() - arena.tail(), 4096U);
  }
  while (!arena.is_empty()) arena.pop();
  EXPECT_TRUE(arena.fits(4096));
  EXPECT_FALSE(arena.fits(4097));
}

}  // namespace
}  // namespace livehub::hub
