#include "source/nats_refusals.h"

#include <gtest/gtest.h>

namespace livehub::source {
namespace {

using Names = std::vector<std::string>;

TEST(NatsRefusals, FindsTheSubjectInTheServersWords) {
  const auto refusal = parse_nats_refusal("Permissions Violation for Subscription to \"a.*.b\"");
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->subject, "a.*.b");
  EXPECT_FALSE(refusal->is_publish);
  const auto publish = parse_nats_refusal("'Permissions Violation for Publish to \"x\"'");
  ASSERT_TRUE(publish);
  EXPECT_EQ(publish->subject, "x");
  EXPECT_TRUE(publish->is_publish);
  const auto queue =
      parse_nats_refusal("Permissions Violation for Subscription to \"foo\" using queue \"bar\"");
  EXPECT_EQ(queue->subject, "foo");
  EXPECT_EQ(parse_nats_refusal("Subscription to \"_INBOX.7Qx.1\"")->subject, "_INBOX.>");
}

TEST(NatsRefusals, OtherWordsAndCutOnesAreNone) {
  for (const char* text : {"", "Permissions Violation", "Subscription to", "Subscription to \"",
                           "Subscription to \"\"", "Subscription to \"cut.of"})
    EXPECT_FALSE(parse_nats_refusal(text)) << text;
}

TEST(NatsRefusals, IsDownWhileThereIsOneAndNamesIt) {
  NatsRefusals refusals("nats permissions");
  EXPECT_TRUE(refusals.state().is_up);
  EXPECT_EQ(refusals.state().name, "nats permissions");
  refusals.note({.subject = "b"});
  refusals.note({.subject = "b"});
  EXPECT_FALSE(refusals.state().is_up);
  EXPECT_EQ(refusals.state().problem, "the server does not permit us to subscribe to \"b\"");
  refusals.note({.is_publish = true, .subject = "a"});
  EXPECT_EQ(refusals.state().problem,
            "the server does not permit us to publish to \"a\", nor 1 others");
  EXPECT_EQ(refusals.subjects(), (Names{"a", "b"}));
  EXPECT_EQ(refusals.take_news(), (Names{"b", "b", "a"}));
  EXPECT_EQ(refusals.take_news(), Names());
  refusals.forget("a");
  refusals.forget("unknown");
  EXPECT_FALSE(refusals.is_empty());
  refusals.clear();
  EXPECT_TRUE(refusals.state().is_up);
  EXPECT_EQ(refusals.state().problem, "");
}

}  // namespace
}  // namespace livehub::source
