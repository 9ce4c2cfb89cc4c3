#include "source/redis_state.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/clock.h"
#include "base/log.h"
#include "source/random_name.h"
#include "source/thread.h"

namespace livehub::source {
namespace {

constexpr int kBlockedWaitMs = 2;  // until the hub is asked again
constexpr int64_t kWaitNsMax = 60'000'000'000;

constexpr std::string_view kCanaryEntries = "16";  // what one that was away for a minute may miss
constexpr std::string_view kCanaryLifeMs = "60000";

}  // namespace

RedisSource::State::State(RedisOptions options, RedisRule rule, RedisHook hook,
                          RedisLinkConfig config)
    : options_(std::move(options)),
      rule_(std::move(rule)),
      hook_(std::move(hook)),
      config_(std::move(config)),
      canary_key_(random_name("livehub:canary:")) {}

// --- start and stop ---

std::string RedisSource::State::start(Inlet& inlet) {
  wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd_ < 0) return "the Redis client could not be set up: no descriptor is free";
  resolver_ = std::make_unique<RedisResolver>();
  make_links(inlet);
  {
    const std::lock_guard guard(mutex_);
    is_running_ = true;
  }
  has_links_.store(true, std::memory_order_release);
  thread_ = start_thread([this] { run(); });
  return {};
}

void RedisSource::State::make_links(Inlet& inlet) {
  const auto post_task = [this](Task task) { return post(std::move(task)); };
  const auto add = [&](const char* name) -> RedisLink& {
    links_.push_back(
        std::make_unique<RedisLink>(name, config_, *resolver_, post_task, random_u64()));
    return *links_.back();
  };
  outbox_ = std::make_unique<RedisOutbox>(inlet);
  echoes_ = std::make_unique<RedisEchoes>(base::HashKey{random_u64(), random_u64()});
  RedisLink& commands = add("redis commands");
  commands_ = std::make_unique<RedisCommands>(commands, options_.command_ms, [this](bool is_up) {
    if (streams_) streams_->on_commands(is_up, base::monotonic_ns());
  });
  if (!options_.consumer_group.empty()) {
    group_ =
        std::make_unique<RedisGroup>(*commands_, options_.consumer_group, options_.consumer_name);
    for (const std::string& channel : rule_.channels) group_->keep(key_of(channel));
  }
  if (rule_.kind == RedisRule::Kind::kPubSub) {
    pubsub_ = std::make_unique<RedisPubSub>(
        add("redis subscriber"), *outbox_,
        [this](const std::string& channel, const std::string& key, std::string_view payload,
               int64_t now_ns) { on_message(channel, key, payload, now_ns); });
  }
  if (rule_.kind == RedisRule::Kind::kStream) {
    streams_ = std::make_unique<RedisStreams>(
        add("redis streams"), *commands_, *outbox_, config_.probe_ms * 4 / 5,
        [this](const std::string& channel, SourcePosition position,
               std::span<const RedisReply> fields,
               RedisOutcome& out) { return translate(channel, position, fields, false, out); },
        [this](const std::string& key) {
          if (group_ && key != canary_key_) group_->touch(key);
        });
  }
}

void RedisSource::State::stop() {
  {
    const std::lock_guard guard(mutex_);
    is_stopping_ = true;
  }
  if (thread_.joinable()) {
    const uint64_t one = 1;
    (void)!::write(wake_fd_, &one, sizeof(one));
    thread_.join();
  }
  resolver_.reset();
  if (wake_fd_ >= 0) ::close(wake_fd_);
  wake_fd_ = -1;
}

// Every callback that waits is called before the thread ends.
void RedisSource::State::shut_down() {
  for (const auto& link : links_) link->close();
  {
    const std::lock_guard guard(mutex_);
    is_running_ = false;
  }
  run_tasks(base::monotonic_ns());
  commands_->fail_all("the server is stopping");
}

// --- from other threads ---

bool RedisSource::State::post(Task task) {
  const std::lock_guard guard(mutex_);
  if (!is_running_) return false;
  tasks_.push_back(std::move(task));
  if (tasks_.size() > 1) return true;
  const uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof(one));
  return true;
}

RedisCallback RedisSource::State::counted(RedisCallback done) {
  return [this, done = std::move(done)](const RedisReply& reply) {
    commands_waiting_.fetch_sub(1, std::memory_order_relaxed);
    if (reply.is_error()) commands_failed_.fetch_add(1, std::memory_order_relaxed);
    if (done) done(reply);
  };
}

// False: too many wait, or nobody is there to send it.
bool RedisSource::State::enqueue(Task task) {
  const size_t waiting = commands_waiting_.fetch_add(1, std::memory_order_relaxed);
  if (waiting < options_.commands_max && post(std::move(task))) return true;
  commands_waiting_.fetch_sub(1, std::memory_order_relaxed);
  commands_failed_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

bool RedisSource::State::command(std::vector<std::string> arguments, RedisCallback done) {
  return enqueue([this, arguments = std::move(arguments),
                  done = counted(std::move(done))](int64_t now_ns) mutable {
    commands_->send(arguments, std::move(done), now_ns);
  });
}

bool RedisSource::State::publish(std::string key, std::string payload, bool skip_echo,
                                 RedisCallback done) {
  return enqueue([this, key = std::move(key), payload = std::move(payload), skip_echo,
                  done = counted(std::move(done))](int64_t now_ns) mutable {
    if (skip_echo && commands_->is_up()) echoes_->remember(key, payload, now_ns);
    commands_->send({"PUBLISH", std::move(key), std::move(payload)}, std::move(done), now_ns);
  });
}

std::vector<LinkState> RedisSource::State::links() const {
  std::vector<LinkState> states;
  if (!has_links_.load(std::memory_order_acquire)) return states;
  const int64_t now_ns = base::monotonic_ns();
  for (const auto& link : links_) states.push_back(link->status(now_ns));
  states[0].failures = commands_failed_.load(std::memory_order_relaxed);
  return states;
}

double RedisSource::State::ping_ms() const {
  return has_links_.load(std::memory_order_acquire) ? commands_->ping_ms() : -1;
}

// --- channels ---

bool RedisSource::State::feeds(std::string_view channel) const {
  if (rule_.kind == RedisRule::Kind::kNone || !channel.starts_with(rule_.channel_prefix))
    return false;
  return rule_.channels.empty() ||
         std::find(rule_.channels.begin(), rule_.channels.end(), channel) != rule_.channels.end();
}

std::string RedisSource::State::key_of(std::string_view channel) const {
  if (channel == kCanaryChannel) return canary_key_;
  return rule_.key_prefix + std::string(channel.substr(rule_.channel_prefix.size()));
}

void RedisSource::State::want(const std::string& channel, int64_t now_ns) {
  if (pubsub_) pubsub_->want(key_of(channel), channel);
  if (streams_) streams_->want(key_of(channel), channel, now_ns);
}

void RedisSource::State::unwant(const std::string& channel) {
  const std::string key = key_of(channel);
  if (pubsub_) pubsub_->unwant(key);
  if (streams_) streams_->unwant(key);
  if (group_) group_->forget(key);
}

void RedisSource::State::fetch(RedisFetch fetch, uint64_t token, int64_t now_ns) {
  if (!streams_) return outbox_->deliver(token, {.entries = {}, .gap = true});
  fetch.done = [this, token](Backlog backlog) { outbox_->deliver(token, std::move(backlog)); };
  fetch_entries(
      *commands_, std::move(fetch),
      [this](const std::string& channel, SourcePosition position,
             std::span<const RedisReply> fields,
             RedisOutcome& out) { return translate(channel, position, fields, true, out); },
      now_ns);
}

// A stream's key is short and goes away by itself when this process has.
void RedisSource::State::send_canary(const std::string& payload, int64_t now_ns) {
  const auto answered = [this](const RedisReply& reply) {
    if (reply.is_error() && !reply.is_local) outbox_->refuse_canary(reply.text);
  };
  if (pubsub_) commands_->send({"PUBLISH", canary_key_, payload}, answered, now_ns);
  if (!streams_) return;
  commands_->send({"XADD", canary_key_, "MAXLEN", std::string(kCanaryEntries), "*", "d", payload},
                  answered, now_ns);
  commands_->send({"PEXPIRE", canary_key_, std::string(kCanaryLifeMs)}, answered, now_ns);
}

void RedisSource::State::rebuild(int64_t now_ns) {
  for (const auto& link : links_)
    if (link->is_up()) link->give_up("no canary comes back through it", now_ns);
}

bool RedisSource::State::translate(const std::string& channel, SourcePosition position,
                                   std::span<const RedisReply> fields, bool is_backlog,
                                   RedisOutcome& out) const {
  if (hook_ && channel != kCanaryChannel)
    return hook_({.channel = channel,
                  .payload = {},
                  .fields = fields,
                  .position = position,
                  .now_ms = base::unix_ms(),
                  .is_backlog = is_backlog},
                 out);
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (fields[i].text != "d") continue;
    out.payload = fields[i + 1].text;
    return true;
  }
  return false;
}

void RedisSource::State::on_message(const std::string& channel, const std::string& key,
                                    std::string_view payload, int64_t now_ns) {
  if (echoes_->take(key, payload, now_ns)) return;
  RedisOutcome out;
  if (!hook_ || channel == kCanaryChannel) {
    out.payload = payload;
  } else {
    const RedisMessage message{.channel = channel,
                               .payload = payload,
                               .fields = {},
                               .position = {},
                               .now_ms = base::unix_ms()};
    if (!hook_(message, out)) return;
  }
  outbox_->publish(channel, std::move(out.payload), std::move(out.event), {});
}

// --- the loop ---

void RedisSource::State::run() {
  const int64_t now_ns = base::monotonic_ns();
  links_[0]->start(*commands_, now_ns);
  if (pubsub_) links_.back()->start(*pubsub_, now_ns);
  if (streams_) links_.back()->start(*streams_, now_ns);
  for (;;) {
    {
      const std::lock_guard guard(mutex_);
      if (is_stopping_) break;
    }
    turn();
  }
  shut_down();
}

void RedisSource::State::run_tasks(int64_t now_ns) {
  std::deque<Task> tasks;
  {
    const std::lock_guard guard(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task(now_ns);
}

void RedisSource::State::turn() {
  int64_t now_ns = base::monotonic_ns();
  run_tasks(now_ns);
  outbox_->flush();
  for (size_t i = 1; i < links_.size(); ++i) links_[i]->set_paused(outbox_->is_blocked(), now_ns);
  if (pubsub_) pubsub_->flush(now_ns);
  if (streams_) streams_->flush(now_ns);
  if (group_) group_->on_time(now_ns);
  for (const auto& link : links_) link->flush(now_ns);
  wait(now_ns);
  now_ns = base::monotonic_ns();
  for (const auto& link : links_) link->on_time(now_ns);
  commands_->on_time(now_ns);
}

int64_t RedisSource::State::soonest_ns() const {
  int64_t soonest = commands_->deadline_ns();
  for (const auto& link : links_) soonest = std::min(soonest, link->deadline_ns());
  if (pubsub_) soonest = std::min(soonest, pubsub_->deadline_ns());
  if (streams_) soonest = std::min(soonest, streams_->deadline_ns());
  if (group_) soonest = std::min(soonest, group_->deadline_ns());
  return soonest;
}

void RedisSource::State::wait(int64_t now_ns) {
  constexpr size_t kPolledMax = 4;
  std::array<pollfd, kPolledMax> polled{};
  polled[0] = {wake_fd_, POLLIN, 0};
  bool is_ready = false;
  for (size_t i = 0; i < links_.size(); ++i) {
    const short events = links_[i]->events();
    // Without events a hang-up would be reported again and again: it is not asked about at all.
    polled[i + 1] = {events == 0 ? -1 : links_[i]->fd(), events, 0};
    is_ready |= links_[i]->has_buffered();
  }
  const int64_t left_ns = std::clamp<int64_t>(soonest_ns() - now_ns, 0, kWaitNsMax);
  int ms = static_cast<int>((left_ns + 999'999) / 1'000'000);
  if (outbox_->is_blocked()) ms = std::min(ms, kBlockedWaitMs);
  if (is_ready) ms = 0;
  if (::poll(polled.data(), links_.size() + 1, ms) < 0) return;
  if (polled[0].revents != 0) {
    uint64_t knocks = 0;
    (void)!::read(wake_fd_, &knocks, sizeof(knocks));
  }
  now_ns = base::monotonic_ns();
  for (size_t i = 0; i < links_.size(); ++i) {
    short events = polled[i + 1].revents;
    if (links_[i]->has_buffered()) events |= POLLIN;
    links_[i]->on_ready(events, now_ns);
  }
}

}  // namespace livehub::source
