#include "source/redis_link.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/log.h"

namespace livehub::source {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsAtOnce = 16;  // then the others have their turn
constexpr int64_t kBackoffMsFirst = 50;
constexpr uint32_t kNextAddressMs = 2000;
constexpr int64_t kSettledMs = 5000;
constexpr uint32_t kFailuresTold = 10;  // in a row; a broker that is away for long fills no log

Redial::Clock::time_point time_of(int64_t now_ns) {
  return Redial::Clock::time_point(std::chrono::nanoseconds(now_ns));
}

}  // namespace

RedisLink::RedisLink(std::string name, const RedisLinkConfig& config, RedisResolver& resolver,
                     Post post, uint64_t seed)
    : name_(std::move(name)),
      config_(config),
      resolver_(resolver),
      post_(std::move(post)),
      redial_({.first = std::chrono::milliseconds(kBackoffMsFirst),
               .most = std::chrono::milliseconds(config.backoff_ms_max),
               .lasting = std::chrono::milliseconds(kSettledMs)},
              seed) {}

void RedisLink::start(User& user, int64_t now_ns) {
  user_ = &user;
  problem_ = "not connected yet";
  set_status(false, now_ns);
  resolve(now_ns);
}

void RedisLink::close() {
  ++attempt_;
  socket_.close();
  reader_.reset();
  out_.clear();
  step_ = Step::kClosed;
}

void RedisLink::send(const std::vector<std::string>& arguments) {
  if (is_up()) write_redis_command(out_, arguments);
}

void RedisLink::set_paused(bool is_paused, int64_t now_ns) {
  if (is_paused_ && !is_paused) heard_ns_ = now_ns;
  is_paused_ = is_paused;
}

// --- coming up ---

void RedisLink::resolve(int64_t now_ns) {
  step_ = Step::kResolving;
  deadline_ns_ = std::numeric_limits<int64_t>::max();  // the resolver always answers
  const uint64_t attempt = ++attempt_;
  (void)now_ns;
  resolver_.ask(config_.address.host, config_.address.port,
                [this, attempt](std::vector<SocketAddress> found, std::string problem) {
                  post_([this, attempt, found = std::move(found),
                         problem = std::move(problem)](int64_t later_ns) mutable {
                    on_resolved(attempt, std::move(found), problem, later_ns);
                  });
                });
}

void RedisLink::on_resolved(uint64_t attempt, std::vector<SocketAddress> found,
                            const std::string& problem, int64_t now_ns) {
  if (attempt != attempt_ || step_ != Step::kResolving) return;
  if (found.empty()) return lose(problem, now_ns);
  addresses_ = std::move(found);
  next_address_ = 0;
  try_next_address(now_ns);
}

void RedisLink::try_next_address(int64_t now_ns) {
  while (next_address_ < addresses_.size()) {
    const bool is_last = next_address_ + 1 == addresses_.size();
    const uint32_t ms = is_last ? config_.connect_ms : std::min(config_.connect_ms, kNextAddressMs);
    step_ = Step::kConnecting;
    deadline_ns_ = now_ns + ms * kMs;
    switch (socket_.connect(addresses_[next_address_++])) {
      case RedisSocket::Result::kDone:
        return on_connected(now_ns);
      case RedisSocket::Result::kBlocked:
        return;
      case RedisSocket::Result::kLost:
        break;
    }
  }
  lose(socket_.problem(), now_ns);
}

void RedisLink::on_connected(int64_t now_ns) {
  deadline_ns_ = now_ns + config_.connect_ms * kMs;
  if (!config_.tls) return greet(now_ns);
  step_ = Step::kTls;
  const auto result = socket_.begin_tls(config_.tls, config_.address.host);
  if (result == RedisSocket::Result::kDone) return greet(now_ns);
  if (result == RedisSocket::Result::kLost) lose(socket_.problem(), now_ns);
}

void RedisLink::greet(int64_t now_ns) {
  step_ = Step::kGreeting;
  deadline_ns_ = now_ns + config_.connect_ms * kMs;
  reader_ = std::make_unique<RedisReader>();
  out_.clear();
  greetings_.clear();
  next_greeting_ = 0;
  client_id_ = 0;
  const auto say = [this](Greeting greeting, const std::vector<std::string>& arguments) {
    greetings_.push_back(greeting);
    write_redis_command(out_, arguments);
  };
  const RedisAddress& address = config_.address;
  if (!address.password.empty()) {
    if (address.user.empty())
      say(Greeting::kAuth, {"AUTH", address.password});
    else
      say(Greeting::kAuth, {"AUTH", address.user, address.password});
  }
  if (address.database != 0) say(Greeting::kSelect, {"SELECT", std::to_string(address.database)});
  say(Greeting::kName, {"CLIENT", "SETNAME", "livehub"});
  say(Greeting::kId, {"CLIENT", "ID"});
  say(Greeting::kPing, {"PING"});
  flush(now_ns);
}

void RedisLink::on_greeting(const RedisReply& reply, int64_t now_ns) {
  switch (greetings_[next_greeting_++]) {
    case Greeting::kAuth:
      if (reply.is_error()) return lose("it refused the password: " + reply.text, now_ns);
      return;
    case Greeting::kSelect:
      if (reply.is_error()) return lose("it refused the database: " + reply.text, now_ns);
      return;
    case Greeting::kName:
      return;  // a name is a courtesy; some services have no CLIENT
    case Greeting::kId:
      if (reply.kind == RedisReply::Kind::kInteger)
        client_id_ = static_cast<uint64_t>(reply.integer);
      return;
    case Greeting::kPing:
      if (reply.is_error()) return lose("it is not ready: " + reply.text, now_ns);
      if (reply.text != "PONG") return lose("what answers there is not Redis", now_ns);
      return come_up(now_ns);
  }
}

void RedisLink::come_up(int64_t now_ns) {
  step_ = Step::kUp;
  heard_ns_ = now_ns;
  redial_.succeeded(time_of(now_ns));
  deadline_ns_ = now_ns + config_.probe_ms * kMs;
  problem_.clear();
  set_status(true, now_ns);
  proven_ns_.store(now_ns, std::memory_order_relaxed);
  base::log_info(name_ + ": connected");
  user_->on_up(now_ns);
}

// --- being up ---

short RedisLink::events() const {
  if (socket_.fd() < 0) return 0;
  if (step_ == Step::kConnecting) return POLLOUT;
  int events = is_paused_ && is_up() ? 0 : POLLIN;
  if (socket_.wants_write() || !out_.empty()) events |= POLLOUT;
  return static_cast<short>(events);
}

int64_t RedisLink::deadline_ns() const {
  if (step_ == Step::kClosed) return std::numeric_limits<int64_t>::max();
  if (!is_up() || is_paused_) return deadline_ns_;
  return std::min(deadline_ns_, heard_ns_ + config_.silence_ms * kMs);
}

void RedisLink::flush(int64_t now_ns) {
  if (out_.empty() || (step_ != Step::kUp && step_ != Step::kGreeting)) return;
  if (socket_.write(out_) == RedisSocket::Result::kLost) lose(socket_.problem(), now_ns);
}

void RedisLink::on_ready(short events, int64_t now_ns) {
  if (events == 0 || socket_.fd() < 0) return;
  if (step_ == Step::kConnecting) {
    if (socket_.finish_connect() == RedisSocket::Result::kDone) return on_connected(now_ns);
    return try_next_address(now_ns);
  }
  if (step_ == Step::kTls) {
    const auto result = socket_.handshake();
    if (result == RedisSocket::Result::kDone) return greet(now_ns);
    if (result == RedisSocket::Result::kLost) lose(socket_.problem(), now_ns);
    return;
  }
  if (events & POLLOUT) flush(now_ns);
  // A socket that hung up while its reading is paused is found when reading goes on.
  if ((events & ~POLLOUT) != 0 && (!is_paused_ || !is_up())) read(now_ns);
}

void RedisLink::read(int64_t now_ns) {
  char buffer[kReadBytes];
  const uint64_t attempt = attempt_;
  for (int i = 0; i < kReadsAtOnce && !is_paused_; ++i) {
    if (step_ != Step::kUp && step_ != Step::kGreeting) return;
    size_t got = 0;
    const auto result = socket_.read(buffer, sizeof(buffer), got);
    if (result == RedisSocket::Result::kBlocked) return;
    if (result == RedisSocket::Result::kLost) return lose(socket_.problem(), now_ns);
    heard_ns_ = now_ns;
    if (!reader_->feed({buffer, got})) return lose("what it says is not Redis's protocol", now_ns);
    while (auto reply = reader_->next()) {
      if (step_ == Step::kUp) {
        proven_ns_.store(now_ns, std::memory_order_relaxed);
        user_->on_reply(*reply, now_ns);
      } else if (next_greeting_ < greetings_.size()) {
        on_greeting(*reply, now_ns);
      }
      if (attempt != attempt_ || !reader_ || step_ == Step::kWaiting) return;  // it was lost
    }
    if (reader_->has_failed()) return lose("what it says is not Redis's protocol", now_ns);
  }
}

void RedisLink::on_time(int64_t now_ns) {
  if (step_ == Step::kClosed) return;
  if (!is_up()) {
    if (now_ns < deadline_ns_) return;
    if (step_ == Step::kWaiting) return resolve(now_ns);
    if (step_ == Step::kConnecting && next_address_ < addresses_.size())
      return try_next_address(now_ns);
    return lose("it does not answer", now_ns);
  }
  if (!is_paused_ && now_ns - heard_ns_ >= config_.silence_ms * kMs)
    return lose("it has been silent for too long", now_ns);
  if (now_ns < deadline_ns_) return;
  deadline_ns_ = now_ns + config_.probe_ms * kMs;
  user_->on_probe(now_ns);
}

// --- being lost ---

void RedisLink::lose(std::string problem, int64_t now_ns) {
  const bool was_up = is_up();
  ++attempt_;
  socket_.close();
  reader_.reset();
  out_.clear();
  is_paused_ = false;
  const bool is_news = problem_ != problem && redial_.failures() < kFailuresTold;
  problem_ = std::move(problem);
  if (was_up || is_news) base::log_warn(name_ + ": " + problem_ + "; trying again");
  step_ = Step::kWaiting;
  redial_.failed(time_of(now_ns));
  deadline_ns_ = redial_.at().time_since_epoch().count();
  set_status(false, now_ns);
  if (was_up) user_->on_down();
}

void RedisLink::set_status(bool is_up, int64_t now_ns) {
  const std::lock_guard guard(mutex_);
  if (status_up_ != is_up || status_since_ns_ == 0) status_since_ns_ = now_ns;
  if (is_up && !status_up_ && proven_ns_.load(std::memory_order_relaxed) != 0) ++reconnects_;
  status_up_ = is_up;
  status_problem_ = problem_;
}

LinkState RedisLink::status(int64_t now_ns) const {
  LinkState state;
  state.name = name_;
  const int64_t proven_ns = proven_ns_.load(std::memory_order_relaxed);
  const std::lock_guard guard(mutex_);
  const auto seconds_since = [now_ns](int64_t then_ns) {
    return then_ns == 0 ? 0.0 : static_cast<double>(std::max<int64_t>(0, now_ns - then_ns)) / 1e9;
  };
  state.is_up = status_up_;
  state.state_seconds = seconds_since(status_since_ns_);
  state.quiet_seconds = seconds_since(proven_ns == 0 ? status_since_ns_ : proven_ns);
  state.reconnects = reconnects_;
  if (!status_up_) state.problem = status_problem_.empty() ? "not connected yet" : status_problem_;
  return state;
}

}  // namespace livehub::source
