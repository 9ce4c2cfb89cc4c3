// The outbox against a real server: what pg-setup makes, the order of commits, losses, cleaning up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "postgres_inlet.h"
#include "postgres_server.h"
#include "source/pg_setup.h"
#include "source/postgres.h"

namespace livehub::source::pg_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PostgresOutboxTest : public ::testing::Test {
 protected:
  PostgresServer& server_ = PostgresServer::shared();
  RecordingInlet inlet_;
  std::unique_ptr<PostgresSource> source_;

  void SetUp() override {
    server_.start();
    Client(server_).run("DROP TABLE IF EXISTS livehub_outbox, \"Usage\", \"Subscription\" CASCADE");
    ASSERT_EQ(apply_pg_setup(server_.url(), "DATABASE_URL"), "");
  }
  void TearDown() override {
    if (source_) source_->stop();
  }
  PostgresOptions options() const {
    PostgresOptions made;
    made.url = server_.url();
    made.uses_outbox = true;
    return made;
  }
  void start(const PostgresOptions& made) {
    source_ = std::make_unique<PostgresSource>(made, std::make_shared<PairRules>());
    ASSERT_EQ(source_->start(inlet_), "");
    ASSERT_TRUE(comes_up(*source_));
    source_->want("ch:a");
    ASSERT_TRUE(inlet_.comes("confirm ch:a"));
  }
  // What came for ch:a.
  std::vector<std::string> received() const {
    std::vector<std::string> payloads;
    for (const std::string& line : inlet_.lines())
      if (line.starts_with("ch:a ")) payloads.push_back(line.substr(5));
    return payloads;
  }
};

constexpr const char* kOne = "SELECT livehub_publish('one a', '1')";
constexpr const char* kTwo = "SELECT livehub_publish('one a', '2')";
constexpr const char* kThree = "SELECT livehub_publish('one a', '3')";

TEST_F(PostgresOutboxTest, MessagesOfAnySizeWithOneListen) {
  Client client(server_);
  client.run("SELECT livehub_publish('one a', 'from before')");
  start(options());
  for (int i = 0; i < 500; ++i) source_->want("ch:" + std::to_string(i));
  ASSERT_TRUE(inlet_.comes("confirm ch:499"));
  client.run("SELECT livehub_publish('one a', repeat('x', 500000))");
  client.run("SELECT livehub_publish('one nobody', 'x')");
  client.run("SELECT livehub_publish('Two 499', 'y')");
  ASSERT_TRUE(inlet_.comes("ch:499 y"));
  EXPECT_THAT(received(), ElementsAre(std::string(500000, 'x')));
}

TEST_F(PostgresOutboxTest, CarriesCanariesBesideTheTable) {
  start(options());
  const std::string channel(kCanaryChannel);
  source_->want(channel);
  // It may be confirmed before its name is listened to: then the next one comes.
  EXPECT_TRUE(eventually([&] {
    source_->send_canary("1 1");
    return inlet_.count(channel + " 1 1") > 0;
  }));
  EXPECT_EQ(Client(server_).run("SELECT count(*) FROM livehub_outbox"), "0");
}

TEST_F(PostgresOutboxTest, CommitsInReverseOrderAreReadInOneOrderAndNoneIsMissed) {
  start(options());
  Client first(server_), second(server_), third(server_);
  first.run("BEGIN");
  first.run(kOne);
  second.run("BEGIN");
  second.run(kTwo);
  third.run("BEGIN");
  third.run(kThree);
  third.run("COMMIT");
  second.run("COMMIT");
  // Seen, and withheld: the first transaction may still commit. Another message shows that reading
  // goes on meanwhile.
  second.run("SELECT livehub_publish('one a', '4')");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_THAT(received(), ElementsAre());
  first.run("COMMIT");
  ASSERT_TRUE(inlet_.comes("ch:a 4"));
  EXPECT_THAT(received(), ElementsAre("1", "2", "3", "4"));
}

TEST_F(PostgresOutboxTest, ARollbackOrALongReaderHoldsNothingUpForGood) {
  start(options());
  Client first(server_), second(server_), reader(server_);
  reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  reader.run("SELECT count(*) FROM livehub_outbox");
  first.run("BEGIN");
  first.run(kOne);
  second.run(kTwo);
  EXPECT_THAT(received(), ElementsAre());
  first.run("ROLLBACK");
  ASSERT_TRUE(inlet_.comes("ch:a 2"));
  EXPECT_THAT(received(), ElementsAre("2"));
  reader.run("COMMIT");
}

TEST_F(PostgresOutboxTest, ThousandsOfRowsFromManySessionsOnceAndInTheirSessionsOrder) {
  start(options());
  constexpr int kSessions = 6, kEach = 400;
  std::vector<std::thread> threads;
  for (int s = 0; s < kSessions; ++s)
    threads.emplace_back([&, s] {
      Client client(server_);
      for (int i = 0; i < kEach; i += 4) {
        client.run("BEGIN");
        for (int j = i; j < i + 4; ++j)
          client.run("SELECT livehub_publish('one a', '" + std::to_string(s) + " " +
                     std::to_string(j) + "')");
        client.run(i % 40 == 0 ? "ROLLBACK" : "COMMIT");
      }
    });
  for (auto& thread : threads) thread.join();
  const size_t expected = kSessions * (kEach - kEach / 40 * 4);
  ASSERT_TRUE(eventually([&] { return received().size() >= expected; }));
  std::map<int, int> last;
  for (const std::string& payload : received()) {
    const int session = std::stoi(payload), number = std::stoi(payload.substr(2));
    EXPECT_TRUE(!last.contains(session) || last[session] < number) << payload;
    last[session] = number;
  }
  EXPECT_EQ(received().size(), expected);
}

TEST_F(PostgresOutboxTest, WhatIsWrittenWhileWeAreAwayComesLaterAndIsNoGap) {
  start(options());
  Client client(server_);
  client.run(kOne);
  ASSERT_TRUE(inlet_.comes("ch:a 1"));
  client.run("BEGIN");
  client.run(kTwo);
  client.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'livehub'");
  client.run(kThree);
  client.run("COMMIT");
  ASSERT_TRUE(inlet_.comes("ch:a 3"));
  EXPECT_THAT(received(), ElementsAre("1", "2", "3"));
  ASSERT_TRUE(comes_up(*source_));
  EXPECT_EQ(inlet_.count("gap ch:a"), 0u);
}

TEST_F(PostgresOutboxTest, AfterAServersCrashToo) {
  start(options());
  Client(server_).run(kOne);
  ASSERT_TRUE(inlet_.comes("ch:a 1"));
  server_.stop(SIGQUIT);
  server_.start();
  Client(server_).run(kTwo);
  ASSERT_TRUE(inlet_.comes("ch:a 2"));
  EXPECT_THAT(received(), ElementsAre("1", "2"));
  EXPECT_EQ(inlet_.count("gap ch:a"), 0u);
}

TEST_F(PostgresOutboxTest, AFullHubHoldsTheRowsUpAndGetsThemAll) {
  start(options());
  inlet_.set_full(true);
  Client client(server_);
  client.run("SELECT livehub_publish('one a', n::text) FROM generate_series(1, 1200) n");
  ASSERT_TRUE(eventually([&] { return inlet_.full_count() > 2; }));
  inlet_.set_full(false);
  ASSERT_TRUE(inlet_.comes("ch:a 1200"));
  const auto all = received();
  ASSERT_EQ(all.size(), 1200u);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], std::to_string(i + 1));
}

TEST_F(PostgresOutboxTest, OldRowsAreDeletedInBatchesNewOnesStay) {
  PostgresOptions made = options();
  made.purge_ms = 100;
  start(made);
  Client client(server_);
  client.run("SELECT livehub_publish('one x', n::text) FROM generate_series(1, 2500) n");
  client.run("UPDATE livehub_outbox SET created = now() - interval '2 hours'");
  client.run(kOne);
  ASSERT_TRUE(inlet_.comes("ch:a 1"));
  EXPECT_TRUE(eventually([&] { return client.run("SELECT count(*) FROM livehub_outbox") == "1"; }));
  EXPECT_TRUE(is_up(*source_));
}

TEST_F(PostgresOutboxTest, TooLongAwayIsAGap) {
  PostgresOptions made = options();
  made.outbox_seconds = 0;  // whatever has passed is too long
  start(made);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Client(server_).run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'livehub'");
  EXPECT_TRUE(inlet_.comes("gap ch:a"));
}

TEST_F(PostgresOutboxTest, WithoutTheTableTheStartIsRefused) {
  Client(server_).run("DROP TABLE livehub_outbox");
  PostgresSource source(options(), std::make_shared<PairRules>());
  EXPECT_THAT(source.start(inlet_), HasSubstr("PG_OUTBOX: the table livehub_outbox is not there"));
}

TEST_F(PostgresOutboxTest, SetupMayBeAppliedAgainAndTriggersSendRows) {
  Client client(server_);
  client.run("CREATE TABLE \"Usage\" (id int PRIMARY KEY, \"userId\" text, month text)");
  ASSERT_EQ(apply_pg_setup(server_.url(), "DATABASE_URL"), "");
  ASSERT_EQ(apply_pg_setup(server_.url(), "DATABASE_URL"), "");
  client.run("INSERT INTO \"Usage\" VALUES (1, 'u-1', 'may'), (2, NULL, 'june')");
  client.run("UPDATE \"Usage\" SET month = 'july'");
  client.run("DELETE FROM \"Usage\"");
  EXPECT_EQ(client.run("SELECT string_agg(channel || ' ' || (payload::json ->> 'operation') || ' ' "
                       "|| (payload::json -> 'data')::text, E'\\n' ORDER BY id) "
                       "FROM livehub_outbox"),
            "user_usage_u-1 INSERT {\"id\":1,\"userId\":\"u-1\",\"month\":\"may\"}\n"
            "user_usage_u-1 UPDATE {\"id\":1,\"userId\":\"u-1\",\"month\":\"july\"}\n"
            "user_usage_u-1 DELETE {\"id\":1,\"userId\":\"u-1\",\"month\":\"july\"}");
  EXPECT_EQ(client.run("SELECT json_typeof(payload::json -> 'timestamp') FROM livehub_outbox"),
            "number");
  client.run("SELECT livehub_unwatch('\"Usage\"')");
  client.run("INSERT INTO \"Usage\" VALUES (3, 'u-1', 'may')");
  EXPECT_EQ(client.run("SELECT count(*) FROM livehub_outbox"), "3");
  EXPECT_THAT(client.error_of("SELECT livehub_watch('\"Usage\"', 'no such')"),
              HasSubstr("has no column"));
}

TEST_F(PostgresOutboxTest, AnApplicationWithoutRightsOnTheOutboxMayWriteItsTables) {
  Client client(server_);
  client.run("CREATE TABLE \"Subscription\" (id int, \"userId\" text)");
  ASSERT_EQ(apply_pg_setup(server_.url(), "DATABASE_URL"), "");
  client.run("DROP ROLE IF EXISTS app");
  client.run("CREATE ROLE app");
  client.run("GRANT INSERT ON \"Subscription\" TO app");
  client.run("SET ROLE app");
  client.run("INSERT INTO \"Subscription\" VALUES (1, 'u')");
  EXPECT_THAT(client.error_of(kOne), HasSubstr("permission denied"));
  EXPECT_THAT(client.error_of("SELECT * FROM livehub_outbox"), HasSubstr("permission denied"));
  client.run("RESET ROLE");
  EXPECT_EQ(client.run("SELECT channel FROM livehub_outbox"), "user_subscription_u");
}

TEST(PgSetup, TheSameSqlForPsql) {
  EXPECT_THAT(std::string(pg_setup_sql()), HasSubstr("CREATE TABLE IF NOT EXISTS livehub_outbox"));
  EXPECT_THAT(apply_pg_setup("nonsense", "DATABASE_URL"), HasSubstr("DATABASE_URL is not"));
}

}  // namespace
}  // namespace livehub::source::pg_test
