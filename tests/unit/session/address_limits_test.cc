#include "session/address_limits.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace livehub::session {
namespace {

using Verdict = AddressLimits::Verdict;
constexpr int64_t kSecond = 1'000'000'000;
constexpr base::HashKey kKey{1, 2};

auth::IpAddress ip(std::string_view text) { return *auth::parse_ip(text); }

TEST(AddressLimits, LetsInAsManyAsMayBeOpenAndAnotherWhenOneHasLeft) {
  AddressLimits limits({.open_max = 2}, 100, kKey);
  const auto first = limits.enter(ip("192.0.2.1"), 0);
  EXPECT_EQ(first.verdict, Verdict::kFine);
  EXPECT_EQ(limits.enter(ip("192.0.2.1"), 0).verdict, Verdict::kFine);
  const auto third = limits.enter(ip("192.0.2.1"), 0);
  EXPECT_EQ(third.verdict, Verdict::kTooMany);
  EXPECT_EQ(third.place, AddressLimits::kNoPlace);
  EXPECT_EQ(limits.open_of(ip("192.0.2.1")), 2u);
  EXPECT_EQ(limits.enter(ip("192.0.2.2"), 0).verdict, Verdict::kFine) << "another address";
  limits.leave(third.place);  // nothing
  limits.leave(first.place);
  EXPECT_EQ(limits.enter(ip("192.0.2.1"), 0).verdict, Verdict::kFine);
}

TEST(AddressLimits, AMinutesWorthMayComeAtOnceAndThenOneByOne) {
  AddressLimits limits({.rate_per_minute = 60}, 100, kKey);
  const auto come = [&](int64_t now) {
    const auto entry = limits.enter(ip("192.0.2.1"), now);
    limits.leave(entry.place);
    return entry.verdict;
  };
  for (int i = 0; i < 60; ++i) ASSERT_EQ(come(5 * kSecond), Verdict::kFine) << i;
  EXPECT_EQ(come(5 * kSecond), Verdict::kTooFast);
  EXPECT_EQ(come(6 * kSecond - 1), Verdict::kTooFast);
  EXPECT_EQ(come(6 * kSecond), Verdict::kFine);
  EXPECT_EQ(come(6 * kSecond), Verdict::kTooFast);
  EXPECT_EQ(limits.open_of(ip("192.0.2.1")), 0u) << "who is refused holds no place";
  for (int i = 0; i < 60; ++i) ASSERT_EQ(come(200 * kSecond), Verdict::kFine) << i;
}

TEST(AddressLimits, WhereItOnlyCountsEverybodyIsIn) {
  AddressLimits limits({.open_max = 1, .is_counting_only = true}, 100, kKey);
  EXPECT_EQ(limits.enter(ip("192.0.2.1"), 0).verdict, Verdict::kFine);
  const auto second = limits.enter(ip("192.0.2.1"), 0);
  EXPECT_EQ(second.verdict, Verdict::kTooMany);
  EXPECT_NE(second.place, AddressLimits::kNoPlace);
  EXPECT_EQ(limits.open_of(ip("192.0.2.1")), 2u);
}

TEST(AddressLimits, OneCustomersIpv6NetworkIsOneAddress) {
  AddressLimits limits({.open_max = 1}, 100, kKey);
  EXPECT_EQ(limits.enter(ip("2001:db8:0:1::1"), 0).verdict, Verdict::kFine);
  EXPECT_EQ(limits.enter(ip("2001:db8:0:1:ffff::2"), 0).verdict, Verdict::kTooMany);
  EXPECT_EQ(limits.enter(ip("2001:db8:0:2::1"), 0).verdict, Verdict::kFine);
  EXPECT_EQ(limits.enter(ip("192.0.2.1"), 0).verdict, Verdict::kFine);
  EXPECT_EQ(limits.enter(ip("192.0.2.2"), 0).verdict, Verdict::kFine) << "IPv4 is not one network";
}

TEST(AddressLimits, AFullTableLetsInUncountedAndAPlaceIsGivenAnew) {
  AddressLimits limits({.open_max = 1}, 0, kKey);
  std::vector<uint32_t> places;
  size_t uncounted = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto entry =
        limits.enter(ip("10.0." + std::to_string(i >> 8) + "." + std::to_string(i & 255)), 0);
    EXPECT_TRUE(entry.verdict == Verdict::kFine || entry.verdict == Verdict::kUncounted);
    uncounted += entry.verdict == Verdict::kUncounted;
    EXPECT_EQ(entry.place == AddressLimits::kNoPlace, entry.verdict == Verdict::kUncounted);
    places.push_back(entry.place);
  }
  EXPECT_EQ(places.size() - uncounted, 4096u) << "the table's size, all of it in use";
  for (const uint32_t place : places) limits.leave(place);
  EXPECT_EQ(limits.enter(ip("192.0.2.1"), 0).verdict, Verdict::kFine);
}

// Several shards at once: never one too many, and nothing is left over.
TEST(AddressLimits, HoldsOverThreads) {
  constexpr uint32_t kMost = 7;
  AddressLimits limits({.open_max = kMost}, 100, kKey);
  const auth::IpAddress addresses[] = {ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")};
  std::atomic<int> in[3] = {};
  std::atomic<int> too_many = 0, let_in = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::pair<uint32_t, int>> mine;
      for (int i = 0; i < 20'000; ++i) {
        const int which = (i + t) % 3;
        const auto entry = limits.enter(addresses[which], i);
        if (entry.verdict == Verdict::kFine) {
          ++let_in;
          if (++in[which] > static_cast<int>(kMost)) ++too_many;
          mine.emplace_back(entry.place, which);
        }
        if (mine.size() < 5) continue;
        --in[mine.front().second];
        limits.leave(mine.front().first);
        mine.erase(mine.begin());
      }
      for (const auto& [place, which] : mine) {
        --in[which];
        limits.leave(place);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(too_many, 0);
  EXPECT_GT(let_in, 100);
  for (const auth::IpAddress& address : addresses) EXPECT_EQ(limits.open_of(address), 0u);
}

}  // namespace
}  // namespace livehub::session
