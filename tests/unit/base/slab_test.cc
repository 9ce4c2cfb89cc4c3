#include "base/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>

namespace livehub::base {
namespace {

struct Item {
  uint64_t value = 0;
  uint64_t padding[7] = {};
};

struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  ~Counted() { --alive; }
  uint64_t padding[4] = {};
};

TEST(Slab, AgreesWithAMap) {
  std::mt19937_64 random(11);
  Slab<Item> slab;
  std::map<uint32_t, uint64_t> model;
  for (int step = 0; step < 100'000; ++step) {
    const bool is_growing = step / 5000 % 2 == 0;
    if (random() % 10 < (is_growing ? 7U : 3U)) {
      const uint32_t index = slab.allocate();
      ASSERT_FALSE(model.contains(index));
      ASSERT_EQ(slab[index].value, 0U) << "an item is fresh";
      model[index] = slab[index].value = random();
    } else if (!model.empty()) {
      auto chosen =
          model.lower_bound(static_cast<uint32_t>(random() % (model.rbegin()->first + 1)));
      ASSERT_TRUE(slab.contains(chosen->first));
      ASSERT_EQ(slab[chosen->first].value, chosen->second);
      slab.release(chosen->first);
      ASSERT_FALSE(slab.contains(chosen->first));
      model.erase(chosen);
    }
    ASSERT_EQ(slab.live(), model.size());
    ASSERT_TRUE(model.empty() || model.rbegin()->first < slab.index_end());
  }
}

TEST(Slab, ReusesTheLowestChunkFirst) {
  Slab<Item> slab;
  std::vector<uint32_t> indexes;
  for (int i = 0; i < 5000; ++i) indexes.push_back(slab.allocate());
  slab.release(indexes[4000]);
  slab.release(indexes[3]);
  EXPECT_EQ(slab.allocate(), indexes[3]);
  EXPECT_EQ(slab.allocate(), indexes[4000]);
}

TEST(Slab, GivesMemoryBackWhenACrowdHasLeft) {
  Slab<Item> slab;
  const uint32_t lone = slab.allocate();
  const size_t before = slab.memory_bytes();
  Item* address = &slab[lone];
  std::vector<uint32_t> crowd;
  for (int i = 0; i < 20'000; ++i) crowd.push_back(slab.allocate());
  EXPECT_GT(slab.memory_bytes(), before * 10);
  EXPECT_EQ(&slab[lone], address) << "items never move";
  for (const uint32_t index : crowd) slab.release(index);
  EXPECT_EQ(slab.memory_bytes(), before);
  EXPECT_FALSE(slab.contains(crowd.back()));
  EXPECT_EQ(slab.allocate(), crowd.front());
}

template <size_t kBytes>
struct Sized {
  std::array<char, kBytes> bytes{};
};

template <size_t... kBytes>
size_t most_wasted() {
  return std::max({(Slab<Sized<kBytes>>::item_bytes() - kBytes) * 64 / kBytes...});
}

// A chunk's own bookkeeping once took a page of its own, a third of what a small item needs.
TEST(Slab, AnItemTakesItsSizeWhateverThatIs) {
  EXPECT_EQ((most_wasted<8, 16, 24, 48, 56, 64, 80, 96, 104, 136, 144, 200>()), 0U);
  Slab<Sized<48>> slab;
  for (int i = 0; i < 20'480; ++i) slab.allocate();
  EXPECT_EQ(slab.memory_bytes(), 20'480U * 48U);
}

// Fills and empties three chunks' worth in an order of its own; each item keeps what it was given.
template <size_t kBytes>
void fill_and_empty() {
  Slab<Sized<kBytes>> slab;
  std::mt19937 random(kBytes);
  std::map<uint32_t, char> model;
  slab.allocate();
  const size_t chunk = slab.memory_bytes();
  slab.release(0);
  while (slab.memory_bytes() < 3 * chunk) {
    const uint32_t index = slab.allocate();
    model[index] = static_cast<char>(random());
    slab[index].bytes.fill(model[index]);
  }
  EXPECT_LE(slab.memory_bytes() - chunk, model.size() * kBytes * 66 / 64) << kBytes;
  while (!model.empty()) {
    auto chosen = model.lower_bound(static_cast<uint32_t>(random() % (model.rbegin()->first + 1)));
    const auto& bytes = slab[chosen->first].bytes;
    ASSERT_EQ(static_cast<size_t>(std::count(bytes.begin(), bytes.end(), chosen->second)), kBytes);
    slab.release(chosen->first);
    model.erase(chosen);
  }
  EXPECT_EQ(slab.memory_bytes(), chunk) << "the first stays";
}

TEST(Slab, KeepsItemsOfAnySize) {
  fill_and_empty<1>();
  fill_and_empty<33>();
  fill_and_empty<1000>();
  fill_and_empty<4096>();  // one to a page
  fill_and_empty<4097>();
  fill_and_empty<20'000>();
}

TEST(Slab, TakesIndexesThatTheCallerChose) {
  Slab<Item> slab;
  slab.allocate_at(70'000);
  slab.allocate_at(0);
  slab[70'000].value = 5;
  EXPECT_TRUE(slab.contains(70'000));
  EXPECT_FALSE(slab.contains(69'999));
  std::set<uint32_t> seen{0, 70'000};
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(slab.allocate()).second);
  EXPECT_EQ(slab[70'000].value, 5U);
  EXPECT_FALSE(slab.contains(kNoIndex));
}

TEST(Slab, DestroysEachItemOnce) {
  {
    Slab<Counted> slab;
    std::vector<uint32_t> indexes;
    for (int i = 0; i < 3000; ++i) indexes.push_back(slab.allocate());
    EXPECT_EQ(Counted::alive, 3000);
    for (int i = 0; i < 1000; ++i) slab.release(indexes[static_cast<size_t>(i)]);
    EXPECT_EQ(Counted::alive, 2000);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(SlabDeath, NoticesADoubleReleaseAndADoubleTake) {
  Slab<Item> slab;
  const uint32_t index = slab.allocate();
  EXPECT_DEATH(slab.allocate_at(index), "taken once");
  slab.release(index);
  EXPECT_DEATH(slab.release(index), "only a live slab slot");
}

}  // namespace
}  // namespace livehub::base
