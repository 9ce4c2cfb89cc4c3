#include "source/nats_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace livehub::source {
namespace {

using Kind = NatsEvent::Kind;

// Everything that can be had now, as text.
std::vector<std::string> drain(NatsQueue& queue) {
  std::vector<std::string> out;
  NatsEvent event;
  while (queue.pop(event, NatsQueue::Clock::now()) == NatsQueue::Popped::kEvent)
    out.push_back(event.kind == Kind::kLost ? "lost " + event.name
                                            : event.name + "=" + event.payload);
  return out;
}

TEST(NatsQueue, KeepsTheOrder) {
  NatsQueue queue(10, 1000);
  EXPECT_TRUE(queue.push_message("a", "1", 0));
  EXPECT_TRUE(queue.push_message("b", "2", 0));
  EXPECT_EQ(drain(queue), (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_EQ(drain(queue), std::vector<std::string>());
}

TEST(NatsQueue, LosesEverythingBehindTheFirstThatFindsNoRoomAndSaysSoThere) {
  NatsQueue queue(2, 1000);
  EXPECT_TRUE(queue.push_message("a", "1", 0));
  EXPECT_TRUE(queue.push_message("a", "2", 0));
  EXPECT_FALSE(queue.push_message("b", "3", 0));
  NatsEvent event;
  ASSERT_EQ(queue.pop(event, NatsQueue::Clock::now()), NatsQueue::Popped::kEvent);
  // There is room for one now, but it would overtake the gap.
  EXPECT_FALSE(queue.push_message("a", "4", 0));
  EXPECT_EQ(drain(queue), (std::vector<std::string>{"a=2", "lost a", "lost b"}));
  EXPECT_TRUE(queue.push_message("a", "5", 0));
  EXPECT_EQ(drain(queue), std::vector<std::string>{"a=5"});
}

TEST(NatsQueue, CountsBytesToo) {
  NatsQueue queue(10, 5);
  EXPECT_TRUE(queue.push_message("a", "1234", 0));
  EXPECT_FALSE(queue.push_message("a", "56", 0));
  EXPECT_EQ(drain(queue), (std::vector<std::string>{"a=1234", "lost a"}));
  EXPECT_TRUE(queue.push_message("a", "12345", 0));
}

TEST(NatsQueue, WhatIsNoMessageAlwaysFindsRoom) {
  NatsQueue queue(0, 0);
  NatsEvent event;
  event.kind = Kind::kConfirm;
  event.name = "c";
  queue.push(event);
  queue.lose("s");
  EXPECT_EQ(drain(queue), (std::vector<std::string>{"c=", "lost s"}));
}

TEST(NatsQueue, ClosingEndsEveryWaitAndTakesNothingMore) {
  NatsQueue queue(10, 1000);
  EXPECT_TRUE(queue.push_message("a", "1", 0));
  queue.close();
  NatsEvent event;
  EXPECT_EQ(queue.pop(event, NatsQueue::Clock::time_point::max()), NatsQueue::Popped::kClosed);
  EXPECT_FALSE(queue.push_message("a", "1", 0));
  EXPECT_FALSE(queue.pause_until(NatsQueue::Clock::now() + std::chrono::hours(1)));
}

}  // namespace
}  // namespace livehub::source
