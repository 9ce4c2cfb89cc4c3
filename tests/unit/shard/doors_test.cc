#include "shard/doors.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "fake_driver.h"

namespace livehub::shard {
namespace {

// Its wake() lasts until the test says so.
class SlowlyWoken final : public FakeDriver {
 public:
  void wake() noexcept override {
    is_inside.store(true);
    while (!may_leave.load()) std::this_thread::yield();
    is_inside.store(false);
    ++wakes;
  }
  std::atomic<bool> is_inside{false};
  std::atomic<bool> may_leave{false};
  int wakes = 0;
};

TEST(Doors, OnlyASleeperIsWoken) {
  SlowlyWoken driver;
  driver.may_leave = true;
  Doors doors(1);
  doors.open(0, &driver);
  doors.knock(0);
  EXPECT_EQ(driver.wakes, 0);
  doors.fall_asleep(0);
  doors.knock(0);
  doors.knock(0);  // it is on its way
  EXPECT_EQ(driver.wakes, 1);
  doors.close(0);
  doors.fall_asleep(0);
  doors.knock(0);
  EXPECT_EQ(driver.wakes, 1);
}

TEST(Doors, NoDriverGoesAwayUnderAWake) {
  SlowlyWoken driver;
  Doors doors(1);
  doors.open(0, &driver);
  doors.fall_asleep(0);
  std::thread source([&] { doors.knock(0); });
  while (!driver.is_inside) std::this_thread::yield();
  std::atomic<bool> is_closed{false};
  std::thread shard([&] {
    doors.close(0);
    is_closed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(is_closed);
  driver.may_leave = true;
  shard.join();
  EXPECT_FALSE(driver.is_inside);
  source.join();
  EXPECT_EQ(driver.wakes, 1);
}

}  // namespace
}  // namespace livehub::shard
