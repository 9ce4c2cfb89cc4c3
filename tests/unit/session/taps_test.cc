#include "session/taps.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::session {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

hub::MessagePtr message(std::string_view channel, std::string_view payload) {
  return hub::MessagePtr::make(channel, payload);
}

TEST(Taps, GiveWhatCameSinceTheLastLook) {
  Taps taps;
  EXPECT_FALSE(taps.is_any());
  EXPECT_TRUE(taps.take(1, "live", 1).messages.empty());
  EXPECT_TRUE(taps.is_any());
  taps.note(message("live", "a"), 2);
  taps.note(message("other", "b"), 2);
  taps.note(message("live", "c"), 2);
  const auto taken = taps.take(1, "live", 3);
  ASSERT_EQ(taken.messages.size(), 2u);
  EXPECT_EQ(taken.messages[1]->payload(), "c");
  EXPECT_EQ(taken.missed, 0u);
  EXPECT_TRUE(taps.take(1, "live", 3).messages.empty());
  taps.drop(1);
  EXPECT_FALSE(taps.is_any());
}

TEST(Taps, AreBoundedInMessagesAndBytes) {
  Taps taps;
  (void)taps.take(1, "live", 0);
  for (size_t n = 0; n < Taps::kMessagesMax + 5; ++n) taps.note(message("live", "x"), 0);
  auto taken = taps.take(1, "live", 0);
  EXPECT_EQ(taken.messages.size(), Taps::kMessagesMax);
  EXPECT_EQ(taken.missed, 5u);
  const std::string half(Taps::kBytesMax / 2, 'x');
  for (int n = 0; n < 3; ++n) taps.note(message("live", half), 0);
  taken = taps.take(1, "live", 0);
  EXPECT_EQ(taken.messages.size(), 2u);
  EXPECT_EQ(taken.missed, 1u);
}

TEST(Taps, WhoeverDoesNotComeIsForgotten) {
  Taps taps;
  (void)taps.take(1, "live", 0);
  (void)taps.take(2, "live", 3 * kSecond);
  taps.note(message("live", "x"), 6 * kSecond);
  EXPECT_EQ(taps.take(2, "live", 6 * kSecond).messages.size(), 1u);
  EXPECT_TRUE(taps.take(1, "live", 6 * kSecond).messages.empty());  // it began anew
}

TEST(Taps, OnlySoManyAtOnce) {
  Taps taps;
  for (uint64_t id = 1; id <= Taps::kTapsMax; ++id)
    EXPECT_FALSE(taps.take(id, "live", 0).is_refused);
  EXPECT_TRUE(taps.take(99, "live", 0).is_refused);
  EXPECT_FALSE(taps.take(99, "live", 6 * kSecond).is_refused);  // the others are forgotten
}

}  // namespace
}  // namespace livehub::session
