// The thread of a PostgresSource: connects and connects again, lets the first connection be probed
// for a pooler, turns the session, takes what shards ask for, and says how the link is.
// mailbox: post(), send_canary(), rebuild(), link() and stop() come from any thread, the rest is
// the thread's own. Tests: tests/unit/source/postgres_test.cc.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "source/pg_link.h"
#include "source/pg_session.h"
#include "source/redial.h"

namespace livehub::source {

class PgLoop {
 public:
  PgLoop(const PostgresOptions& options, PostgresRules& rules, PgAddress address, Inlet& inlet);
  PgLoop(const PgLoop&) = delete;
  PgLoop& operator=(const PgLoop&) = delete;
  ~PgLoop();

  // Empty: it runs (connected or not). Else it does not, and this is the sentence.
  [[nodiscard]] std::string start();
  void stop();
  void post(std::string_view channel, bool is_wanted);
  void send_canary(std::string_view payload);
  void rebuild();
  LinkState link() const;

 private:
  struct Mail {
    std::string channel;
    bool is_wanted;
  };
  struct State {
    bool is_up = false;
    int64_t since_ms = 0;
    int64_t proven_ms = 0;
    uint64_t connections = 0;
    std::string problem = "not connected yet";
  };

  void run();
  void take_mail();
  void want(const std::string& channel);
  std::vector<std::string> names_of(const std::string& channel) const;
  void turn(int64_t now_ms);
  void turn_session(int64_t now_ms);
  void on_attempt(PgConnector::Outcome outcome, int64_t now_ms);
  void on_probe(const PgConnector::Outcome& outcome, int64_t now_ms);
  void lose(const std::string& problem, int64_t now_ms);
  void give_verdict(std::string sentence);
  void note_state(int64_t now_ms);
  void wait(int64_t now_ms);

  const PostgresOptions& options_;
  const PgAddress address_;
  PostgresRules& rules_;
  PgContext context_;
  PgSignal wake_;
  PgConnector connector_;  // after what it refers to
  std::unique_ptr<PgSession> session_;
  std::string problem_;      // since when there is no session
  bool is_probing_ = false;  // what the connector does is the probe
  bool needs_probe_ = true;  // no pooler has been ruled out yet
  bool is_many_said_ = false;
  int64_t probe_until_ms_ = 0;  // 0: the probe was not sent yet
  int64_t connect_due_ms_ = 0;
  Redial redial_;
  bool is_away_ = false;  // an attempt has failed since it was up: nobody waits for the next one
  std::thread thread_;
  std::atomic<bool> is_stopping_ = false;  // set by stop(), read by the thread

  mutable std::mutex mutex_;  // the following
  std::condition_variable verdict_given_;
  std::vector<Mail> mail_;
  std::string canary_;  // to be sent
  bool is_rebuilding_ = false;
  std::optional<std::string> verdict_;
  State state_;
};

}  // namespace livehub::source
