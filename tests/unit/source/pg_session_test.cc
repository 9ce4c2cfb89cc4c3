// One session's clock, against a real server and with times of the test's own.
#include "source/pg_session.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "postgres_inlet.h"
#include "postgres_server.h"
#include "postgres_stand_in.h"

namespace livehub::source::pg_test {
namespace {

TEST(PgSession, WithoutAnOutboxNothingIsDueButTheProofOfLife) {
  PostgresServer& server = PostgresServer::shared();
  server.start();
  PostgresOptions options;
  options.url = server.url();
  options.alive_ms = 500'000;
  options.silence_ms = 1'000'000;
  options.purge_ms = 10;  // of the outbox's old rows: none here
  PairRules rules;
  RecordingInlet inlet;
  PgContext context(options, rules, inlet);
  context.alive_name = "livehub_alive_session_test";
  PgHandle connection(PQconnectdb(options.url.c_str()));
  ASSERT_EQ(PQstatus(connection.get()), CONNECTION_OK);
  PQsetnonblocking(connection.get(), 1);
  PgSession session(context, std::move(connection), false, 0);
  ASSERT_TRUE(eventually([&] {
    pollfd readable{session.fd(), POLLIN, 0};
    poll(&readable, 1, 10);
    EXPECT_TRUE(session.turn(1)) << session.problem();
    return session.is_up() && session.due_ms(1) > 400'000;
  }));
  EXPECT_EQ(session.due_ms(1'000), 500'001);
}

// A session over which one user comes, whose LISTEN fails with that SQLSTATE. Its problem, or
// nothing if it lives on.
std::string problem_after(const std::string& state, RecordingInlet& inlet) {
  PostgresStandIn server([&](const std::string& query) {
    return query.find("one u") == query.npos ? std::string() : state;
  });
  PostgresOptions options;
  options.url = server.url();
  PairRules rules;
  PgContext context(options, rules, inlet);
  context.alive_name = "livehub_alive_session_test";
  PgHandle connection(PQconnectdb(options.url.c_str()));
  EXPECT_EQ(PQstatus(connection.get()), CONNECTION_OK) << PQerrorMessage(connection.get());
  PQsetnonblocking(connection.get(), 1);
  PgSession session(context, std::move(connection), false, 0);
  context.plan.want("ch:u", {"one u"});
  const auto lives = [&] {
    pollfd readable{session.fd(), POLLIN, 0};
    poll(&readable, 1, 10);
    return session.turn(1);
  };
  EXPECT_TRUE(eventually([&] { return !lives() || inlet.count("refuse ch:u") > 0; }));
  return session.problem();
}

TEST(PgSession, AListenThatFailsForAWhileEndsTheSessionSoThatItIsTriedAgain) {
  for (const std::string state : {"57014", "53200", "55P03", "XX000"}) {
    RecordingInlet inlet;
    EXPECT_NE(problem_after(state, inlet), "") << state;
    EXPECT_EQ(inlet.count("refuse ch:u"), 0u) << state;
  }
}

TEST(PgSession, ANameThatTheServerDoesNotTakeCostsItsOwnChannelOnly) {
  for (const std::string state : {"22P05", "22021", "42602"}) {
    RecordingInlet inlet;
    EXPECT_EQ(problem_after(state, inlet), "") << state;
    EXPECT_EQ(inlet.count("refuse ch:u"), 1u) << state;
  }
}

}  // namespace
}  // namespace livehub::source::pg_test
