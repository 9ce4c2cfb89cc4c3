#include "profile/live_data_cluster.h"

#include "profile/live_data_nats.h"
#include "source/redis.h"

namespace livehub::profile {
namespace {

// A push waits no longer than this for Redis (PUSH_WAIT_MS is the hub's own wait).
constexpr uint32_t kPushMs = 2000;

}  // namespace

std::unique_ptr<LiveDataCluster> LiveDataCluster::make(const SettingMap& settings,
                                                       std::string_view channel,
                                                       std::string& error) {
  source::RedisOptions options;
  options.url = setting(settings, "REDIS_URL", "");
  auto nats = make_live_data_nats(settings, channel, error);
  if (nats && !options.url.empty()) error = "REDIS_URL and NATS_URL are both set: one is enough.";
  if (!error.empty() || (!nats && options.url.empty())) return nullptr;
  options.ca_file = setting(settings, "REDIS_CA_CERT", "");
  options.command_ms = kPushMs;
  auto made = std::make_unique<LiveDataCluster>();
  made->nats_ = std::move(nats);
  if (made->nats_) return made;
  made->key_ = setting(settings, "BROKER_PREFIX", "livehub") + ":live-data:" + std::string(channel);
  made->entries_max_ = setting(settings, "BROKER_MAXLEN", "10000");
  source::RedisRule rule;
  rule.kind = source::RedisRule::Kind::kStream;
  rule.channel_prefix = channel;
  rule.key_prefix = made->key_;
  rule.channels = {std::string(channel)};
  // Without a hook: a message is an entry's field `d`.
  made->redis_ = source::RedisSource::make(std::move(options), std::move(rule), {}, error);
  return made->redis_ ? std::move(made) : nullptr;
}

void LiveDataCluster::push(const std::string& document,
                           std::function<void(bool is_taken)> done) const {
  if (nats_) return nats_->push(document, std::move(done));
  const auto answer = [done](const source::RedisReply& reply) { done(!reply.is_error()); };
  if (!redis_->command({"XADD", key_, "MAXLEN", "~", entries_max_, "*", "d", document}, answer))
    done(false);
}

std::shared_ptr<Source> LiveDataCluster::source() const {
  if (nats_) return nats_;
  return redis_;
}

}  // namespace livehub::profile
