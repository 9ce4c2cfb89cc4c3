// wake() (any thread, any time) and how long turn() waits.
#include <atomic>
#include <thread>

#include "io_test_util.h"

namespace livehub::io::testing {
namespace {

using WakeContract = ContractTest;

TEST_P(WakeContract, InterruptsAWaitForEver) {
  std::atomic<bool> go{false};
  std::thread other([&] {
    while (!go) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    driver->wake();
  });
  go = true;
  driver->turn(-1, events);  // hangs for ever if it is not heard
  other.join();
}

TEST_P(WakeContract, BeforeTheTurnCounts) {
  for (int i = 0; i < 100; ++i) {
    driver->wake();
    driver->wake();
    driver->turn(-1, events);
  }
}

TEST_P(WakeContract, IsUsedUp) {
  driver->wake();
  driver->turn(-1, events);
  expect_no_spin();
}

// The mailbox as the shards have it: push, then wake; the reader looks into it after each turn. A
// wake that is lost at any place leaves both sides waiting for ever.
TEST_P(WakeContract, NoneIsEverLost) {
  constexpr uint64_t kRounds = 20'000;
  std::atomic<uint64_t> asked{0}, answered{0};
  std::thread other([&] {
    for (uint64_t i = 1; i <= kRounds; ++i) {
      asked.store(i, std::memory_order_relaxed);  // ordered by wake() itself
      driver->wake();
      while (answered.load(std::memory_order_acquire) < i)
        if (i % 3 == 0) std::this_thread::yield();
    }
  });
  while (answered.load(std::memory_order_relaxed) < kRounds) {
    driver->turn(-1, events);
    answered.store(asked.load(std::memory_order_relaxed), std::memory_order_release);
  }
  other.join();
}

TEST_P(WakeContract, ManyThreadsAtOnce) {
  std::atomic<uint64_t> sum{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  constexpr uint64_t kEach = 20'000;
  for (int t = 0; t < 4; ++t)
    others.emplace_back([&] {
      for (uint64_t i = 0; i < kEach; ++i) {
        sum.fetch_add(1, std::memory_order_relaxed);
        driver->wake();
      }
    });
  Client client = connect();
  while (sum.load(std::memory_order_relaxed) < 4 * kEach) driver->turn(-1, events);
  for (std::thread& other : others) other.join();
  ASSERT_TRUE(client.send("served meanwhile"));
  ASSERT_TRUE(
      run_until([&] { return !events.accepted.empty() && seen(0).bytes == "served meanwhile"; }));
}

TEST_P(WakeContract, AWaitOfZeroDoesNotWait) {
  const auto start = now();
  for (int i = 0; i < 1000; ++i) driver->turn(0, events);
  EXPECT_LT(now() - start, std::chrono::seconds(5));
}

TEST_P(WakeContract, AWaitLastsAboutAsLongAsAsked) {
  int64_t waited_ns = 0;
  for (int tries = 0; tries < 20 && waited_ns < 45'000'000; ++tries) {  // some may be interrupted
    const auto start = now();
    driver->turn(50'000'000, events);
    waited_ns = std::chrono::nanoseconds(now() - start).count();
  }
  EXPECT_GE(waited_ns, 45'000'000);
  EXPECT_LT(waited_ns, 5'000'000'000);
}

LIVEHUB_IO_CONTRACT(WakeContract);

}  // namespace
}  // namespace livehub::io::testing
