#include "source/pg_session.h"

#include <algorithm>

#include "base/log.h"

namespace livehub::source {
namespace {

constexpr int64_t kHeldRetryMs = 5;
constexpr int64_t kPurgeAgainMs = 50;  // reading goes on in between

}  // namespace

void PgContext::tell_ready(PgListenPlan::Channel& channel, bool may_miss) {
  channel.is_refused = false;
  if (!channel.is_confirmed)
    inlet.confirm(channel.channel);
  else if (may_miss)
    inlet.tell_gap(channel.channel);
  channel.is_confirmed = true;
}

void PgContext::tell_refused(PgListenPlan::Channel& channel) {
  if (channel.is_confirmed || channel.is_refused) return;
  channel.is_refused = true;
  inlet.refuse(channel.channel);
}

PgSession::PgSession(PgContext& context, PgHandle connection, bool needs_probe, int64_t now_ms)
    : context_(context),
      link_(std::move(connection)),
      needs_probe_(needs_probe),
      proven_ms_(now_ms),
      purge_due_ms_(now_ms + context.options.purge_ms) {}

bool PgSession::fail(std::string problem) {
  problem_ = std::move(problem);
  return false;
}

bool PgSession::ask(Query query, const std::string& statements) {
  query_ = query;
  return link_.ask(statements) || fail(link_.problem());
}

bool PgSession::ask(Query query, const std::string& statement,
                    const std::vector<std::string>& arguments) {
  query_ = query;
  return link_.ask(statement, arguments) || fail(link_.problem());
}

bool PgSession::is_up() const {
  return is_proven_ && !context_.plan.is_restoring() &&
         (!context_.options.uses_outbox || has_outbox_);
}

std::string PgSession::progress() const {
  if (phase_ != Phase::kLive || !is_proven_) return "connected, not yet proven";
  return "listening again: " + std::to_string(context_.plan.held()) + " names so far";
}

void PgSession::go_live(int64_t now_ms) {
  phase_ = Phase::kLive;
  proven_ms_ = now_ms;
}

int64_t PgSession::due_ms(int64_t now_ms) const {
  if (context_.delivery.is_holding()) return now_ms + kHeldRetryMs;
  int64_t due = proven_ms_ + context_.options.silence_ms;
  if (phase_ != Phase::kLive || !link_.is_idle()) return due;
  due = std::min(due, alive_due_ms_);
  // What is never done is never due: else it would be, for ever, and nobody would sleep.
  return context_.options.uses_outbox ? std::min({due, outbox_due_ms_, purge_due_ms_}) : due;
}

// 1. What the hub had no room for goes first: until then nothing is read.
// 2. Read. 3. Notifications, which may be older than the answer behind them. 4. The answer.
// 5. Rows of the outbox. 6. The next query. 7. Silence, last: what has just come counts.
bool PgSession::turn(int64_t now_ms) {
  context_.delivery.retry();
  if (context_.delivery.is_holding()) {
    was_held_up_ = true;
    return true;
  }
  if (was_held_up_) proven_ms_ = now_ms;  // the silence was ours
  was_held_up_ = false;
  if (!link_.exchange()) return fail(link_.problem());
  take_notifications(now_ms);
  if (!link_.is_whole()) return fail(link_.problem());
  if (auto answer = link_.take_answer(); answer && !on_answer(std::move(*answer), now_ms))
    return false;
  take_rows(now_ms);
  if (context_.delivery.is_holding()) return true;
  if (link_.is_idle() && !start_next(now_ms)) return false;
  const bool is_silent = now_ms - proven_ms_ >= context_.options.silence_ms;
  if (is_silent && phase_ != Phase::kProbe)
    return fail("no notification came back for " +
                std::to_string(context_.options.silence_ms / 1000) + " s");
  return true;
}

void PgSession::take_notifications(int64_t now_ms) {
  while (!context_.delivery.is_holding()) {
    const PgNotification notification = link_.next_notification();
    if (!notification) return;
    const std::string_view name = notification->relname;
    if (name == context_.alive_name) {
      const bool is_own = notification->be_pid == link_.server_pid();
      has_seen_probe_ |= !is_own && std::string_view(notification->extra) == kProbePayload;
      is_proven_ |= is_own;
      if (is_own) proven_ms_ = now_ms;
    } else if (context_.options.uses_outbox && name == kPgOutboxName) {
      is_outbox_due_ = true;
    } else {
      context_.delivery.deliver(name, notification->extra);
    }
  }
}

void PgSession::take_rows(int64_t now_ms) {
  PgOutbox& outbox = context_.outbox;
  while (!context_.delivery.is_holding()) {
    const auto row = outbox.row();
    if (!row) break;
    context_.delivery.deliver(row->channel, row->payload);
    outbox.next();
  }
  if (outbox.row() || !link_.is_idle()) return;
  if (outbox.has_more()) is_outbox_due_ = true;
  if (outbox.withholds())
    outbox_due_ms_ = std::min(outbox_due_ms_, now_ms + context_.options.withheld_ms);
}

// Who waits for a LISTEN comes after the proof of life, which is rare, and before the cleaning up.
bool PgSession::start_next(int64_t now_ms) {
  const PostgresOptions& options = context_.options;
  if (phase_ == Phase::kHello) {
    std::string hello = "LISTEN " + pg_quote_name(context_.alive_name) + ";";
    if (options.uses_outbox) hello += "LISTEN " + pg_quote_name(kPgOutboxName) + ";";
    return ask(Query::kHello, hello);
  }
  if (phase_ == Phase::kProbe) return true;
  if (now_ms >= alive_due_ms_) {
    alive_due_ms_ = now_ms + options.alive_ms;
    is_outbox_due_ = true;  // a wake-up may be lost by a trigger that somebody wrote otherwise
    context_.plan.wake_resting();
    return ask(Query::kAlive, "NOTIFY " + pg_quote_name(context_.alive_name) + ", 'alive'");
  }
  if (!canary_.empty())
    return ask(Query::kCanary, "NOTIFY " + pg_quote_name(context_.delivery.canary_name()) + ", '" +
                                   std::exchange(canary_, {}) + "'");
  bool is_started = false;
  if (options.uses_outbox && !start_outbox_query(now_ms, is_started)) return false;
  if (is_started) return true;
  const std::string batch = context_.plan.next_batch(options.batch_names);
  return batch.empty() || ask(Query::kBatch, batch);
}

bool PgSession::start_outbox_query(int64_t now_ms, bool& is_started) {
  PgOutbox& outbox = context_.outbox;
  is_started = true;
  if (!has_outbox_) return ask(Query::kStart, PgOutbox::start_sql());
  if (now_ms >= purge_due_ms_) {
    purge_due_ms_ = now_ms + context_.options.purge_ms;
    return ask(Query::kPurge, PgOutbox::purge_sql(), outbox.purge_arguments());
  }
  if (is_outbox_due_ || now_ms >= outbox_due_ms_) {
    is_outbox_due_ = false;
    outbox_due_ms_ = now_ms + context_.options.alive_ms;
    return ask(Query::kRead, PgOutbox::read_sql(), outbox.read_arguments());
  }
  is_started = false;
  return true;
}

bool PgSession::on_answer(PgAnswer answer, int64_t now_ms) {
  const Query query = std::exchange(query_, Query::kNone);
  if (query == Query::kBatch) return on_batch(answer);
  if (query == Query::kPurge) {
    on_purged(answer, now_ms);
    return true;
  }
  if (!answer.error.empty()) return fail(answer.error);
  if (query == Query::kHello) {
    if (needs_probe_)
      phase_ = Phase::kProbe;
    else
      go_live(now_ms);
  }
  if (query == Query::kStart) return on_outbox_start(answer.rows.get(), now_ms);
  if (query == Query::kRead) context_.outbox.take(std::move(answer.rows), now_ms);
  return true;
}

// A name that the server does not take (its encoding, say) costs its own channels only. Where it is
// not the name that is wrong (a timeout, an administrator's cancel, no memory) it is tried again:
// else its channels would be deaf for as long as the connection lives, and nobody would know.
bool PgSession::on_batch(const PgAnswer& answer) {
  const std::string& error = answer.error;
  const bool is_about_name = answer.state.starts_with("22") || answer.state.starts_with("42");
  if (error.empty()) {
    for (PgListenPlan::Channel* channel : context_.plan.batch_done())
      context_.tell_ready(*channel, true);
    return true;
  }
  for (PgListenPlan::Channel* channel : context_.plan.batch_failed(!is_about_name)) {
    base::log_warn("postgres: cannot listen for a channel: " + error);
    context_.tell_refused(*channel);
  }
  return true;
}

bool PgSession::on_outbox_start(const PGresult* rows, int64_t now_ms) {
  const PgOutbox::Start start = context_.outbox.start(rows, now_ms);
  lacks_table_ = start == PgOutbox::Start::kNoTable;
  if (lacks_table_)
    return fail("the table livehub_outbox is not there: apply what livehub pg-setup prints");
  has_outbox_ = true;
  is_outbox_due_ = true;
  context_.plan.for_each([&](PgListenPlan::Channel& channel) {
    context_.tell_ready(channel, start == PgOutbox::Start::kGap);
  });
  return true;
}

void PgSession::on_purged(const PgAnswer& answer, int64_t now_ms) {
  if (!answer.error.empty()) {
    base::log_warn("postgres: old rows of livehub_outbox stay: " + answer.error);
    purge_due_ms_ = now_ms + 60 * context_.options.purge_ms;
    return;
  }
  const std::string_view count = PQcmdTuples(answer.rows.get());
  if (count == std::to_string(PgOutbox::kPurgeRows)) purge_due_ms_ = now_ms + kPurgeAgainMs;
}

}  // namespace livehub::source
