#include "hub/hot_store.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

namespace livehub::hub {
namespace {

using base::kNoIndex;

TEST(HotStore, KeepsEntriesAcrossTheEndOfTheRing) {
  HotStore store(4096);
  store.start_at(77);
  std::mt19937_64 random(5);
  std::deque<std::string> model;
  uint64_t first = 77;
  for (uint64_t i = 0; i < 5000; ++i) {
    const std::string frame(1 + random() % 250, static_cast<char>('a' + i % 26));
    while (!store.fits(frame.size())) {
      store.drop_first();
      model.pop_front();
      ++first;
    }
    frame.copy(store.append(static_cast<uint32_t>(frame.size()), kNoIndex, i, i * 2), frame.size());
    model.push_back(frame);
    ASSERT_EQ(store.first(), first);
    ASSERT_EQ(store.next(), first + model.size());
    std::string all, tail;
    const size_t from = random() % model.size();
    for (size_t k = 0; k < model.size(); ++k) {
      const EntryView e = store.view(first + k);
      ASSERT_EQ(std::string(e.data, e.bytes), model[k]);
      all += model[k];
      if (k >= from) tail += model[k];
    }
    ASSERT_EQ(store.used_bytes(), all.size());
    ASSERT_LE(all.size(), 4096U);
    ASSERT_TRUE(store.is_plain(first));
    ASSERT_EQ(
        std::string(store.range_data(first + from), store.range_bytes(first + from, store.next())),
        tail);
  }
}

TEST(HotStore, IsPlainOnlyBehindTheLastIrregularEntry) {
  base::MemoryBudget budget(1 << 30);
  base::MemoryAccount account(budget);
  {
    HotStore store(4096);
    store.append(10, kNoIndex, 1, 1);
    store.append(10, 5, 2, 2);
    store.append(10, kNoIndex, 3, 3);
    EXPECT_FALSE(store.is_plain(0));
    EXPECT_FALSE(store.is_plain(1));
    EXPECT_TRUE(store.is_plain(2));
    store.append_block(Block::make(5000, account), kNoIndex, 4, 4);
    EXPECT_FALSE(store.is_plain(2));
    EXPECT_TRUE(store.is_plain(4));
    EXPECT_EQ(store.block_bytes(), 5000U);
    EXPECT_EQ(store.used_bytes(), 30U) << "a block takes nothing of the ring";
    for (int i = 0; i < 4; ++i) store.drop_first();
    EXPECT_EQ(store.block_bytes(), 0U);
    EXPECT_EQ(account.held(), 0);
    store.append_block(Block::make(100, account), kNoIndex, 5, 5);
  }
  EXPECT_EQ(account.held(), 0) << "the store lets go of what it still has";
}

}  // namespace
}  // namespace livehub::hub
