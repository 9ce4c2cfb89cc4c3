// What the list of drops keeps of those who ask for it; the rest is in
// tests/integration/drop_list.test.mjs.
#include "profile/drop_board.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "source/http_client.h"
#include "source/nats.h"

namespace livehub::profile {
namespace {

TEST(DropBoard, KeepsNothingOfWhoAsksBeforeTheBucketIsKnown) {
  ProfileContext context;
  context.post = [](const std::function<void()>&) {};
  context.publish = [](const Publication&) {};
  const auto nats = std::make_shared<source::NatsSource>(
      source::NatsOptions(),
      source::NatsRule{.feeds = [](std::string_view) { return false; },
                       .subject_of = [](std::string_view name) { return std::string(name); },
                       .channel_of = [](std::string_view name) { return std::string(name); },
                       .decode = {}});
  const auto http = std::make_shared<source::HttpClient>(source::HttpClientOptions());
  DropBoard board(context, nats, http, base::unix_ms,
                  [](std::string_view) { return source::HttpCall(); });
  board.arrive();  // one who stays; others come and go
  const auto of_a_visitor = std::make_shared<int>();
  for (int i = 0; i < 100; ++i) {
    board.arrive();
    board.ask([of_a_visitor](const std::string&) {});
    board.leave();
  }
  EXPECT_EQ(of_a_visitor.use_count(), 1);
}

}  // namespace
}  // namespace livehub::profile
