#include "source/redial.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace livehub::source {
namespace {

using std::chrono::milliseconds;
using Clock = Redial::Clock;

const Clock::time_point kStart{std::chrono::hours(1)};

TEST(Redial, DialsAtOnceTheFirstTime) {
  const Redial redial({}, 1);
  EXPECT_LE(redial.at(), kStart);
  EXPECT_EQ(redial.failures(), 0u);
}

TEST(Redial, PausesDoubleUpToTheirEnd) {
  Redial redial({}, 1);
  for (const int step : {50, 100, 200, 400, 800, 1000, 1000}) {
    redial.failed(kStart);
    EXPECT_GE(redial.at() - kStart, milliseconds(step / 2));
    EXPECT_LE(redial.at() - kStart, milliseconds(step));
  }
  EXPECT_EQ(redial.failures(), 7u);
  for (int more = 0; more < 100; ++more) redial.failed(kStart);
  EXPECT_LE(redial.at() - kStart, milliseconds(1000));
}

// A broker's restart is seen by all hubs in the same moment.
TEST(Redial, ManyDoNotComeBackInStep) {
  std::set<Clock::time_point> times;
  std::mt19937_64 seeds(1);
  for (int hub = 0; hub < 1000; ++hub) {
    Redial redial({.first = milliseconds(1000), .most = milliseconds(1000)}, seeds());
    redial.failed(kStart);
    times.insert(redial.at());
  }
  EXPECT_GT(times.size(), 350u);
  EXPECT_LT(*times.begin() - kStart, milliseconds(510));
  EXPECT_GT(*times.rbegin() - kStart, milliseconds(990));
}

TEST(Redial, ALinkThatLastedIsDialledAgainSoon) {
  Redial redial({}, 1);
  for (int times = 0; times < 5; ++times) redial.failed(kStart);
  redial.succeeded(kStart);
  const auto cut = kStart + milliseconds(1000);
  redial.failed(cut);
  EXPECT_LE(redial.at(), cut + milliseconds(50));
  EXPECT_EQ(redial.failures(), 0u);
}

TEST(Redial, AServerThatAcceptsAndHangsUpIsDialledLessAndLess) {
  Redial redial({}, 1);
  auto now = kStart;
  int dials = 0;
  for (; now < kStart + milliseconds(10'000); ++dials) {
    redial.succeeded(now);
    redial.failed(now);
    now = redial.at();
  }
  EXPECT_LE(dials, 25);
}

}  // namespace
}  // namespace livehub::source
