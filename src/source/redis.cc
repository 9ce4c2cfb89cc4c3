#include "source/redis.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>

#include "source/redis_state.h"

namespace livehub::source {

std::optional<SourcePosition> redis_position(std::string_view id) {
  constexpr uint64_t kMsMost = (uint64_t{1} << 42) - 1;
  constexpr uint64_t kCountMost = (uint64_t{1} << 22) - 1;
  uint64_t ms = 0, count = 0;
  const char* const end = id.data() + id.size();
  const auto first = std::from_chars(id.data(), end, ms);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, count);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  if (ms > kMsMost || count > kCountMost) return std::nullopt;
  return SourcePosition::of_time(ms, count);
}

std::string redis_id(SourcePosition position) {
  return std::to_string(position.time_ms()) + "-" + std::to_string(position.time_count());
}

std::string machine_name() {
  // Nobody sets variables in this program. NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* machine = std::getenv("FLY_MACHINE_ID"); machine && *machine) return machine;
  char host[256] = {};
  return ::gethostname(host, sizeof(host) - 1) == 0 && host[0] ? host : "machine";
}

RedisSource::RedisSource(Private) {}
RedisSource::~RedisSource() = default;

std::shared_ptr<RedisSource> RedisSource::make(RedisOptions options, RedisRule rule, RedisHook hook,
                                               std::string& error) {
  auto address = parse_redis_url(options.url, error);
  if (!address) return nullptr;
  if (options.force_tls) address->use_tls = true;
  if (options.database) address->database = *options.database;
  RedisLinkConfig config;
  config.address = *address;
  config.probe_ms = options.probe_ms;
  config.silence_ms = options.silence_ms;
  config.connect_ms = options.connect_ms;
  config.backoff_ms_max = options.backoff_ms_max;
  if (address->use_tls) {
    config.tls = make_tls_context(options.ca_file, error);
    if (!config.tls) return nullptr;
  }
  auto made = std::make_shared<RedisSource>(Private());
  made->state_ = std::make_unique<State>(std::move(options), std::move(rule), std::move(hook),
                                         std::move(config));
  return made;
}

bool RedisSource::command(std::vector<std::string> arguments, RedisCallback done) {
  return state_->command(std::move(arguments), std::move(done));
}
bool RedisSource::publish(std::string key, std::string payload, bool skip_echo,
                          RedisCallback done) {
  return state_->publish(std::move(key), std::move(payload), skip_echo, std::move(done));
}
double RedisSource::ping_ms() const { return state_->ping_ms(); }

std::string RedisSource::start(Inlet& inlet) { return state_->start(inlet); }
void RedisSource::stop() { state_->stop(); }
std::vector<LinkState> RedisSource::links() const { return state_->links(); }
bool RedisSource::feeds(std::string_view channel) const { return state_->feeds(channel); }

std::string_view RedisSource::canary_name() const {
  return state_->rule().kind == RedisRule::Kind::kNone ? "" : "redis";
}
void RedisSource::send_canary(std::string_view payload) {
  state_->post([state = state_.get(), text = std::string(payload)](int64_t now_ns) {
    state->send_canary(text, now_ns);
  });
}
void RedisSource::rebuild() {
  state_->post([state = state_.get()](int64_t now_ns) { state->rebuild(now_ns); });
}

void RedisSource::want(std::string_view channel) {
  state_->post([state = state_.get(), name = std::string(channel)](int64_t now_ns) {
    state->want(name, now_ns);
  });
}

void RedisSource::unwant(std::string_view channel) {
  state_->post(
      [state = state_.get(), name = std::string(channel)](int64_t) { state->unwant(name); });
}

void RedisSource::fetch(std::string_view channel, SourcePosition after, SourcePosition until,
                        size_t bytes_max, uint64_t token) {
  RedisFetch fetch{.channel = std::string(channel),
                   .key = state_->key_of(channel),
                   .after = after,
                   .until = until,
                   .bytes_max = bytes_max,
                   .done = {}};
  state_->post([state = state_.get(), fetch = std::move(fetch), token](int64_t now_ns) mutable {
    state->fetch(std::move(fetch), token, now_ns);
  });
}

}  // namespace livehub::source
