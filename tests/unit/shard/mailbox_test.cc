#include "shard/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace livehub::shard {
namespace {

struct Item {
  uint32_t from = 0;
  uint64_t number = 0;
  std::unique_ptr<int> cargo;
};

Item item(uint32_t from, uint64_t number) { return {from, number, std::make_unique<int>(1)}; }

TEST(SpscQueue, RefusesWhenFullAndLeavesTheItem) {
  SpscQueue<std::unique_ptr<int>> queue(4);
  for (int i = 0; i < 4; ++i) {
    auto value = std::make_unique<int>(i);
    ASSERT_TRUE(queue.push(value));
  }
  auto fifth = std::make_unique<int>(4);
  EXPECT_FALSE(queue.push(fifth));
  ASSERT_NE(fifth, nullptr);
  EXPECT_EQ(**queue.front(), 0);
  queue.pop();
  EXPECT_TRUE(queue.push(fifth));
}

TEST(Mailboxes, KeepsOrderThroughASpill) {
  Doors doors(2);
  Mailboxes<Item> boxes(2, 4, doors);
  for (uint64_t i = 0; i < 20; ++i) boxes.send(0, 1, item(0, i));
  EXPECT_FALSE(boxes.has_room(0, 1));
  EXPECT_TRUE(boxes.has_spills(0));
  uint64_t expected = 0;
  while (expected < 20) {
    boxes.receive(1, 100, [&](Item& got) {
      EXPECT_EQ(got.number, expected++);
      return true;
    });
    boxes.drain_spills(0);
  }
  EXPECT_TRUE(boxes.has_room(0, 1));
}

TEST(Mailboxes, ARefusedItemStaysAtTheFrontAndOtherLanesGoOn) {
  Doors doors(3);
  Mailboxes<Item> boxes(3, 8, doors);
  boxes.send(0, 2, item(0, 1));
  boxes.send(0, 2, item(0, 2));
  boxes.send(1, 2, item(1, 3));
  std::vector<uint64_t> taken;
  const auto refuse_first_lane = [&](Item& got) {
    if (got.from == 0) return false;
    taken.push_back(got.number);
    return true;
  };
  EXPECT_EQ(boxes.receive(2, 100, refuse_first_lane), MailLeft::kRefused);
  EXPECT_EQ(taken, std::vector<uint64_t>{3});
  EXPECT_EQ(boxes.receive(2, 100,
                          [&](Item& got) {
                            taken.push_back(got.number);
                            return true;
                          }),
            MailLeft::kNothing);
  EXPECT_EQ(taken, (std::vector<uint64_t>{3, 1, 2}));
}

TEST(Mailboxes, ABudgetLeavesTheRestForTheNextCall) {
  Doors doors(1);
  Mailboxes<Item> boxes(1, 8, doors);
  for (uint64_t i = 0; i < 5; ++i) boxes.send(0, 0, item(0, i));
  int taken = 0;
  const auto take = [&](Item&) {
    ++taken;
    return true;
  };
  EXPECT_EQ(boxes.receive(0, 3, take), MailLeft::kMore);
  EXPECT_EQ(taken, 3);
  EXPECT_EQ(boxes.receive(0, 3, take), MailLeft::kNothing);
  EXPECT_EQ(taken, 5);
}

// Three threads, all pairs, small lanes: every item arrives once and in order. Also the race test
// under TSan.
TEST(Mailboxes, CarriesEverythingBetweenThreads) {
  constexpr uint32_t kShards = 3;
  constexpr uint64_t kItems = 20000;
  Doors doors(kShards);
  Mailboxes<Item> boxes(kShards, 16, doors);
  std::vector<std::thread> threads;
  for (uint32_t self = 0; self < kShards; ++self) {
    threads.emplace_back([&, self] {
      uint64_t sent = 0, received = 0;
      std::vector<uint64_t> next(kShards, 0);
      while (received < kItems * kShards) {
        if (sent < kItems) {
          for (uint32_t to = 0; to < kShards; ++to) boxes.send(self, to, item(self, sent));
          ++sent;
        }
        boxes.drain_spills(self);
        boxes.receive(self, 64, [&](Item& got) {
          EXPECT_EQ(got.number, next[got.from]++);
          EXPECT_NE(got.cargo, nullptr);
          ++received;
          return true;
        });
      }
      while (boxes.drain_spills(self)) std::this_thread::yield();
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace livehub::shard
