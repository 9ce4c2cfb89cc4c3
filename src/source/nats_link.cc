#include "source/nats_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "source/thread.h"

namespace livehub::source {
namespace {

using std::chrono::milliseconds;
constexpr int64_t kAnswerMs = 1500;      // a round trip that somebody waits for
constexpr int64_t kRetryAnswerMs = 500;  // after one that failed
constexpr int64_t kRetryBucketMs = 5000;
constexpr double kMilli = 1e-3;

}  // namespace

class NatsLink::Bell : public NatsEar {
 public:
  Bell(NatsLink& link, std::shared_ptr<NatsQueue> queue)
      : link_(&link), queue_(std::move(queue)), refusals_(link.refusals_) {}
  void on_closed() override { ring(is_closed_); }
  void on_trouble(std::string_view subject) override {
    queue_->lose(subject);
    if (subject.starts_with("_INBOX.")) ring(is_bucket_trouble_);  // what feeds a bucket
  }
  void on_refused(const NatsRefusal& refusal) override {
    refusals_->note(refusal);
    ring(is_refused_);
  }
  void on_canary_refused(std::string_view why) override {
    NatsEvent event;
    event.kind = NatsEvent::Kind::kForbid;
    event.payload = why;
    queue_->push(std::move(event));
  }
  // From here on the link may be gone.
  void silence() {
    const std::lock_guard guard(mutex_);
    link_ = nullptr;
  }
  bool has_news() const { return is_bucket_trouble_ || is_closed_ || is_refused_; }
  bool take_bucket_trouble() { return is_bucket_trouble_.exchange(false); }
  bool take_closed() { return is_closed_.exchange(false); }
  bool take_refused() { return is_refused_.exchange(false); }

 private:
  void ring(std::atomic<bool>& what) {
    what.store(true);
    const std::lock_guard guard(mutex_);
    if (!link_) return;
    const std::lock_guard inner(link_->mutex_);
    link_->news_.notify_one();
  }

  std::mutex mutex_;
  NatsLink* link_;
  const std::shared_ptr<NatsQueue> queue_;
  const std::shared_ptr<NatsRefusals> refusals_;
  // Set by libnats's threads, taken by the link's.
  std::atomic<bool> is_bucket_trouble_{false};
  std::atomic<bool> is_closed_{false};
  std::atomic<bool> is_refused_{false};
};

class NatsLink::Messages : public NatsEar {
 public:
  explicit Messages(std::shared_ptr<NatsQueue> queue) : queue_(std::move(queue)) {}
  void on_message(const NatsRaw& raw) override {
    queue_->push_message(raw.subject, raw.payload, raw.sequence);
  }

 private:
  const std::shared_ptr<NatsQueue> queue_;
};

class NatsLink::News : public NatsEar {
 public:
  News(std::shared_ptr<NatsQueue> queue, std::shared_ptr<NatsListener> listener)
      : queue_(std::move(queue)), listener_(std::move(listener)) {}
  void on_message(const NatsRaw&) override { announce(*queue_, listener_); }

 private:
  const std::shared_ptr<NatsQueue> queue_;
  const std::shared_ptr<NatsListener> listener_;
};

NatsLink::NatsLink(const NatsOptions& options, const NatsRule& rule,
                   std::shared_ptr<NatsQueue> queue)
    : options_(options),
      rule_(rule),
      queue_(std::move(queue)),
      state_since_(Clock::now()),
      proven_at_(state_since_),
      bell_(std::make_shared<Bell>(*this, queue_)),
      messages_(std::make_shared<Messages>(queue_)) {}

NatsLink::~NatsLink() { stop(); }

std::string NatsLink::start() {
  if (std::string error = NatsConnection::prepare(options_, dial_options_, servers_);
      !error.empty())
    return error;
  thread_ = start_thread([this] { run(); });
  return {};
}

void NatsLink::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
  bell_->silence();
}

// --- any thread ---

void NatsLink::want(std::string_view channel, bool is_wanted) {
  {
    const std::lock_guard guard(mutex_);
    commands_.push_back({.kind = is_wanted ? Command::Kind::kWant : Command::Kind::kUnwant,
                         .name = std::string(channel)});
  }
  news_.notify_one();
}

void NatsLink::listen(std::shared_ptr<NatsListener> listener) {
  {
    const std::lock_guard guard(mutex_);
    commands_.push_back({.kind = Command::Kind::kListen, .listener = std::move(listener)});
  }
  news_.notify_one();
}

void NatsLink::unlisten(uint64_t id) {
  {
    const std::lock_guard guard(mutex_);
    commands_.push_back({.kind = Command::Kind::kUnlisten, .id = id});
  }
  news_.notify_one();
}

bool NatsLink::publish(std::string_view subject, std::string_view payload) {
  {
    const std::lock_guard guard(mutex_);
    if (!is_up_ || publishes_ >= kPublishesMax) return false;
    ++publishes_;
    commands_.push_back({.kind = Command::Kind::kPublish,
                         .name = std::string(subject),
                         .payload = std::string(payload)});
  }
  news_.notify_one();
  return true;
}

void NatsLink::rebuild() {
  {
    const std::lock_guard guard(mutex_);
    commands_.push_back({.kind = Command::Kind::kRebuild});
  }
  news_.notify_one();
}

bool NatsLink::is_up() const {
  const std::lock_guard guard(mutex_);
  return is_up_;
}

LinkState NatsLink::state() const {
  const std::lock_guard guard(mutex_);
  const auto now = Clock::now();
  const auto seconds = [&](Clock::time_point since) {
    return static_cast<double>(std::chrono::duration_cast<milliseconds>(now - since).count()) *
           kMilli;
  };
  LinkState state;
  state.name = "nats";
  state.is_up = is_up_;
  state.state_seconds = seconds(state_since_);
  state.quiet_seconds = seconds(proven_at_);
  state.reconnects = reconnects_;
  if (!is_up_) state.problem = problem_;
  return state;
}

// --- the link's thread ---

NatsLink::Clock::time_point NatsLink::next_wake() const {
  if (!connection_) return redial_.at();
  Clock::time_point next = ping_at_;
  if (!waiting_.empty()) next = std::min(next, answer_at_);
  if (!refusals_->is_empty()) next = std::min(next, refused_at_);
  for (const auto& [id, listening] : listening_)
    if (listening.listener->is_bucket() && !listening.bucket)
      next = std::min(next, listening.retry_at);
  return next;
}

std::deque<NatsLink::Command> NatsLink::wait_for_work(bool& is_stopping) {
  const Clock::time_point until = next_wake();
  std::unique_lock lock(mutex_);
  news_.wait_until(lock, until,
                   [this] { return !commands_.empty() || is_stopping_ || bell_->has_news(); });
  is_stopping = is_stopping_;
  publishes_ = 0;
  return std::exchange(commands_, {});
}

void NatsLink::run() {
  bool is_stopping = false;
  for (;;) {
    for (Command& command : wait_for_work(is_stopping)) apply(command);
    if (is_stopping) break;
    if (bell_->take_closed() && connection_ && connection_->is_closed())
      lose("the connection was lost");
    if (!connection_ && Clock::now() >= redial_.at()) dial();
    sweep();
    if (!connection_) continue;
    answer_waiting(kAnswerMs);
    if (bell_->take_refused()) drop_refused();
    if (!refusals_->is_empty() && Clock::now() >= refused_at_) try_refused();
    if (bell_->take_bucket_trouble()) restart_buckets();
    for (auto& [id, listening] : listening_)
      if (connection_ && !listening.subscription && !listening.bucket &&
          Clock::now() >= listening.retry_at)
        subscribe(listening);
    if (Clock::now() >= ping_at_) ping();
  }
  connection_.reset();  // first: subscriptions then end without a word to the server
  listening_.clear();
  channels_.clear();
}

void NatsLink::apply(Command& command) {
  switch (command.kind) {
    case Command::Kind::kWant:
      return begin_wanting(command.name);
    case Command::Kind::kUnwant: {
      const auto found = channels_.find(command.name);
      if (found == channels_.end() || !found->second.is_wanted) return;
      found->second.is_wanted = false;
      found->second.unwanted_at = Clock::now();
      lingering_.emplace_back(found->second.unwanted_at, command.name);
      return push(NatsEvent::Kind::kForget, command.name);
    }
    case Command::Kind::kListen: {
      Listening& made = listening_[command.listener->id];
      made.listener = std::move(command.listener);
      if (connection_) subscribe(made);
      return;
    }
    case Command::Kind::kUnlisten: {
      const auto found = listening_.find(command.id);
      if (found == listening_.end()) return;
      found->second.listener->is_off = true;
      listening_.erase(found);
      return;
    }
    case Command::Kind::kPublish:
      if (connection_ && !connection_->publish(command.name, command.payload))
        base::log_warn("nats: a message could not be published");
      return;
    case Command::Kind::kRebuild:
      if (connection_) lose("no canary comes back through it");
  }
}

void NatsLink::begin_wanting(const std::string& name) {
  Channel& channel = channels_[name];
  channel.is_wanted = true;
  channel.told = Told::kNothing;
  if (connection_) {
    if (!channel.subscription) subscribe(name, channel);
    waiting_.push_back(name);
    answer_at_ = Clock::now();
  } else if (has_tried_) {
    refuse(name, channel);
  }
}

void NatsLink::push(NatsEvent::Kind kind, const std::string& name) {
  NatsEvent event;
  event.kind = kind;
  event.name = name;
  queue_->push(std::move(event));
}

void NatsLink::refuse(const std::string& name, Channel& channel) {
  channel.told = Told::kRefused;
  push(NatsEvent::Kind::kRefuse, name);
}

void NatsLink::subscribe(const std::string& name, Channel& channel) {
  channel.subscription = connection_->subscribe(rule_.subject_of(name), messages_);
}

void NatsLink::subscribe(Listening& listening) {
  const std::shared_ptr<NatsListener> listener = listening.listener;
  if (listener->is_bucket()) return watch_bucket(listening);
  listening.subscription =
      connection_->subscribe(listener->listen.subject, std::make_shared<News>(queue_, listener));
  announce(*queue_, listener);  // something may have been missed until now
}

void NatsLink::watch_bucket(Listening& listening) {
  const std::shared_ptr<NatsListener> listener = listening.listener;
  std::string problem;
  listening.retry_at = Clock::now() + milliseconds(kRetryBucketMs);
  listening.bucket = NatsBucketWatch::start(
      *connection_, listener->bucket.name, listener->bucket.bytes_max,
      [queue = queue_, listener] { announce(*queue, listener); }, problem);
  if (!listening.bucket)
    return base::log_warn("nats: bucket " + listener->bucket.name +
                          " cannot be watched: " + problem);
  // The feed reads the keys of the newest watch.
  NatsEvent event;
  event.kind = NatsEvent::Kind::kCall;
  event.call = [keys = std::weak_ptr(listening.bucket->keys()), listener] {
    listener->listen.on_news = [keys, self = listener.get()] {
      const auto all = keys.lock();
      if (!all) return;
      if (auto list = NatsBucketWatch::list(*all)) self->bucket.on_keys(std::move(*list));
    };
  };
  event.listener = listener;
  queue_->push(std::move(event));
}

void NatsLink::restart_buckets() {
  for (auto& [id, listening] : listening_)
    if (listening.bucket) {
      listening.bucket.reset();
      subscribe(listening);
    }
}

void NatsLink::dial() {
  std::string problem;
  const NatsServer& server = servers_[redial_.failures() % servers_.size()];
  connection_ = NatsConnection::dial(dial_options_, server, bell_, problem);
  if (connection_) {
    subscribe_all();
  } else {
    if (redial_.failures() == 0 || problem != problem_) base::log_warn("nats: " + problem);
    redial_.failed(Clock::now());
    set_state(false, problem);
    for (auto& [name, channel] : channels_)
      if (channel.is_wanted && channel.told == Told::kNothing) refuse(name, channel);
  }
  has_tried_ = true;
}

void NatsLink::subscribe_all() {
  waiting_.clear();
  for (auto& [name, channel] : channels_) {
    subscribe(name, channel);
    waiting_.push_back(name);
  }
  // All of them in one round trip, however many they are.
  answer_at_ = Clock::now();
  answer_waiting(options_.silent_ms);
  if (!waiting_.empty() || !connection_->round_trip(kAnswerMs))
    return lose("the server does not answer");
  proven();
  redial_.succeeded(Clock::now());
  base::log_info(was_up_ ? "nats: connected again" : "nats: connected");
  set_state(true, {});
  was_up_ = true;
  for (auto& [id, listening] : listening_)
    if (connection_) subscribe(listening);
}

void NatsLink::answer_waiting(int64_t ms) {
  if (waiting_.empty() || Clock::now() < answer_at_) return;
  if (connection_->round_trip(ms)) {
    proven();
    for (const std::string& name : std::exchange(waiting_, {}))
      if (const auto found = channels_.find(name); found != channels_.end())
        answer(name, found->second);
    return;
  }
  answer_at_ = Clock::now() + milliseconds(kRetryAnswerMs);
  for (const std::string& name : waiting_)
    if (const auto found = channels_.find(name);
        found != channels_.end() && found->second.told == Told::kNothing && found->second.is_wanted)
      refuse(name, found->second);
}

void NatsLink::answer(const std::string& name, Channel& channel) {
  if (!channel.is_wanted || !channel.subscription || channel.told == Told::kConfirmed) return;
  const Told before = std::exchange(channel.told, Told::kConfirmed);
  // Who went on without us is told of the gap by the hub, at the confirmation.
  push(before == Told::kLost ? NatsEvent::Kind::kGap : NatsEvent::Kind::kConfirm, name);
}

void NatsLink::proven() {
  const auto now = Clock::now();
  ping_at_ = now + milliseconds(options_.ping_ms);
  const std::lock_guard guard(mutex_);
  proven_at_ = now;
}

int64_t NatsLink::ms_since_proof() const {
  const std::lock_guard guard(mutex_);
  return std::chrono::duration_cast<milliseconds>(Clock::now() - proven_at_).count();
}

void NatsLink::ping() {
  if (connection_->round_trip(kAnswerMs)) return proven();
  if (ms_since_proof() + kRetryAnswerMs >= options_.silent_ms)
    return lose("the server has not answered for " + std::to_string(options_.silent_ms) + " ms");
  const int64_t left = options_.silent_ms - ms_since_proof() - kAnswerMs;
  ping_at_ = Clock::now() + milliseconds(std::max<int64_t>(left, kRetryAnswerMs));
}

void NatsLink::lose(const std::string& problem) {
  base::log_warn("nats: " + problem + "; connecting anew");
  connection_.reset();  // first: subscriptions then end without a word to the server
  waiting_.clear();
  lingering_.clear();
  refusals_->clear();
  for (auto entry = channels_.begin(); entry != channels_.end();) {
    Channel& channel = entry->second;
    channel.subscription.reset();
    if (!channel.is_wanted) {
      entry = channels_.erase(entry);
      continue;
    }
    if (channel.told == Told::kConfirmed) channel.told = Told::kLost;
    if (channel.told == Told::kNothing) refuse(entry->first, channel);
    ++entry;
  }
  for (auto& [id, listening] : listening_) {
    listening.subscription.reset();
    listening.bucket.reset();
  }
  set_state(false, problem);
  redial_.failed(Clock::now());
}

void NatsLink::set_state(bool is_up, const std::string& problem) {
  const std::lock_guard guard(mutex_);
  if (is_up_ != is_up) state_since_ = Clock::now();
  if (is_up && was_up_) ++reconnects_;
  is_up_ = is_up;
  problem_ = problem;
}

void NatsLink::sweep() {
  const auto before = Clock::now() - milliseconds(options_.linger_ms);
  for (; !lingering_.empty() && lingering_.front().first <= before; lingering_.pop_front()) {
    const auto found = channels_.find(lingering_.front().second);
    if (found == channels_.end() || found->second.is_wanted) continue;
    if (found->second.unwanted_at <= before) channels_.erase(found);
  }
}

}  // namespace livehub::source
