// One session's clock, against a real server and with times of the test's own.
#include "source/pg_session.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <memory>

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

// A session over which one user comes, against a server whose answers are the test's.
struct Rig {
  explicit Rig(PostgresStandIn::Verdict verdict) : server(std::move(verdict)) {
    options.url = server.url();
    context.alive_name = "livehub_alive_session_test";
    PgHandle connection(PQconnectdb(options.url.c_str()));
    EXPECT_EQ(PQstatus(connection.get()), CONNECTION_OK) << PQerrorMessage(connection.get());
    PQsetnonblocking(connection.get(), 1);
    session = std::make_unique<PgSession>(context, std::move(connection), false, 0);
    context.plan.want("ch:u", {"one u"});
  }
  bool turns_until(const std::function<bool()>& is_true) {
    return eventually([&] {
      pollfd readable{session->fd(), POLLIN, 0};
      poll(&readable, 1, 10);
      EXPECT_TRUE(session->turn(now_ms)) << session->problem();
      return is_true();
    });
  }
  PostgresStandIn server;
  PostgresOptions options;
  PairRules rules;
  RecordingInlet inlet;
  PgContext context{options, rules, inlet};
  std::unique_ptr<PgSession> session;
  int64_t now_ms = 1;
};

// In the turn that reads it: behind it there may be nothing to wake up for.
TEST(PgSession, AServerThatTalksNonsenseIsLeft) {
  Rig rig([](const std::string&) { return std::string(); });
  ASSERT_TRUE(rig.turns_until([&] { return rig.inlet.count("confirm ch:u") == 1; }));
  rig.server.say(std::string(64, '\xff'));
  pollfd readable{rig.session->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&readable, 1, 30'000), 1);
  EXPECT_FALSE(rig.session->turn(rig.now_ms));
  EXPECT_NE(rig.session->problem(), "");
}

TEST(PgSession, AListenThatFailsForAWhileIsTriedAgainAndReadinessSaysSo) {
  for (const std::string state : {"57014", "53200", "55P03", "XX000"}) {
    std::atomic<bool> is_failing = true;
    Rig rig([&](const std::string& query) {
      return is_failing && query.find("one u") != query.npos ? state : std::string();
    });
    ASSERT_TRUE(rig.turns_until([&] { return rig.inlet.count("refuse ch:u") == 1; })) << state;
    EXPECT_FALSE(rig.session->is_up());
    is_failing = false;
    EXPECT_EQ(rig.inlet.count("confirm ch:u"), 0u);
    rig.now_ms += rig.options.alive_ms;  // the next proof of life
    ASSERT_TRUE(rig.turns_until([&] { return rig.inlet.count("confirm ch:u") == 1; })) << state;
    EXPECT_TRUE(rig.session->is_up());
  }
}

TEST(PgSession, ANameThatTheServerDoesNotTakeCostsItsOwnChannelOnly) {
  for (const std::string state : {"22P05", "22021", "42602"}) {
    Rig rig([&](const std::string& query) {
      return query.find("one u") != query.npos ? state : std::string();
    });
    ASSERT_TRUE(rig.turns_until([&] { return rig.inlet.count("refuse ch:u") == 1; })) << state;
    rig.now_ms += rig.options.alive_ms;
    EXPECT_TRUE(rig.turns_until([&] { return rig.session->proven_ms() == rig.now_ms; }));
    EXPECT_TRUE(rig.session->is_up());
  }
}

}  // namespace
}  // namespace livehub::source::pg_test
