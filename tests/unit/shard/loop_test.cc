#include "shard/loop.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fake_driver.h"

namespace livehub::shard {
namespace {

constexpr int64_t kMs = 1'000'000;

class FakeTenant final : public io::Events, public Tenant {
 public:
  void on_timers(int64_t now_ns, int64_t read_until) override {
    ++timers;
    behind_ns = now_ns - read_until;
  }
  int64_t ns_to_next_timer(int64_t) override { return 100 * kMs; }
  MailLeft drain_mail() override { return MailLeft::kNothing; }
  bool has_mail() const override { return false; }
  bool flush() override { return false; }
  bool is_finished() const override { return false; }
  void on_accept(io::Socket, uint32_t) override {}
  void on_receive(io::Socket, std::span<char>) override {}
  void on_receive_end(io::Socket, int) override {}
  void on_writable(io::Socket) override {}

  int timers = 0;
  int64_t behind_ns = -1;  // by how much reading is
};

class LoopTest : public testing::Test {
 protected:
  // How often timers ran in that many turns.
  int timers_in(int turns) {
    const int before = tenant_.timers;
    for (int i = 0; i < turns; ++i) loop_.turn();
    return tenant_.timers - before;
  }

  FakeDriver driver_;
  FakeTenant tenant_;
  Doors doors_{1};
  TaskBox tasks_{doors_, 0};
  Loop loop_{0, driver_, tenant_, tenant_, doors_, tasks_};
};

TEST_F(LoopTest, TimersRunInEachTurnAlsoOfABusyLoop) {
  EXPECT_EQ(timers_in(3), 3);
  driver_.has_more = true;
  EXPECT_EQ(timers_in(3), 3);
}

TEST_F(LoopTest, TimersAreToldUntilWhenAllIsRead) {
  timers_in(1);
  EXPECT_EQ(tenant_.behind_ns, 0);
  driver_.has_more = true;
  driver_.late_ns = 20 * kMs;
  timers_in(1);
  EXPECT_EQ(tenant_.behind_ns, 120 * kMs);  // slept for 100 of them
  driver_.has_more = false;
  timers_in(1);
  EXPECT_EQ(tenant_.behind_ns, 0);
}

// 1,000 sockets, 100 of them in a turn, in turn: after ten, what waited before the first is read.
TEST_F(LoopTest, InAFloodThatIsNeverReadWholeAllAreReadInRounds) {
  timers_in(1);
  driver_.has_more = true;
  timers_in(1);  // sleeps
  int64_t behind_max_ns = 0;
  for (int i = 0; i < 100; ++i) {
    driver_.late_ns = 50 * kMs;
    timers_in(1);
    if (i < 10) {
      EXPECT_EQ(tenant_.behind_ns, (i + 1) * 50 * kMs + 100 * kMs) << "less than a round";
    }
    behind_max_ns = std::max(behind_max_ns, tenant_.behind_ns);
  }
  EXPECT_GE(tenant_.behind_ns, 500 * kMs);
  EXPECT_LE(behind_max_ns, 2 * 12 * 50 * kMs + 100 * kMs);
}

TEST_F(LoopTest, AfterAPauseTimersWaitUntilAllIsRead) {
  timers_in(1);
  driver_.late_ns = 20'000 * kMs;
  EXPECT_EQ(timers_in(1), 0);  // this turn may have been sent back with nothing
  driver_.has_more = true;
  EXPECT_EQ(timers_in(3), 0);
  EXPECT_EQ(driver_.asked_ns, 0);  // and nobody sleeps meanwhile
  driver_.has_more = false;
  EXPECT_EQ(timers_in(3), 3);
}

TEST_F(LoopTest, WhatASharedProcessorTakesIsNoPause) {
  timers_in(1);
  driver_.late_ns = 75 * kMs;
  EXPECT_EQ(timers_in(1), 1);
}

TEST_F(LoopTest, AMachineTooSlowForUsKeepsNoTimerOff) {
  timers_in(1);
  driver_.has_more = true;
  const int64_t start_ns = driver_.now;
  int timers = 0;
  while (driver_.now - start_ns < 60'000 * kMs) {
    driver_.late_ns = 500 * kMs;
    timers += timers_in(1);
  }
  EXPECT_GE(timers, 10);
}

}  // namespace
}  // namespace livehub::shard
