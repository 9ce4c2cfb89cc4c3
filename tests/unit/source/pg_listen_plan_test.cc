// The plan alone: counting, batches, losses, refusals; and a random run against a model.
#include "source/pg_listen_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace livehub::source {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names_of(const std::vector<PgListenPlan::Channel*>& channels) {
  std::vector<std::string> names;
  for (const auto* channel : channels) names.emplace_back(channel->channel);
  return names;
}

TEST(PgListenPlan, AChannelIsReadyWithItsLastName) {
  PgListenPlan plan;
  EXPECT_EQ(plan.want("a", {"x", "y", "x"}).first->missing, 2u);
  EXPECT_EQ(plan.next_batch(1), "LISTEN \"x\";");
  EXPECT_THAT(plan.batch_done(), IsEmpty());
  EXPECT_EQ(plan.next_batch(1), "LISTEN \"y\";");
  EXPECT_THAT(names_of(plan.batch_done()), ElementsAre("a"));
  EXPECT_EQ(plan.next_batch(9), "");
  EXPECT_EQ(plan.held(), 2u);
  EXPECT_FALSE(plan.want("a", {"x", "y"}).second);
}

TEST(PgListenPlan, ANameIsLeftWithItsLastChannel) {
  PgListenPlan plan;
  plan.want("a", {"x", "shared"});
  plan.want("b", {"y", "shared"});
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"x\";LISTEN \"shared\";LISTEN \"y\";");
  EXPECT_THAT(names_of(plan.batch_done()), UnorderedElementsAre("a", "b"));
  plan.unwant("a");
  EXPECT_EQ(plan.next_batch(9), "UNLISTEN \"x\";");
  EXPECT_THAT(plan.batch_done(), IsEmpty());
  EXPECT_EQ(plan.want("c", {"shared"}).first->missing, 0u);
  plan.unwant("nobody's");
  EXPECT_EQ(plan.held(), 2u);
}

TEST(PgListenPlan, AChangeOfMindMeanwhileIsCaughtUp) {
  PgListenPlan plan;
  plan.want("a", {"x"});
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"x\";");
  plan.unwant("a");
  EXPECT_THAT(plan.batch_done(), IsEmpty());
  EXPECT_EQ(plan.next_batch(9), "UNLISTEN \"x\";");
  EXPECT_EQ(plan.want("a", {"x"}).first->missing, 1u);
  EXPECT_THAT(plan.batch_done(), IsEmpty());
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"x\";");
  EXPECT_THAT(names_of(plan.batch_done()), ElementsAre("a"));
  plan.unwant("a");
  plan.want("a", {"x"});
  EXPECT_EQ(plan.next_batch(9), "") << "it is held: nothing to say";
}

TEST(PgListenPlan, WhoComesNewGoesBeforeThoseAfterALoss) {
  PgListenPlan plan;
  plan.want("old", {"o"});
  (void)plan.next_batch(9);
  (void)plan.batch_done();
  plan.link_lost();
  EXPECT_TRUE(plan.is_restoring());
  plan.want("new", {"n"});
  EXPECT_EQ(plan.next_batch(1), "LISTEN \"n\";");
  EXPECT_TRUE(plan.is_restoring());
  EXPECT_THAT(names_of(plan.batch_done()), ElementsAre("new"));
  EXPECT_EQ(plan.next_batch(1), "LISTEN \"o\";");
  EXPECT_TRUE(plan.is_restoring());
  EXPECT_THAT(names_of(plan.batch_done()), ElementsAre("old"));
  EXPECT_FALSE(plan.is_restoring());
}

TEST(PgListenPlan, ANameThatIsRefusedCostsItsOwnChannelOnly) {
  PgListenPlan plan;
  plan.want("good", {"g"});
  plan.want("evil", {"e"});
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"g\";LISTEN \"e\";");
  EXPECT_THAT(plan.batch_failed(), IsEmpty());
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"g\";");
  EXPECT_THAT(names_of(plan.batch_done()), ElementsAre("good"));
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"e\";");
  EXPECT_THAT(names_of(plan.batch_failed()), ElementsAre("evil"));
  EXPECT_EQ(plan.next_batch(9), "");
  EXPECT_EQ(plan.held(), 1u);
  plan.link_lost();  // another server may take it
  EXPECT_NE(plan.next_batch(9).find("\"e\""), std::string::npos);
}

TEST(PgListenPlan, ANameThatFailsForAWhileRestsAndIsTriedByItself) {
  PgListenPlan plan;
  plan.want("a", {"x"});
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"x\";");
  EXPECT_THAT(names_of(plan.batch_failed(true)), ElementsAre("a"));
  EXPECT_TRUE(plan.is_restoring());
  EXPECT_EQ(plan.next_batch(9), "");
  plan.want("b", {"x"});  // queued once
  plan.want("c", {"y"});
  plan.wake_resting();
  EXPECT_TRUE(plan.is_restoring());
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"x\";");
  EXPECT_TRUE(plan.is_restoring());
  EXPECT_THAT(names_of(plan.batch_done()), UnorderedElementsAre("a", "b"));
  EXPECT_FALSE(plan.is_restoring());
  EXPECT_EQ(plan.next_batch(9), "LISTEN \"y\";");
  EXPECT_THAT(names_of(plan.batch_failed(true)), ElementsAre("c"));
  plan.unwant("c");  // nobody waits any more
  plan.wake_resting();
  EXPECT_EQ(plan.next_batch(9), "");
  EXPECT_EQ(plan.held(), 1u);
}

// What a server would hold, by reading the statements.
void tell_server(const std::string& statements, std::set<std::string>& held) {
  size_t at = 0;
  while (at < statements.size()) {
    const size_t end = statements.find(';', at);
    const std::string one = statements.substr(at, end - at);
    const std::string name = one.substr(one.find('"'));
    if (one.starts_with("LISTEN"))
      EXPECT_TRUE(held.insert(name).second) << one;
    else
      EXPECT_EQ(held.erase(name), 1u) << one;
    at = end + 1;
  }
}

TEST(PgListenPlan, ANameThatIsWantedAgainWhileItsUnlistenFailsIsHadAgain) {
  for (const bool is_alone : {true, false}) {
    PgListenPlan plan;
    plan.want("a", {"x"});
    (void)plan.next_batch(10);
    (void)plan.batch_done();
    plan.unwant("a");
    if (!is_alone) plan.want("bad", {"bad"});
    EXPECT_NE(plan.next_batch(10).find("UNLISTEN \"x\";"), std::string::npos);
    PgListenPlan::Channel* again = plan.want("a", {"x"}).first;
    EXPECT_EQ(again->missing, 1u);
    (void)plan.batch_failed();
    bool is_ready = false;
    for (std::string batch = plan.next_batch(10); !batch.empty(); batch = plan.next_batch(10)) {
      if (batch == "LISTEN \"bad\";") {
        (void)plan.batch_failed();
        continue;
      }
      EXPECT_EQ(batch, "LISTEN \"x\";");
      for (const PgListenPlan::Channel* channel : plan.batch_done()) is_ready |= channel == again;
    }
    EXPECT_TRUE(is_ready);
    EXPECT_EQ(again->missing, 0u);
    EXPECT_EQ(plan.held(), 1u);
  }
}

TEST(PgListenPlan, RandomRunsEndWithExactlyWhatIsWanted) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    PgListenPlan plan;
    std::set<std::string> held, wanted;
    std::string batch;
    for (int step = 0; step < 400; ++step) {
      const std::string channel = "c" + std::to_string(random() % 12);
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
          if (wanted.insert(channel).second)
            plan.want(channel, {channel, "s" + channel.substr(1, 1)});
          break;
        case 3:
        case 4:
          if (wanted.erase(channel)) plan.unwant(channel);
          break;
        case 5:
          if (batch.empty()) batch = plan.next_batch(1 + random() % 5);
          break;
        case 6:
          if (batch.empty()) break;
          tell_server(batch, held);
          for (const auto* ready : plan.batch_done()) EXPECT_EQ(ready->missing, 0u);
          batch.clear();
          break;
        default:
          if (random() % 10 != 0) break;
          plan.link_lost();
          batch.clear();
          held.clear();
      }
    }
    if (!batch.empty()) tell_server(batch, held), (void)plan.batch_done();
    while (!(batch = plan.next_batch(3)).empty()) tell_server(batch, held), (void)plan.batch_done();
    std::set<std::string> expected;
    for (const std::string& channel : wanted) {
      EXPECT_EQ(plan.find(channel)->missing, 0u) << "seed " << seed;
      expected.insert("\"" + channel + "\"");
      expected.insert("\"s" + channel.substr(1, 1) + "\"");
    }
    EXPECT_EQ(held, expected) << "seed " << seed;
    EXPECT_EQ(plan.held(), expected.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace livehub::source
