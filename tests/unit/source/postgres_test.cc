// PostgresSource against a real server: listening, losing it in every way, poolers, backpressure.
#include "source/postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "postgres_inlet.h"
#include "postgres_server.h"

namespace livehub::source::pg_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PostgresOptions options_for(const PostgresServer& server, const std::string& parameters = "") {
  PostgresOptions options;
  options.url = server.url(parameters);
  return options;
}

class PostgresTest : public ::testing::Test {
 protected:
  PostgresServer& server_ = PostgresServer::shared();
  RecordingInlet inlet_;
  PostgresSource source_{options_for(server_), std::make_shared<PairRules>()};
  void SetUp() override {
    server_.start();
    ASSERT_EQ(source_.start(inlet_), "");
    ASSERT_TRUE(comes_up(source_));
  }
  void TearDown() override { source_.stop(); }
  std::string backend_pid() {
    return Client(server_).run(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'livehub'");
  }
};

TEST_F(PostgresTest, ListensAndHearsBothNames) {
  source_.want("ch:a");
  ASSERT_TRUE(inlet_.comes("confirm ch:a"));
  Client client(server_);
  client.notify("one a", "{\"n\":1}");
  client.notify("Two a", "drop");
  client.notify("Two a", "bad");
  client.notify("two a", "another spelling is another name");
  client.notify("one b", "nobody's");
  client.notify("Two a", "{\"n\":2}");
  ASSERT_TRUE(inlet_.comes("ch:a {\"n\":2}"));
  EXPECT_EQ(inlet_.lines(),
            (std::vector<std::string>{"confirm ch:a", "ch:a {\"n\":1}", "ch:a {\"n\":2}"}));
}

TEST_F(PostgresTest, CarriesCanariesPastTheRulesAndOverANewLink) {
  const std::string channel(kCanaryChannel);
  source_.want(channel);
  ASSERT_TRUE(inlet_.comes("confirm " + channel));
  EXPECT_EQ(source_.wanted_channels(), 0u);  // of clients
  source_.send_canary("1 1");
  ASSERT_TRUE(inlet_.comes(channel + " 1 1"));
  source_.rebuild();
  ASSERT_TRUE(inlet_.comes("gap " + channel));
  EXPECT_EQ(source_.links().at(0).reconnects, 1u);
  source_.send_canary("1 2");
  EXPECT_TRUE(inlet_.comes(channel + " 1 2"));
}

TEST_F(PostgresTest, NamesAreQuoted) {
  const std::string odd = "ch:x\"; DROP TABLE y; --'\\ \xc3\xa9";
  source_.want(odd);
  ASSERT_TRUE(inlet_.comes("confirm " + odd));
  Client(server_).notify("one " + odd.substr(3), "heard");
  EXPECT_TRUE(inlet_.comes(odd + " heard"));
}

TEST_F(PostgresTest, LongNamesAreRefusedAndOthersAreNot) {
  const std::string longest = "ch:" + std::string(kPgNameBytesMax - 4, 'x');
  source_.want(longest + "x");
  source_.want("ch:" + std::string("a\0b", 3));
  source_.want(longest);
  ASSERT_TRUE(inlet_.comes("confirm " + longest));
  EXPECT_EQ(inlet_.count("refuse " + longest + "x"), 1u);
  EXPECT_EQ(inlet_.count_beginning("refuse "), 2u);
  Client(server_).notify("one " + longest.substr(3), "heard");
  EXPECT_TRUE(inlet_.comes(longest + " heard"));
}

TEST_F(PostgresTest, UnlistensWhenNobodyWantsItAndListensAnew) {
  source_.want("ch:a");
  source_.want("ch:b");
  ASSERT_TRUE(inlet_.comes("confirm ch:b"));
  source_.unwant("ch:a");
  source_.want("ch:c");
  ASSERT_TRUE(inlet_.comes("confirm ch:c"));
  Client client(server_);
  client.notify("one a", "unheard");
  client.notify("one b", "heard");
  ASSERT_TRUE(inlet_.comes("ch:b heard"));
  EXPECT_EQ(inlet_.count_beginning("ch:a"), 0u);
  source_.want("ch:a");
  ASSERT_TRUE(inlet_.comes("confirm ch:a", 2));
  client.notify("one a", "again");
  EXPECT_TRUE(inlet_.comes("ch:a again"));
}

TEST_F(PostgresTest, OneConnectionThatNeverSitsInATransaction) {
  for (int i = 0; i < 1200; ++i) source_.want("ch:" + std::to_string(i));
  ASSERT_TRUE(inlet_.comes("confirm ch:1199"));
  Client client(server_);
  const std::string where = " FROM pg_stat_activity WHERE application_name = 'livehub'";
  EXPECT_TRUE(eventually([&] { return client.run("SELECT count(*)" + where) == "1"; }));
  EXPECT_EQ(client.run("SELECT state" + where), "idle");
  EXPECT_EQ(client.run("SELECT xact_start IS NULL" + where), "t");
  for (int i = 0; i < 1200; ++i) client.notify("Two " + std::to_string(i), "heard");
  for (int i = 0; i < 1200; ++i)
    ASSERT_TRUE(inlet_.comes("ch:" + std::to_string(i) + " heard")) << i;
}

TEST_F(PostgresTest, ATerminatedBackendIsReplacedAndTheGapIsTold) {
  for (int i = 0; i < 1200; ++i) source_.want("ch:" + std::to_string(i));
  ASSERT_TRUE(eventually([&] { return inlet_.count_beginning("confirm ") == 1200; }));
  Client client(server_);
  client.run("SELECT pg_terminate_backend(" + backend_pid() + ")");
  ASSERT_TRUE(eventually([&] { return inlet_.count_beginning("gap ") == 1200; }));
  ASSERT_TRUE(comes_up(source_));
  client.notify("one 7", "after");
  EXPECT_TRUE(inlet_.comes("ch:7 after"));
  EXPECT_EQ(source_.links().at(0).reconnects, 1u);
  EXPECT_EQ(inlet_.count_beginning("confirm "), 1200u);
  EXPECT_EQ(inlet_.count_beginning("refuse "), 0u);
}

TEST_F(PostgresTest, WhileTheServerIsAwayWhoeverComesIsRefusedAndConfirmedLater) {
  source_.want("ch:old");
  ASSERT_TRUE(inlet_.comes("confirm ch:old"));
  server_.stop(SIGQUIT);  // as if it was killed
  ASSERT_TRUE(eventually([&] { return !is_up(source_); }));
  source_.want("ch:new");
  ASSERT_TRUE(inlet_.comes("refuse ch:new"));
  EXPECT_NE(source_.links().at(0).problem, "");
  EXPECT_THAT(source_.links().at(0).problem, Not(HasSubstr("s3cret")));
  server_.start();
  ASSERT_TRUE(inlet_.comes("confirm ch:new"));
  ASSERT_TRUE(inlet_.comes("gap ch:old"));
  Client client(server_);
  client.notify("one new", "1");
  client.notify("one old", "2");
  EXPECT_TRUE(inlet_.comes("ch:new 1"));
  EXPECT_TRUE(inlet_.comes("ch:old 2"));
  EXPECT_EQ(inlet_.count("refuse ch:old"), 0u);
}

TEST_F(PostgresTest, AMessageTheHubHasNoRoomForIsHeldAndNothingOvertakesIt) {
  source_.want("ch:a");
  ASSERT_TRUE(inlet_.comes("confirm ch:a"));
  inlet_.set_full(true);
  Client client(server_);
  for (int i = 0; i < 100; ++i) client.notify("one a", std::to_string(i));
  ASSERT_TRUE(eventually([&] { return inlet_.full_count() > 3; }));
  EXPECT_EQ(inlet_.lines().size(), 1u);
  inlet_.set_full(false);
  ASSERT_TRUE(inlet_.comes("ch:a 99"));
  std::vector<std::string> expected = {"confirm ch:a"};
  for (int i = 0; i < 100; ++i) expected.push_back("ch:a " + std::to_string(i));
  EXPECT_EQ(inlet_.lines(), expected);
  EXPECT_TRUE(is_up(source_));
}

TEST_F(PostgresTest, StopsWhileTheHubIsFull) {
  source_.want("ch:a");
  ASSERT_TRUE(inlet_.comes("confirm ch:a"));
  inlet_.set_full(true);
  Client(server_).notify("one a", "held");
  ASSERT_TRUE(eventually([&] { return inlet_.full_count() > 0; }));
  source_.stop();
  EXPECT_EQ(inlet_.count("ch:a held"), 0u);
}

TEST(Postgres, AFrozenServerIsFoundBySilenceAndBackAfterIt) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  PostgresOptions options = options_for(server);
  options.alive_ms = 200;
  options.silence_ms = 600;
  RecordingInlet inlet;
  PostgresSource source(options, std::make_shared<PairRules>());
  ASSERT_EQ(source.start(inlet), "");
  source.want("ch:a");
  ASSERT_TRUE(inlet.comes("confirm ch:a"));
  server.freeze();
  EXPECT_TRUE(eventually([&] { return !is_up(source); }));
  EXPECT_THAT(source.links().at(0).problem, HasSubstr("no notification came back"));
  server.thaw();
  ASSERT_TRUE(inlet.comes("gap ch:a"));
  Client(server).notify("one a", "back");
  EXPECT_TRUE(inlet.comes("ch:a back"));
  source.stop();
}

TEST(Postgres, TlsAsTheUrlSays) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  for (const auto& [parameters, is_encrypted] :
       {std::pair("?sslmode=require", "t"),
        std::pair("?ssl=true&schema=public&pgbouncer=true", "t"),
        std::pair("?sslmode=disable", "f")}) {
    RecordingInlet inlet;
    PostgresSource source(options_for(server, parameters), std::make_shared<PairRules>());
    ASSERT_EQ(source.start(inlet), "");
    ASSERT_TRUE(comes_up(source)) << source.links().at(0).problem;
    EXPECT_EQ(Client(server).run("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                                 " WHERE application_name = 'livehub'"),
              is_encrypted);
    source.stop();
  }
}

TEST(Postgres, AWrongPasswordIsAProblemWithoutIt) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  PostgresOptions options;
  options.url = "postgres://owner:wr0ng@127.0.0.1:" + std::to_string(server.port()) + "/postgres";
  RecordingInlet inlet;
  PostgresSource source(options, std::make_shared<PairRules>());
  EXPECT_EQ(source.start(inlet), "");
  EXPECT_FALSE(is_up(source));
  const auto problem = [&] { return source.links().at(0).problem; };
  EXPECT_TRUE(eventually([&] {
    return problem().find("password authentication failed") != std::string::npos;
  })) << problem();
  EXPECT_THAT(problem(), Not(HasSubstr("wr0ng")));
  source.want("ch:a");
  EXPECT_TRUE(inlet.comes("refuse ch:a"));
  source.stop();
}

TEST(Postgres, StartsWithoutAServerAndFindsItLater) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  const PostgresOptions options = options_for(server);
  server.stop();
  RecordingInlet inlet;
  PostgresSource source(options, std::make_shared<PairRules>());
  EXPECT_EQ(source.start(inlet), "");
  source.want("ch:a");
  EXPECT_TRUE(inlet.comes("refuse ch:a"));
  server.start();
  EXPECT_TRUE(inlet.comes("confirm ch:a"));
  EXPECT_TRUE(comes_up(source));
  source.stop();
}

TEST(Postgres, APoolerInBetweenStopsTheStart) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  const Pooler pooler(server);
  PostgresOptions options;
  options.url = server.url("", pooler.port());
  options.probe_ms = 1'000;
  RecordingInlet inlet;
  PostgresSource source(options, std::make_shared<PairRules>());
  const std::string sentence = source.start(inlet);
  EXPECT_THAT(sentence, HasSubstr("DATABASE_URL"));
  EXPECT_THAT(sentence, HasSubstr("pooler"));
  EXPECT_THAT(sentence, HasSubstr("direct host"));
  EXPECT_THAT(sentence, Not(HasSubstr("s3cret")));
}

TEST(Postgres, AWrongUrlStopsTheStart) {
  PostgresOptions options;
  options.url = "postgres://u:hush@ep-a-1-pooler.eu.example/db";
  RecordingInlet inlet;
  PostgresSource source(options, std::make_shared<PairRules>());
  EXPECT_THAT(source.start(inlet), HasSubstr("use the direct host ep-a-1.eu.example."));
  EXPECT_FALSE(is_up(source));
  source.want("ch:a");
  source.stop();
}

}  // namespace
}  // namespace livehub::source::pg_test
