#include "source/pg_loop.h"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "source/random_name.h"

namespace livehub::source {
namespace {

constexpr int64_t kIdleMs = 60'000;
constexpr size_t kManyChannels = 2'000;

Redial::Clock::time_point time_of(int64_t now_ms) {
  return Redial::Clock::time_point(std::chrono::milliseconds(now_ms));
}

}  // namespace

PgLoop::PgLoop(const PostgresOptions& options, PostgresRules& rules, PgAddress address,
               Inlet& inlet)
    : options_(options),
      address_(std::move(address)),
      rules_(rules),
      context_(options, rules, inlet),
      connector_(address_, wake_),
      redial_({.first = std::chrono::milliseconds(options.backoff_ms_min),
               .most = std::chrono::milliseconds(options.backoff_ms_max)},
              random_u64()) {
  context_.alive_name = random_name("livehub_alive_");
  context_.delivery.set_canary_name(random_name("livehub_canary_"));
  state_.since_ms = state_.proven_ms = base::monotonic_ms();
}

PgLoop::~PgLoop() { stop(); }

std::string PgLoop::start() {
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  verdict_given_.wait_for(lock, std::chrono::milliseconds(options_.start_ms),
                          [this] { return verdict_.has_value(); });
  if (!verdict_) verdict_.emplace();  // it goes on without us
  std::string sentence = *verdict_;
  lock.unlock();
  if (!sentence.empty()) stop();
  return sentence;
}

void PgLoop::stop() {
  if (!thread_.joinable()) return;
  is_stopping_.store(true);
  wake_.raise();
  thread_.join();
}

void PgLoop::post(std::string_view channel, bool is_wanted) {
  bool was_empty;
  {
    const std::lock_guard lock(mutex_);
    was_empty = mail_.empty();
    mail_.push_back({std::string(channel), is_wanted});
  }
  if (was_empty) wake_.raise();
}

void PgLoop::send_canary(std::string_view payload) {
  {
    const std::lock_guard lock(mutex_);
    canary_ = payload;
  }
  wake_.raise();
}

void PgLoop::rebuild() {
  {
    const std::lock_guard lock(mutex_);
    is_rebuilding_ = true;
  }
  wake_.raise();
}

LinkState PgLoop::link() const {
  const std::lock_guard lock(mutex_);
  const int64_t now = base::monotonic_ms();
  const auto seconds = [now](int64_t since) { return static_cast<double>(now - since) / 1000; };
  LinkState link;
  link.name = "postgres";
  link.is_up = state_.is_up;
  link.state_seconds = seconds(state_.since_ms);
  link.quiet_seconds = seconds(state_.proven_ms);
  link.reconnects = state_.connections > 0 ? state_.connections - 1 : 0;
  link.problem = state_.problem;
  return link;
}

void PgLoop::give_verdict(std::string sentence) {
  const std::lock_guard lock(mutex_);
  if (verdict_) return;
  verdict_ = std::move(sentence);
  verdict_given_.notify_one();
}

// 1. What shards asked for. 2. The connection. 3. What others may know. 4. Sleep.
void PgLoop::run() {
  while (!is_stopping_.load()) {
    const int64_t now = base::monotonic_ms();
    wake_.clear();
    take_mail();
    turn(now);
    note_state(now);
    wait(now);
  }
  connector_.cancel();
  session_.reset();
}

void PgLoop::wait(int64_t now_ms) {
  int64_t due = now_ms + kIdleMs;
  pollfd fds[2] = {{wake_.fd(), POLLIN, 0}, {-1, 0, 0}};
  if (session_) {
    due = std::min(due, session_->due_ms(now_ms));
    if (probe_until_ms_ != 0) due = std::min(due, probe_until_ms_);
    fds[1].fd = session_->fd();
    if (session_->wants_to_read()) fds[1].events |= POLLIN;
    if (session_->wants_to_write()) fds[1].events |= POLLOUT;
    if (fds[1].events == 0) fds[1].fd = -1;  // a hang-up would be told again and again
  } else if (!connector_.is_busy()) {
    due = std::min(due, connect_due_ms_);
  }
  poll(fds, 2, static_cast<int>(std::clamp<int64_t>(due - now_ms, 0, kIdleMs)));
}

void PgLoop::take_mail() {
  std::vector<Mail> mail;
  std::string canary;
  bool is_rebuilding;
  {
    const std::lock_guard lock(mutex_);
    mail.swap(mail_);
    canary.swap(canary_);
    is_rebuilding = std::exchange(is_rebuilding_, false);
  }
  if (is_rebuilding && session_) lose("no canary comes back through it", base::monotonic_ms());
  if (!canary.empty() && session_) session_->send_canary(std::move(canary));
  for (const Mail& entry : mail) {
    if (entry.is_wanted)
      want(entry.channel);
    else
      context_.plan.unwant(entry.channel);
  }
}

std::vector<std::string> PgLoop::names_of(const std::string& channel) const {
  if (channel == kCanaryChannel) return {context_.delivery.canary_name()};
  return options_.uses_outbox ? std::vector<std::string>() : rules_.names(channel);
}

void PgLoop::want(const std::string& channel) {
  const std::vector<std::string> names = names_of(channel);
  if (!std::all_of(names.begin(), names.end(), pg_name_fits)) {
    base::log_warn("postgres: a channel's name is empty or longer than 63 bytes: not listened to");
    return context_.inlet.refuse(channel);
  }
  const auto [wanted, is_new] = context_.plan.want(channel, names);
  if (!is_new) return;
  if (context_.plan.channels() > kManyChannels && !options_.uses_outbox && !is_many_said_) {
    is_many_said_ = true;
    base::log_info("postgres: LISTEN for more than " + std::to_string(kManyChannels) +
                   " channels; with what livehub pg-setup prints and PG_OUTBOX=1 one is enough");
  }
  const bool is_ready = options_.uses_outbox && names.empty() ? context_.outbox.is_started()
                                                              : session_ && wanted->missing == 0;
  const bool cannot = std::any_of(wanted->names.begin(), wanted->names.end(),
                                  [](const PgListenPlan::Name* name) { return name->is_refused; });
  if (is_ready)
    context_.tell_ready(*wanted, false);
  else if ((is_away_ && !session_) || cannot)
    context_.tell_refused(*wanted);
}

void PgLoop::turn(int64_t now_ms) {
  if (auto outcome = connector_.take()) {
    if (is_probing_)
      on_probe(*outcome, now_ms);
    else
      on_attempt(std::move(*outcome), now_ms);
  }
  if (session_)
    turn_session(now_ms);
  else if (!connector_.is_busy() && now_ms >= connect_due_ms_)
    connector_.begin(options_.connect_ms);
}

void PgLoop::on_attempt(PgConnector::Outcome outcome, int64_t now_ms) {
  if (!outcome.connection) {
    lose(outcome.problem, now_ms);
    return give_verdict({});  // readiness tells; it may be back at any time
  }
  session_ =
      std::make_unique<PgSession>(context_, std::move(outcome.connection), needs_probe_, now_ms);
  const std::lock_guard lock(mutex_);
  ++state_.connections;
}

void PgLoop::turn_session(int64_t now_ms) {
  if (!session_->turn(now_ms)) {
    if (session_->lacks_table()) give_verdict("PG_OUTBOX: " + session_->problem() + ".");
    const std::string problem = session_->problem();
    lose(problem, now_ms);
    return give_verdict({});
  }
  if (session_->awaits_probe()) {
    if (session_->has_seen_probe()) {
      needs_probe_ = false;
      probe_until_ms_ = 0;
      session_->go_live(now_ms);
      (void)session_->turn(now_ms);
    } else if (!is_probing_ && probe_until_ms_ == 0) {
      is_probing_ = true;
      connector_.begin(options_.connect_ms, "NOTIFY " + pg_quote_name(context_.alive_name) + ", '" +
                                                std::string(PgSession::kProbePayload) + "'");
    } else if (!is_probing_ && now_ms >= probe_until_ms_) {
      const std::string sentence =
          options_.url_setting +
          " leads to a connection pooler, which does not pass notifications on: use the direct "
          "host of the database.";
      lose(sentence, now_ms);
      give_verdict(sentence);
    }
  }
  if (session_ && session_->is_up()) {
    redial_.succeeded(time_of(now_ms));
    is_away_ = false;
    give_verdict({});
  }
}

// The second session has sent its notification, or could not: then nothing is proven, and it is
// tried again with the next connection.
void PgLoop::on_probe(const PgConnector::Outcome& outcome, int64_t now_ms) {
  is_probing_ = false;
  if (!session_ || !session_->awaits_probe()) return;  // it was heard before we knew it was sent
  probe_until_ms_ = now_ms + options_.probe_ms;
  if (outcome.problem.empty()) return;
  base::log_warn("postgres: a second connection, to look for a pooler in between, was refused: " +
                 outcome.problem);
  probe_until_ms_ = 0;
  session_->go_live(now_ms);
}

void PgLoop::lose(const std::string& problem, int64_t now_ms) {
  const bool was_up = session_ && session_->is_up();
  if (is_probing_) connector_.cancel();
  is_probing_ = false;
  probe_until_ms_ = 0;
  session_.reset();
  context_.plan.link_lost();
  if (problem_ != problem) base::log_warn("postgres: " + problem);
  problem_ = problem;
  // Who waits, waits for the next attempt, if the connection had worked.
  redial_.failed(time_of(now_ms));
  connect_due_ms_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(redial_.at().time_since_epoch())
          .count();
  is_away_ = is_away_ || !was_up;
  if (is_away_)
    context_.plan.for_each([this](PgListenPlan::Channel& c) { context_.tell_refused(c); });
}

void PgLoop::note_state(int64_t now_ms) {
  const bool is_up = session_ && session_->is_up();
  bool was_up;
  {
    const std::lock_guard lock(mutex_);
    was_up = state_.is_up;
    if (is_up != was_up) state_.since_ms = now_ms;
    state_.is_up = is_up;
    if (session_) state_.proven_ms = session_->proven_ms();
    state_.problem = is_up ? "" : problem_;
    if (session_ && state_.problem.empty() && !is_up) state_.problem = session_->progress();
  }
  if (is_up == was_up) return;
  if (is_up) problem_.clear();
  if (is_up)
    base::log_info("postgres: the link is up, " + std::to_string(context_.plan.held()) +
                   " names listened to");
}

}  // namespace livehub::source
