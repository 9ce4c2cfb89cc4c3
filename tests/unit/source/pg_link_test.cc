// A connection attempt where the system gives no thread for it.
#include "source/pg_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>

namespace livehub::source {
namespace {

// While it lives, no thread can be started: there is no room for a stack of that size.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, size_t{1} << 46);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

std::string outcome_of(PgConnector& connector, const PgSignal& done) {
  pollfd readable{done.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&readable, 1, 60'000), 1);
  done.clear();
  const auto outcome = connector.take();
  return outcome ? outcome->problem : "it goes on";
}

TEST(PgConnector, WithoutAThreadTheAttemptFailsAndAnotherMayBeMade) {
  const PgAddress nobody{{{"host", "127.0.0.1"}, {"port", "1"}, {"user", "nobody"}}, {}};
  const PgSignal done;
  PgConnector connector(nobody, done);
  {
    const NoThreads none;
    connector.begin(1000);
    EXPECT_TRUE(connector.is_busy());
    EXPECT_THAT(outcome_of(connector, done), testing::HasSubstr("no thread to connect on"));
    EXPECT_FALSE(connector.is_busy());
    connector.begin(1000);
    connector.cancel();
    EXPECT_FALSE(connector.is_busy());
    done.clear();
  }
  connector.begin(60'000);
  EXPECT_THAT(outcome_of(connector, done), testing::HasSubstr("refused"));
}

}  // namespace
}  // namespace livehub::source
