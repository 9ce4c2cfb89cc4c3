#include "source/redis_resolver.h"

#include <gtest/gtest.h>

#include <future>

namespace livehub::source {
namespace {

TEST(RedisResolver, AnswersEachQuestionOnItsOwnThread) {
  RedisResolver resolver;
  std::promise<std::pair<size_t, std::string>> literal, nobody;
  resolver.ask("127.0.0.1", 6379, [&](std::vector<SocketAddress> found, std::string problem) {
    literal.set_value({found.size(), problem});
  });
  resolver.ask("nobody.invalid", 6379, [&](std::vector<SocketAddress> found, std::string problem) {
    nobody.set_value({found.size(), problem});
  });
  EXPECT_EQ(literal.get_future().get(), (std::pair<size_t, std::string>(1, "")));
  const auto answer = nobody.get_future().get();
  EXPECT_EQ(answer.first, 0u);
  EXPECT_NE(answer.second.find("cannot be resolved"), std::string::npos);
}

TEST(RedisResolver, EndsWithQuestionsWaiting) {
  for (int i = 0; i < 50; ++i) {
    RedisResolver resolver;
    for (int n = 0; n < 20; ++n)
      resolver.ask("127.0.0.1", 1, [](std::vector<SocketAddress>, std::string) {});
  }
}

}  // namespace
}  // namespace livehub::source
