#include "source/nats_stream_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "source/random_name.h"
#include "source/thread.h"

namespace livehub::source {
namespace {

using std::chrono::milliseconds;
constexpr int64_t kAnswerMs = 1500;
constexpr int64_t kRetryMs = 500;
constexpr uint64_t kFetchMessagesMax = 128;
constexpr uint64_t kFetchLooksMax = 1024;  // of one backlog, sequences without a message included
constexpr size_t kFetchesWaitingMax = 1024;

}  // namespace

// libnats's threads to the link.
class NatsStreamSource::Link::Ear : public NatsEar {
 public:
  explicit Ear(Link& link) : link_(&link) {}
  void on_ack(uint64_t id, bool is_taken) override {
    with_link([&](Link& link) { link.settle(id, is_taken); });
  }
  void on_closed() override {
    with_link([](Link& link) {
      const std::lock_guard guard(link.mutex_);
      link.work_.is_closed = true;
      link.news_.notify_one();
    });
  }
  void on_trouble(std::string_view) override {
    with_link([](Link& link) { link.read_again(); });
  }
  void on_canary_refused(std::string_view why) override {
    with_link([&](Link& link) { link.feed_.refuse_canary(std::string(why)); });
  }
  void on_refused(const NatsRefusal& refusal) override {
    with_link([&](Link& link) { link.refusals_.note(refusal); });
  }
  // From here on the link may be gone.
  void silence() {
    const std::lock_guard guard(mutex_);
    link_ = nullptr;
  }

 private:
  template <typename Do>
  void with_link(Do act) {
    const std::lock_guard guard(mutex_);
    if (link_) act(*link_);
  }
  std::mutex mutex_;
  Link* link_;
};

class NatsStreamSource::Link::Messages : public NatsEar {
 public:
  Messages(std::shared_ptr<NatsQueue> queue, std::string reading)
      : queue_(std::move(queue)), reading_(std::move(reading)) {}
  void on_message(const NatsRaw& raw) override {
    queue_->push_message(reading_, raw.payload, raw.sequence);
  }

 private:
  const std::shared_ptr<NatsQueue> queue_;
  const std::string reading_;
};

NatsStreamSource::Link::Link(const NatsStreamOptions& options, Feed& feed)
    : options_(options),
      feed_(feed),
      ear_(std::make_shared<Ear>(*this)),
      state_since_(Clock::now()),
      proven_at_(state_since_),
      canary_subject_(random_name(kNatsCanaryBegin)) {}

std::string NatsStreamSource::Link::start() {
  if (std::string error = NatsConnection::prepare(options_.nats, dial_options_, servers_);
      !error.empty())
    return error;
  thread_ = start_thread([this] { run(); });
  return {};
}

void NatsStreamSource::Link::stop() {
  {
    const std::lock_guard guard(mutex_);
    work_.is_stopping = true;
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
  ear_->silence();
  fail_pushes();
}

// --- any thread ---

void NatsStreamSource::Link::push(std::string document, Done done) {
  {
    const std::lock_guard guard(mutex_);
    if (is_up_ && pushes_.size() < kStreamPushesMax && !work_.is_stopping) {
      pushes_.emplace(++last_push_, std::move(done));
      work_.pushes.emplace_back(std::move(document), last_push_);
      news_.notify_one();
      return;
    }
  }
  done(false);
}

void NatsStreamSource::Link::fetch(SourcePosition after, SourcePosition until, size_t bytes_max,
                                   uint64_t token) {
  const std::lock_guard guard(mutex_);
  work_.fetches.push_back({after, until, bytes_max, token});
  news_.notify_one();
}

void NatsStreamSource::Link::read_again() {
  const std::lock_guard guard(mutex_);
  work_.is_reading_again = true;
  news_.notify_one();
}

void NatsStreamSource::Link::want_canary() {
  const std::lock_guard guard(mutex_);
  work_.wants_canary = true;
  news_.notify_one();
}

void NatsStreamSource::Link::send_canary(std::string_view payload) {
  const std::lock_guard guard(mutex_);
  if (!is_up_) return;
  work_.canary = payload;
  news_.notify_one();
}

void NatsStreamSource::Link::rebuild() {
  const std::lock_guard guard(mutex_);
  work_.is_rebuilding = true;
  news_.notify_one();
}

void NatsStreamSource::Link::settle(uint64_t id, bool is_taken) {
  Done done;
  {
    const std::lock_guard guard(mutex_);
    const auto found = pushes_.find(id);
    if (found == pushes_.end()) return;
    done = std::move(found->second);
    pushes_.erase(found);
  }
  if (is_taken && !refusals_.is_empty()) {
    (void)refusals_.take_news();  // nothing here waits for it
    refusals_.forget(options_.subject);
  }
  done(is_taken);
}

LinkState NatsStreamSource::Link::state() const {
  const std::lock_guard guard(mutex_);
  const auto seconds = [now = Clock::now()](Clock::time_point since) {
    return std::chrono::duration<double>(now - since).count();
  };
  LinkState state;
  state.name = "nats stream";
  state.is_up = is_up_;
  state.state_seconds = seconds(state_since_);
  state.quiet_seconds = seconds(proven_at_);
  state.reconnects = connects_ > 0 ? connects_ - 1 : 0;
  if (!is_up_) state.problem = problem_;
  return state;
}

// --- the link's thread ---

NatsStreamSource::Link::Work NatsStreamSource::Link::wait_for_work() {
  std::unique_lock lock(mutex_);
  if (fetches_.empty())
    news_.wait_until(lock, connection_ ? ping_at_ : redial_.at(),
                     [this] { return !work_.is_empty(); });
  return std::exchange(work_, {});
}

void NatsStreamSource::Link::run() {
  for (;;) {
    Work work = wait_for_work();
    if (work.is_stopping) break;
    if (work.is_closed && connection_ && connection_->is_closed()) lose("the connection was lost");
    if (work.is_rebuilding && connection_) lose("no canary comes back through it");
    if (!connection_ && Clock::now() >= redial_.at()) dial();
    take_canary(work);
    publish(work);
    answer_one(work);
    std::string problem;
    if (work.is_reading_again && connection_ && !begin_reading(problem)) lose(problem);
    if (connection_ && Clock::now() >= ping_at_) ping();
  }
  connection_.reset();  // first: what hangs on it then ends without a word to the server
  canary_.reset();
  reading_.reset();
  jetstream_.reset();
}

void NatsStreamSource::Link::dial() {
  std::string problem;
  const NatsServer& server = servers_[redial_.failures() % servers_.size()];
  connection_ = NatsConnection::dial(dial_options_, server, ear_, problem);
  if (connection_) {
    jetstream_ = NatsJetStream::open(*connection_, ear_);
    if (jetstream_ && begin_reading(problem)) {
      redial_.succeeded(Clock::now());
      refusals_.clear();
      subscribe_canary();
      base::log_info("nats stream: connected");
      return proven(true);
    }
  }
  lose(problem);
}

// From behind the last message that was read; at first from the newest one on.
bool NatsStreamSource::Link::begin_reading(std::string& problem) {
  const auto state =
      jetstream_->state(options_.stream, options_.subject, options_.messages_max, problem);
  if (!state) return false;
  const bool is_first = stream_.created_ns == 0;
  const bool is_other = state->created_ns != stream_.created_ns;
  stream_ = *state;
  uint64_t from = is_first ? state->last + 1 : is_other ? 1 : feed_.last() + 1;
  from = std::max<uint64_t>({from, state->first, 1});
  const std::string reading = std::to_string(++readings_);
  feed_.begin(reading, state->created_ns, state->first, state->last);
  reading_.reset();
  reading_ = jetstream_->read(options_.stream, options_.subject, from,
                              std::make_shared<Messages>(feed_.queue(), reading));
  if (!reading_) problem = "the stream cannot be read";
  return reading_ != nullptr;
}

void NatsStreamSource::Link::publish(Work& work) {
  for (const auto& [document, id] : work.pushes)
    if (!jetstream_ || !jetstream_->publish(options_.subject, document, id)) settle(id, false);
}

void NatsStreamSource::Link::subscribe_canary() {
  if (!wants_canary_ || !connection_) return;
  canary_ = connection_->subscribe(
      canary_subject_, std::make_shared<Messages>(feed_.queue(), std::string(Feed::kCanary)));
  if (canary_) feed_.confirm_canary();
}

void NatsStreamSource::Link::take_canary(Work& work) {
  if (work.wants_canary && !std::exchange(wants_canary_, true)) subscribe_canary();
  // One that does not leave is late, and that shows.
  if (!work.canary.empty() && connection_) (void)connection_->publish(canary_subject_, work.canary);
}

// A backlog is many round trips: pushes and the proof of life come between any two of them. Who
// would wait for too many others is told of a gap.
void NatsStreamSource::Link::answer_one(const Work& work) {
  for (const Fetch& fetch : work.fetches) {
    if (fetches_.size() < kFetchesWaitingMax)
      fetches_.push_back(fetch);
    else
      feed_.deliver(fetch.token, {.entries = {}, .gap = true});
  }
  if (fetches_.empty()) return;
  answer(fetches_.front());
  fetches_.pop_front();
}

void NatsStreamSource::Link::answer(const Fetch& fetch) {
  feed_.deliver(fetch.token, read_backlog(fetch));
}

Backlog NatsStreamSource::Link::read_backlog(const Fetch& fetch) {
  Backlog backlog;
  std::string problem;
  const auto state = jetstream_ ? jetstream_->state(options_.stream, options_.subject,
                                                    options_.messages_max, problem)
                                : std::nullopt;
  const uint64_t after = nats_sequence(fetch.after);
  if (!state || nats_position(state->created_ns, after).offset != fetch.after.offset) {
    backlog.gap = true;
    return backlog;
  }
  backlog.gap = state->first > after + 1;
  const uint64_t until = std::min(nats_sequence(fetch.until), state->last);
  size_t bytes = 0;
  uint64_t looks = 0;
  std::string payload, text;
  for (uint64_t sequence = std::max(after + 1, state->first); sequence <= until; ++sequence) {
    if (backlog.entries.size() >= kFetchMessagesMax || bytes >= fetch.bytes_max) break;
    if (++looks > kFetchLooksMax) {
      backlog.gap = backlog.gap || backlog.entries.empty();
      break;
    }
    const auto found = jetstream_->get(options_.stream, sequence, payload);
    if (found == NatsJetStream::Found::kFailed) {
      backlog.gap = true;
      break;
    }
    if (found == NatsJetStream::Found::kNo || !options_.decode(payload, text)) continue;
    bytes += text.size();
    backlog.entries.push_back({text, {}, nats_position(state->created_ns, sequence)});
  }
  return backlog;
}

void NatsStreamSource::Link::proven(bool is_new) {
  const auto now = Clock::now();
  ping_at_ = now + milliseconds(options_.nats.ping_ms);
  const std::lock_guard guard(mutex_);
  proven_at_ = now;
  if (!is_new) return;
  ++connects_;
  is_up_ = true;
  state_since_ = now;
}

void NatsStreamSource::Link::ping() {
  if (connection_->round_trip(kAnswerMs)) return proven(false);
  Clock::time_point proof;
  {
    const std::lock_guard guard(mutex_);
    proof = proven_at_;
  }
  if (Clock::now() - proof + milliseconds(kRetryMs) >= milliseconds(options_.nats.silent_ms))
    return lose("the server does not answer");
  ping_at_ = Clock::now() + milliseconds(kRetryMs);
}

void NatsStreamSource::Link::lose(const std::string& problem) {
  connection_.reset();  // first: what hangs on it then ends without a word to the server
  canary_.reset();
  reading_.reset();
  jetstream_.reset();
  redial_.failed(Clock::now());
  bool is_new = false;
  {
    const std::lock_guard guard(mutex_);
    is_new = is_up_ || problem_ != problem;
    if (is_up_) state_since_ = Clock::now();
    is_up_ = false;
    problem_ = problem;
  }
  if (is_new) base::log_warn("nats stream: " + problem);
  feed_.lose_link();
  fail_pushes();
}

void NatsStreamSource::Link::fail_pushes() {
  std::map<uint64_t, Done> failed;
  {
    const std::lock_guard guard(mutex_);
    failed.swap(pushes_);
    work_.pushes.clear();
  }
  for (const auto& [id, done] : failed) done(false);
}

}  // namespace livehub::source
