#include "source/nats_redial.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

using std::chrono::milliseconds;
using Clock = NatsRedial::Clock;

const Clock::time_point kStart{std::chrono::hours(1)};

TEST(NatsRedial, DialsAtOnceTheFirstTime) {
  const NatsRedial redial(1000);
  EXPECT_LE(redial.at(), kStart);
  EXPECT_EQ(redial.failures(), 0u);
}

TEST(NatsRedial, PausesDoubleUpToTheirEnd) {
  NatsRedial redial(1000);
  for (const int step : {50, 100, 200, 400, 800, 1000, 1000}) {
    redial.failed(kStart);
    EXPECT_GE(redial.at() - kStart, milliseconds(step / 2));
    EXPECT_LE(redial.at() - kStart, milliseconds(step));
  }
  EXPECT_EQ(redial.failures(), 7u);
}

TEST(NatsRedial, ALinkThatLastedIsDialledAgainAtOnce) {
  NatsRedial redial(1000);
  redial.failed(kStart);
  redial.failed(kStart);
  redial.succeeded(kStart);
  const auto cut = kStart + NatsRedial::kLasting;
  redial.failed(cut);
  EXPECT_EQ(redial.at(), cut);
  EXPECT_EQ(redial.failures(), 0u);
}

TEST(NatsRedial, AServerThatAcceptsAndHangsUpIsDialledLessAndLess) {
  NatsRedial redial(1000);
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
