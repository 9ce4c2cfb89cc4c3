#include "shard/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace livehub::shard {
namespace {

TEST(TimerWheel, FiresOnceAtItsTickAndNotBefore) {
  TimerWheel wheel(100);
  const TimerId id = 7;
  wheel.add(id);
  wheel.arm(id, 103);
  std::vector<uint32_t> fired;
  wheel.advance(102, [&](uint32_t owner) { fired.push_back(owner); });
  EXPECT_TRUE(fired.empty());
  EXPECT_EQ(wheel.ticks_to_next(), 1u);
  wheel.advance(103, [&](uint32_t owner) { fired.push_back(owner); });
  EXPECT_EQ(fired, std::vector<uint32_t>{7});
  wheel.advance(5000, [&](uint32_t owner) { fired.push_back(owner); });
  EXPECT_EQ(fired.size(), 1u);
}

TEST(TimerWheel, WhatIsDueAlreadyFiresAtTheNextTick) {
  TimerWheel wheel(50);
  const TimerId id = 1;
  wheel.add(id);
  wheel.arm(id, 10);
  int fired = 0;
  wheel.advance(51, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, DeadlinesBeyondTheWheelAreKept) {
  TimerWheel wheel(0);
  const TimerId id = 1;
  wheel.add(id);
  const uint32_t far = TimerWheel::kSlots * 5 + 17;
  wheel.arm(id, far);
  int fired = 0;
  wheel.advance(far - 1, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 0);
  wheel.advance(far, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, TheTickCounterMayWrap) {
  TimerWheel wheel(0xfffffff0u);
  const TimerId id = 1;
  wheel.add(id);
  wheel.arm(id, 0xfffffff0u + 40);
  int fired = 0;
  wheel.advance(0xfffffff0u + 39, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 0);
  wheel.advance(0xfffffff0u + 40, [&](uint32_t) { ++fired; });
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, AFiringTimerMayRemoveAnotherThatIsDue) {
  TimerWheel wheel(0);
  for (TimerId id = 0; id < 8; ++id) {
    wheel.add(id);
    wheel.arm(id, 5);
  }
  std::vector<uint32_t> fired;
  wheel.advance(5, [&](uint32_t owner) {
    fired.push_back(owner);
    for (uint32_t other = 0; other < 8; ++other)
      if (other / 2 == owner / 2 && other != owner) wheel.remove(other);
  });
  EXPECT_EQ(fired.size(), 4u);
  EXPECT_EQ(wheel.armed_or_idle(), 4u);
}

TEST(TimerWheel, AgreesWithASortedMapOverRandomOperations) {
  std::mt19937 engine(20261120);
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  TimerWheel wheel(1000);
  std::set<TimerId> timers;
  std::map<TimerId, uint32_t> deadlines;
  uint32_t now = 1000, next_owner = 0, fired_count = 0;
  for (int step = 0; step < 20000; ++step) {
    const uint32_t choice = random() % 10;
    if (choice < 4) {
      const uint32_t owner = next_owner++;
      timers.insert(owner);
      wheel.add(owner);
      deadlines[owner] = now + 1 + random() % 3000;
      wheel.arm(owner, deadlines[owner]);
    } else if (choice < 6 && !timers.empty()) {
      const auto it = std::next(timers.begin(), static_cast<int>(random() % timers.size()));
      deadlines[*it] = now + 1 + random() % 3000;
      wheel.arm(*it, deadlines[*it]);
    } else if (choice < 7 && !timers.empty()) {
      const auto it = std::next(timers.begin(), static_cast<int>(random() % timers.size()));
      wheel.remove(*it);
      deadlines.erase(*it);
      timers.erase(it);
    } else {
      if (!deadlines.empty()) {
        uint32_t soonest = ~0u;
        for (const auto& [owner, tick] : deadlines) soonest = std::min(soonest, tick);
        EXPECT_LE(wheel.ticks_to_next(), soonest - now);
      }
      now += random() % 200;
      wheel.advance(now, [&](uint32_t owner) {
        ++fired_count;
        ASSERT_TRUE(deadlines.count(owner));
        EXPECT_LE(deadlines[owner], now);
        deadlines.erase(owner);
        wheel.remove(owner);
        timers.erase(owner);
      });
      for (const auto& [owner, tick] : deadlines) EXPECT_GT(tick, now) << owner;
    }
  }
  EXPECT_GT(fired_count, 1000u);
}

}  // namespace
}  // namespace livehub::shard
