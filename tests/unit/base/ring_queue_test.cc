#include "base/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>

namespace livehub::base {
namespace {

TEST(RingQueue, IsFirstInFirstOutLikeADeque) {
  std::mt19937_64 random(7);
  RingQueue<uint64_t> queue;
  std::deque<uint64_t> model;
  for (int step = 0; step < 200'000; ++step) {
    const bool is_growing = step / 1000 % 2 == 0;
    if (random() % 10 < (is_growing ? 7U : 3U)) {
      const uint64_t item = random();
      queue.push(item);
      model.push_back(item);
    } else if (!model.empty()) {
      ASSERT_EQ(queue.front(), model.front());
      ASSERT_EQ(queue.pop(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    if (model.empty()) continue;
    const size_t i = random() % model.size();
    ASSERT_EQ(queue.at(i), model[i]);
  }
}

TEST(RingQueue, LetsGoOfWhatWasPopped) {
  RingQueue<std::shared_ptr<int>> queue;
  const auto item = std::make_shared<int>(1);
  for (int i = 0; i < 20; ++i) queue.push(item);
  EXPECT_EQ(item.use_count(), 21);
  for (int i = 0; i < 20; ++i) queue.pop();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(RingQueue, MovesWhatCannotBeCopied) {
  RingQueue<std::unique_ptr<int>> queue;
  for (int i = 0; i < 100; ++i) queue.push(std::make_unique<int>(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*queue.pop(), i);
}

}  // namespace
}  // namespace livehub::base
