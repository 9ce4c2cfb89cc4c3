#include "server/admin_gather.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace livehub::server {
namespace {

TEST(Gather, IsCompleteWhenAllHaveAnswered) {
  Gather<int> gather;
  EXPECT_FALSE(gather.is_complete());
  gather.add(1);
  EXPECT_FALSE(gather.is_complete());  // nobody has said how many
  gather.expect(2);
  EXPECT_FALSE(gather.is_complete());
  gather.add(2);
  EXPECT_TRUE(gather.is_complete());
  EXPECT_EQ(gather.take(), (std::vector<int>{1, 2}));
  EXPECT_EQ(gather.expected(), 2u);
}

TEST(Gather, OfNobodyIsCompleteAtOnce) {
  Gather<int> gather;
  gather.expect(0);
  EXPECT_TRUE(gather.is_complete());
  EXPECT_TRUE(gather.take().empty());
}

TEST(Gather, WakesOnceTheLastHasAnsweredUntilItIsCut) {
  int woken = 0;
  const auto waker = std::make_shared<Waker>([&woken] { ++woken; });
  Gather<int> gather(waker);
  gather.expect(2);
  gather.add(1);
  EXPECT_EQ(woken, 0);
  gather.add(2);
  EXPECT_EQ(woken, 1);
  waker->cut();
  Gather<int> later(waker);
  later.expect(1);
  later.add(1);
  EXPECT_EQ(woken, 1);
}

TEST(Gather, TakesAnswersFromManyThreads) {
  std::atomic<int> woken{0};
  const auto waker = std::make_shared<Waker>([&woken] { ++woken; });
  Gather<std::string> gather(waker);
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) threads.emplace_back([&gather, n] { gather.add(std::to_string(n)); });
  gather.expect(4);
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(gather.is_complete());
  EXPECT_EQ(gather.take().size(), 4u);
}

}  // namespace
}  // namespace livehub::server
