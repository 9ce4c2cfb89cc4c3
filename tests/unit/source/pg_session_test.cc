// One session's clock, against a real server and with times of the test's own.
#include "source/pg_session.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "postgres_inlet.h"
#include "postgres_server.h"

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

}  // namespace
}  // namespace livehub::source::pg_test
