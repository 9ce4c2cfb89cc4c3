#include "source/http_breaker.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

TEST(HttpBreaker, OpensAfterFailuresInARowAndTriesOneLater) {
  HttpBreaker breaker(3, 100);
  breaker.failed(1);
  breaker.failed(2);
  breaker.succeeded(3);  // not in a row
  breaker.failed(4);
  breaker.failed(5);
  EXPECT_TRUE(breaker.is_closed());
  EXPECT_TRUE(breaker.admits(5));
  breaker.failed(6);
  EXPECT_FALSE(breaker.is_closed());
  EXPECT_EQ(breaker.since_ns(), 6);
  EXPECT_EQ(breaker.openings(), 1u);
  EXPECT_FALSE(breaker.admits(105));
  EXPECT_TRUE(breaker.admits(106));   // the trial
  EXPECT_FALSE(breaker.admits(106));  // and no other beside it
  breaker.failed(110);
  EXPECT_FALSE(breaker.admits(209));
  EXPECT_TRUE(breaker.admits(210));
  breaker.succeeded(220);
  EXPECT_TRUE(breaker.is_closed());
  EXPECT_EQ(breaker.since_ns(), 220);
  EXPECT_TRUE(breaker.admits(221));
  breaker.failed(222);
  EXPECT_TRUE(breaker.is_closed());  // it counts anew
}

TEST(HttpBreaker, LateFailuresPutTheTrialOff) {
  HttpBreaker breaker(1, 100);
  breaker.failed(0);
  breaker.failed(50);  // a call that was under way
  EXPECT_FALSE(breaker.admits(100));
  EXPECT_TRUE(breaker.admits(150));
  EXPECT_EQ(breaker.openings(), 1u);
}

}  // namespace
}  // namespace livehub::source
