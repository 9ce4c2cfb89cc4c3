// libpq, as the source's thread uses it: PgConnector makes a connection on a thread of its own
// (libpq resolves names while it connects, and that may take long), PgLink talks over one without
// ever blocking. one thread: the source's, but for what PgConnector runs.
// Tests: tests/unit/source/postgres_test.cc.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "source/pg_url.h"

namespace livehub::source {

struct PgFinish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* result) const { PQclear(result); }
  void operator()(PGnotify* notification) const { PQfreemem(notification); }
};
using PgHandle = std::unique_ptr<PGconn, PgFinish>;
using PgRows = std::unique_ptr<PGresult, PgFinish>;
using PgNotification = std::unique_ptr<PGnotify, PgFinish>;

// An eventfd.
class PgSignal {
 public:
  PgSignal();
  PgSignal(const PgSignal&) = delete;
  PgSignal& operator=(const PgSignal&) = delete;
  ~PgSignal();
  int fd() const { return fd_; }
  void raise() const;  // any thread
  void clear() const;

 private:
  int fd_ = -1;
};

// Connects and blocks meanwhile, at most until `until_ms` (monotonic) or until `cancel` is raised;
// only the resolver is not cut short. nullptr: `problem` is one sentence.
[[nodiscard]] PgHandle pg_connect(const PgAddress& address, const PgSignal& cancel,
                                  int64_t until_ms, std::string& problem);
// libpq's message on one line.
[[nodiscard]] std::string pg_one_line(std::string_view message);

// One attempt at a time: to connect, or to connect, run a statement and hang up.
class PgConnector {
 public:
  struct Outcome {
    PgHandle connection;  // null for a statement, and after a failure
    std::string problem;  // empty: it went well
  };
  PgConnector(const PgAddress& address, const PgSignal& done) : address_(address), done_(done) {}
  PgConnector(const PgConnector&) = delete;
  PgConnector& operator=(const PgConnector&) = delete;
  ~PgConnector();

  void begin(int64_t timeout_ms, std::string statement = {});
  bool is_busy() const { return is_busy_; }
  // Once `done` was raised; nothing: it goes on.
  std::optional<Outcome> take();
  void cancel();  // waits for the thread

 private:
  void run(int64_t until_ms, const std::string& statement);

  const PgAddress& address_;
  const PgSignal& done_;
  PgSignal cancel_;
  std::thread thread_;  // none, where the system gave none
  bool is_busy_ = false;
  Outcome outcome_;                    // the thread's until is_done_
  std::atomic<bool> is_done_ = false;  // release by the thread, acquire in take()
};

// The answer to one query: its rows (of the last statement), or what the server said.
struct PgAnswer {
  PgRows rows;
  std::string error;  // empty: it went well
  std::string state;  // of the error: five characters (PostgreSQL's appendix A), or none
};

class PgLink {
 public:
  explicit PgLink(PgHandle connection);
  PgLink(const PgLink&) = delete;
  PgLink& operator=(const PgLink&) = delete;
  ~PgLink() = default;

  int fd() const { return PQsocket(connection_.get()); }
  bool has_unsent() const { return has_unsent_; }
  int server_pid() const { return PQbackendPID(connection_.get()); }
  bool is_idle() const { return !is_asking_; }

  // Only while idle. False: the link is gone.
  [[nodiscard]] bool ask(const std::string& statements);
  [[nodiscard]] bool ask(const std::string& statement, const std::vector<std::string>& arguments);
  // Sends and reads what can be without waiting. False: the link is gone.
  [[nodiscard]] bool exchange();
  PgNotification next_notification();  // null: none has been read
  // False: what was read makes no sense, and the link is gone. After next_notification().
  [[nodiscard]] bool is_whole() const;
  std::optional<PgAnswer> take_answer();
  std::string problem() const;  // why it is gone

 private:
  static void keep_notice(void* self, const char* message);
  [[nodiscard]] bool flush();

  PgHandle connection_;
  std::string notice_;  // the server's last words; at a termination they say why
  PgAnswer answer_;
  bool is_asking_ = false;
  bool has_unsent_ = false;
};

}  // namespace livehub::source
