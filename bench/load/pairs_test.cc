// What comparisons in turns stand on: who takes a turn when, what a bare loop sends, and clients
// that stand still while they are sent to.
#include "load/pairs.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load/bare_loop.h"
#include "load/clock.h"
#include "load/fleet.h"

namespace livehub::bench {
namespace {

constexpr uint32_t kClients = 6;

TEST(Turns, GoInBothDirectionsAndTheFirstRoundWarmsUp) {
  Report report("test");
  std::string order;
  take_turns(2, 3, report, [&](size_t i, bool counts) {
    order += static_cast<char>((counts ? 'A' : 'a') + static_cast<int>(i));
  });
  EXPECT_EQ(order, "abcCBAABC");
}

TEST(Turns, EndWithTheFirstFailure) {
  Report report("test");
  int turns = 0;
  take_turns(5, 2, report, [&](size_t, bool) {
    if (++turns == 3) report.fail("broken");
  });
  EXPECT_EQ(turns, 3);
}

TEST(Turns, QuotientsAreThoseOfTheSameRounds) {
  EXPECT_EQ(quotients({6, 8, 1}, {2, 4}), (std::vector<double>{3, 2}));
}

class BareLoopWithClients : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(fleet_.open(0, 0, 20)) << fleet_.totals(0).first_error; }

  void run(const BareRun& run) {
    bare_.start(run);
    ASSERT_TRUE(bare_.await(20));
    EXPECT_EQ(bare_.tally().blocked.get(), 0u);
  }

  Board board_;
  BareLoop bare_{&board_, false};
  Fleet fleet_{{.groups = {{.target = bare_.target(), .connections = kClients, .board = &board_}},
                .processes = 2}};
};

TEST_F(BareLoopWithClients, FrozenClientsGetEverySendOnceTheyGoOn) {
  fleet_.begin_span(0);
  fleet_.freeze();
  run({.rounds = 5, .rounds_per_second = 1000, .payload_bytes = 128});
  EXPECT_EQ(fleet_.totals(0).messages, 0u) << "a stopped process has received";
  fleet_.thaw();
  ASSERT_TRUE(fleet_.await_messages(0, 5 * kClients, 20));
  fleet_.finish_span(0);
  const Totals totals = fleet_.totals(0);
  EXPECT_EQ(totals.faults(), 0u);
  EXPECT_EQ(totals.segments, 5 * kClients)
      << "a send is a segment, although they were read at once";
  EXPECT_EQ(totals.received_bytes, 5 * kClients * (128 + 4));
  EXPECT_EQ(bare_.tally().reach.count(), 5u);
}

TEST_F(BareLoopWithClients, HeartbeatsAreNoMessages) {
  fleet_.begin_span(0);
  run({.rounds = 3, .rounds_per_second = 1000, .payload_bytes = 11, .are_pings = true});
  for (int i = 0; i < 2000 && fleet_.totals(0).pings < 3 * kClients; ++i) sleep_ms(5);
  fleet_.finish_span(0);
  const Totals totals = fleet_.totals(0);
  EXPECT_EQ(totals.pings, 3 * kClients);
  EXPECT_EQ(totals.messages, 0u);
  EXPECT_EQ(totals.received_bytes, 3 * kClients * (11 + 2));
  EXPECT_EQ(totals.faults(), 0u);
}

}  // namespace
}  // namespace livehub::bench
