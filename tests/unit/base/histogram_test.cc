#include "base/histogram.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace livehub::base {
namespace {

TEST(Histogram, EveryTimeIsInTheBucketWhoseEndsItLiesBetween) {
  std::mt19937_64 random(1);
  for (int n = 0; n < 100'000; ++n) {
    const uint64_t ns = random() >> (random() % 64);
    const size_t bucket = Histogram::bucket_of(ns);
    ASSERT_LT(bucket, Histogram::kBuckets);
    if (bucket + 1 < Histogram::kBuckets) {
      ASSERT_LT(ns, Histogram::upper_ns(bucket));
    }
    if (bucket > 0) {
      ASSERT_GE(ns, Histogram::upper_ns(bucket - 1));
    }
  }
}

TEST(Histogram, CountsBelowAPowerOfTwoAreExact) {
  Histogram histogram;
  std::mt19937_64 random(2);
  std::vector<uint64_t> all;
  for (int n = 0; n < 10'000; ++n) {
    all.push_back(random() >> (24 + random() % 40));
    histogram.note(static_cast<int64_t>(all.back()));
  }
  for (int bit = Histogram::kFirstBit; bit <= Histogram::kLastBit; ++bit) {
    uint64_t expected = 0;
    for (const uint64_t ns : all) expected += ns < uint64_t{1} << bit;
    EXPECT_EQ(histogram.below(bit), expected) << bit;
  }
}

TEST(Histogram, QuantilesAreWithinAQuarter) {
  Histogram histogram;
  for (int64_t us = 1; us <= 10'000; ++us) histogram.note(us * 1000);
  for (const double q : {0.5, 0.9, 0.99}) {
    const double exact = q * 10'000 * 1000;
    EXPECT_GE(static_cast<double>(histogram.quantile_ns(q)), exact * 0.99);
    EXPECT_LE(static_cast<double>(histogram.quantile_ns(q)), exact * 1.26);
  }
  EXPECT_EQ(Histogram().quantile_ns(0.5), 0u);
}

TEST(Histogram, WhatCameSinceACopyAndWhatTwoHaveTogether) {
  Histogram histogram;
  histogram.note(5'000);
  const Histogram before = histogram;
  histogram.note(3'000'000);
  const Histogram since = histogram.since(before);
  EXPECT_EQ(since.count(), 1u);
  EXPECT_EQ(since.sum_ns(), 3'000'000u);
  EXPECT_GT(since.quantile_ns(0), 3'000'000u);
  Histogram both = before;
  both.add(since);
  EXPECT_EQ(both.count(), 2u);
  EXPECT_EQ(both.sum_ns(), histogram.sum_ns());
}

TEST(Histogram, NegativeAndHugeTimesHaveAPlace) {
  Histogram histogram;
  histogram.note(-1);
  histogram.note(INT64_MAX);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.below(Histogram::kFirstBit), 1u);
  EXPECT_EQ(histogram.below(Histogram::kLastBit), 1u);
}

}  // namespace
}  // namespace livehub::base
