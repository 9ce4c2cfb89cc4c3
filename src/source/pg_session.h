// One live connection: says hello, lets itself be probed, then listens, proves itself alive, reads
// the outbox; one query at a time, in the order of start_next(). What outlives a connection (the
// plan, where we stand in the outbox, a held message) is the loop's. one thread: the source's.
// Tests: tests/unit/source/postgres_test.cc, tests/unit/source/postgres_outbox_test.cc.
#pragma once

#include <cstdint>
#include <string>

#include "source/pg_delivery.h"
#include "source/pg_link.h"
#include "source/pg_listen_plan.h"
#include "source/pg_outbox.h"

namespace livehub::source {

// What outlives a connection.
struct PgContext {
  PgContext(const PostgresOptions& o, PostgresRules& rules, Inlet& i)
      : options(o), inlet(i), outbox(o.outbox_seconds), delivery(rules, i, plan) {}
  const PostgresOptions& options;
  Inlet& inlet;
  PgListenPlan plan;
  PgOutbox outbox;
  PgDelivery delivery;
  std::string alive_name;  // ours alone, of all processes

  // A channel has what it needs: its subscribers are told so, or told of the gap.
  void tell_ready(PgListenPlan::Channel& channel, bool may_miss);
  void tell_refused(PgListenPlan::Channel& channel);
};

class PgSession {
 public:
  PgSession(PgContext& context, PgHandle connection, bool needs_probe, int64_t now_ms);
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;
  ~PgSession() = default;

  int fd() const { return link_.fd(); }
  bool wants_to_read() const { return !context_.delivery.is_holding(); }
  bool wants_to_write() const { return link_.has_unsent(); }
  int64_t due_ms(int64_t now_ms) const;  // when turn() has something to do of itself

  // False: it is over, problem() says why.
  [[nodiscard]] bool turn(int64_t now_ms);
  const std::string& problem() const { return problem_; }
  bool lacks_table() const { return lacks_table_; }

  // It listens and is idle: a notification of another session's should come now.
  bool awaits_probe() const { return phase_ == Phase::kProbe; }
  bool has_seen_probe() const { return has_seen_probe_; }
  void go_live(int64_t now_ms);
  void send_canary(std::string payload) { canary_ = std::move(payload); }  // with its next query
  static constexpr std::string_view kProbePayload = "probe";

  // It carries messages of everything that is wanted.
  bool is_up() const;
  int64_t proven_ms() const { return proven_ms_; }
  std::string progress() const;  // why it is not up yet

 private:
  enum class Phase : uint8_t { kHello, kProbe, kLive };
  enum class Query : uint8_t { kNone, kHello, kAlive, kCanary, kBatch, kStart, kRead, kPurge };

  bool fail(std::string problem);
  bool ask(Query query, const std::string& statements);
  bool ask(Query query, const std::string& statement, const std::vector<std::string>& arguments);
  bool start_next(int64_t now_ms);
  bool start_outbox_query(int64_t now_ms, bool& is_started);
  void take_notifications(int64_t now_ms);
  void take_rows(int64_t now_ms);
  bool on_answer(PgAnswer answer, int64_t now_ms);
  bool on_batch(const PgAnswer& answer);
  bool on_outbox_start(const PGresult* rows, int64_t now_ms);
  void on_purged(const PgAnswer& answer, int64_t now_ms);

  PgContext& context_;
  PgLink link_;
  Phase phase_ = Phase::kHello;
  Query query_ = Query::kNone;
  const bool needs_probe_;
  bool has_seen_probe_ = false;
  bool is_proven_ = false;   // a notification to ourselves came back on this connection
  bool has_outbox_ = false;  // the outbox's beginning is known on this connection
  bool lacks_table_ = false;
  bool was_held_up_ = false;    // the hub had no room: what came meanwhile is unread
  bool is_outbox_due_ = false;  // something woke us
  int64_t proven_ms_;
  int64_t alive_due_ms_ = 0;
  int64_t outbox_due_ms_ = 0;
  int64_t purge_due_ms_;
  std::string canary_;  // waits to be sent
  std::string problem_;
};

}  // namespace livehub::source
