// The settings of profile `signals`: read once, and Redis is set up by them.
#include <charconv>

#include "base/log.h"
#include "profile/signals_entry.h"
#include "profile/signals_shared.h"

namespace livehub::profile {
namespace {

uint32_t number(const SettingMap& settings, const char* name, uint32_t otherwise) {
  const std::string text = setting(settings, name);
  uint32_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "signals:paper:staging": the stream of mode paper, and the one the health pages speak of.
std::string read_active(const std::string& text, SignalsSettings& settings) {
  for (const SignalMode mode : {SignalMode::kPaper, SignalMode::kLive}) {
    const std::string plain = "signals:" + std::string(name_of(mode));
    if (text != plain && !text.starts_with(plain + ":")) continue;
    settings.active = mode;
    settings.streams[static_cast<size_t>(mode)] = text;
    return {};
  }
  return "SIGNALS_STREAM_ACTIVE is signals:paper or signals:live, or begins with one of them and a "
         "colon, not \"" +
         text + "\".";
}

// On the Redis thread: an entry becomes an event, or is passed over and told of once for each flaw.
bool translate(const SignalsSettings& settings, SignalsTally& tally,
               const source::RedisMessage& message, source::RedisOutcome& out) {
  const SignalMode mode = message.channel == settings.stream_of(SignalMode::kLive)
                              ? SignalMode::kLive
                              : SignalMode::kPaper;
  SignalFields fields;
  for (size_t i = 0; i + 1 < message.fields.size(); i += 2)
    fields.emplace_back(message.fields[i].text, message.fields[i + 1].text);
  const SignalEntry entry = read_signal(fields, name_of(mode));
  const auto at = static_cast<size_t>(mode);
  const int64_t age_ms = message.now_ms - static_cast<int64_t>(message.position.time_ms());
  if (!message.is_backlog) {
    tally.newest_ms[at].store(message.position.time_ms(), std::memory_order_relaxed);
    if (entry.json.empty()) {
      tally.skipped.fetch_add(1, std::memory_order_relaxed);
      if (++tally.flaws[entry.flaw] == 1)
        base::log_warn("signals: an entry of " + std::string(message.channel) +
                       " is passed over: " + entry.flaw + " (told once)");
    } else {
      const int64_t open = tally.open[at].load(std::memory_order_relaxed);
      tally.sent.fetch_add(static_cast<uint64_t>(std::max<int64_t>(open, 0)),
                           std::memory_order_relaxed);
    }
  }
  if (entry.json.empty()) return false;
  out.event = "signal";
  out.payload = with_metadata(entry.json, source::redis_id(message.position),
                              std::max<int64_t>(age_ms, 0), message.channel);
  return true;
}

std::string make_redis(const SettingMap& settings, SignalsShared& shared) {
  source::RedisOptions options;
  options.url = setting(settings, "REDIS_URL");
  if (options.url.empty()) return "REDIS_URL must be set: signals come from Redis.";
  options.ca_file = setting(settings, "REDIS_CA_CERT");
  options.force_tls = is_on(settings, "REDIS_SSL", false);
  if (!setting(settings, "REDIS_DB").empty()) options.database = number(settings, "REDIS_DB", 0);
  options.consumer_group = setting(settings, "CONSUMER_GROUP_NAME");
  options.consumer_name = setting(settings, "CONSUMER_NAME", "sse-worker");
  source::RedisRule rule;
  rule.kind = source::RedisRule::Kind::kStream;
  rule.channel_prefix = rule.key_prefix = "signals:";
  rule.channels = {shared.settings.streams.begin(), shared.settings.streams.end()};
  std::string error;
  shared.redis = source::RedisSource::make(
      std::move(options), std::move(rule),
      [own = shared.settings, tally = shared.tally](const source::RedisMessage& message,
                                                    source::RedisOutcome& out) {
        return translate(own, *tally, message, out);
      },
      error);
  return error;
}

}  // namespace

std::unique_ptr<const auth::OriginList> read_signals_origins(const SettingMap& settings,
                                                             std::string& error) {
  const std::string origins =
      setting(settings, "CORS_ALLOW_ORIGINS", setting(settings, "CORS_ORIGINS", "*"));
  const auto list = auth::OriginList::parse(origins, error);
  if (list) return std::make_unique<const auth::OriginList>(*list);
  error = "CORS_ALLOW_ORIGINS: " + error;
  return nullptr;
}

std::string read_signals_settings(const SettingMap& settings, SignalsShared& shared) {
  SignalsSettings& own = shared.settings;
  std::string error = read_active(setting(settings, "SIGNALS_STREAM_ACTIVE", "signals:paper"), own);
  if (!error.empty()) return error;
  own.has_sse = is_on(settings, "ENABLE_SSE", true);
  own.has_metrics = is_on(settings, "PROMETHEUS_ENABLED", true);
  own.oldest_first = setting(settings, "SIGNALS_ORDER", "newest") == "oldest";
  own.repeats_connected = is_on(settings, "SIGNALS_REPEAT_CONNECTED", false);
  own.is_tracked = is_on(settings, "SSE_TRACK_IN_REDIS", false);
  own.heartbeat_seconds = number(settings, "SSE_HEARTBEAT_SEC", 15);
  // The site's watchdog waits 30 s.
  if (own.repeats_connected) own.heartbeat_seconds = std::min(own.heartbeat_seconds, 25u);
  own.track_key =
      setting(settings, "BROKER_PREFIX", "livehub") + ":signals:streams:" + source::machine_name();
  auto origins = read_signals_origins(settings, error);
  if (!origins) return error;
  shared.origins.set(std::move(origins));
  return make_redis(settings, shared);
}

}  // namespace livehub::profile
