#include "profile/chat_settings.h"

#include <charconv>

#include "profile/chat_health.h"
#include "profile/chat_messages.h"
#include "source/http_client.h"

namespace livehub::profile {
namespace {

// The settings' table has checked the range.
uint32_t number_of(const SettingMap& settings, const char* name, uint32_t value) {
  const std::string text = setting(settings, name);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A sentence, if it is missing or still what the example has.
std::string check_secret(const SettingMap& settings, const char* name, std::string_view placeholder,
                         std::string_view use) {
  const std::string text = setting(settings, name);
  if (text.empty()) return std::string(name) + " is not set: give the secret " + std::string(use);
  if (text == placeholder)
    return std::string(name) + " is the example's placeholder: give the secret " + std::string(use);
  return {};
}

std::string check_secrets(const SettingMap& settings) {
  std::string error = check_secret(settings, "JWT_SECRET", "your-jwt-secret-here",
                                   "that the web app signs its tokens with.");
  if (error.empty())
    error = check_secret(settings, "INTERNAL_API_SECRET", "your-internal-api-secret-here",
                         "that the web app's API expects in X-Internal-Secret.");
  return error;
}

std::string check_redis_url(const std::string& url) {
  if (url.empty()) return "REDIS_URL is not set: give it as redis://user:password@host:port.";
  if (url.starts_with("https://") || url.starts_with("http://"))
    return "REDIS_URL is an address of Redis over HTTP (Upstash calls it REST): give the one that "
           "begins with rediss:// or redis://.";
  return {};
}

// What Redis says, into what the room is told. On the Redis thread.
source::RedisHook make_hook(std::shared_ptr<ChatLedger> ledger) {
  return [ledger = std::move(ledger)](const source::RedisMessage& message,
                                      source::RedisOutcome& outcome) {
    std::optional<RoomPayload> made = room_payload(message.payload);
    if (!made) return false;
    if (!made->id.empty() && !ledger->is_new(message.channel, made->id, message.now_ms))
      return false;
    outcome.payload =
        made->payload.empty() ? std::string(message.payload) : std::move(made->payload);
    return true;
  };
}

std::string make_redis(const SettingMap& settings, ChatShared& shared) {
  source::RedisOptions options;
  options.url = setting(settings, "REDIS_URL");
  options.ca_file = setting(settings, "REDIS_CA_CERT");
  const source::RedisRule rule = {.kind = source::RedisRule::Kind::kPubSub,
                                  .channel_prefix = std::string(kChatChannelPrefix),
                                  .key_prefix = std::string(kChatChannelPrefix),
                                  .channels = {}};
  std::string error = check_redis_url(options.url);
  if (!error.empty()) return error;
  shared.redis =
      source::RedisSource::make(std::move(options), rule, make_hook(shared.ledger), error);
  if (!shared.redis) return "REDIS_URL: " + error;
  shared.sources.push_back(shared.redis);
  return {};
}

void make_backend(const SettingMap& settings, ChatShared& shared,
                  std::vector<std::string>& warnings) {
  std::string url = setting(settings, "NEXT_API_URL");
  if (url.empty()) url = "http://localhost:3000";
  std::string problem;
  shared.api_url = source::check_base_url(url, problem);
  if (!problem.empty()) {
    warnings.push_back("NEXT_API_URL " + problem + ": no message can be saved until it does");
    shared.api_url = url;
  }
  if (shared.backend) return;
  source::HttpClientOptions options;
  options.name = "chat backend";
  options.timeout_ms = number_of(settings, "BACKEND_TIMEOUT_MS", options.timeout_ms);
  options.concurrency_max = number_of(settings, "BACKEND_CONCURRENCY", options.concurrency_max);
  options.queue_max = number_of(settings, "BACKEND_QUEUE", options.queue_max);
  options.body_bytes_max = 512 * 1024;
  const auto client = std::make_shared<source::HttpClient>(std::move(options));
  shared.backend = client;
  shared.sources.push_back(client);
}

}  // namespace

std::unique_ptr<const ChatSecrets> read_chat_secrets(const SettingMap& settings,
                                                     std::string& error) {
  error = check_secrets(settings);
  if (!error.empty()) return nullptr;
  const auto keys = auth::JwtKeys::from_secret(setting(settings, "JWT_SECRET"), error);
  if (!keys) {
    error = "JWT_SECRET cannot be used: " + error;
    return nullptr;
  }
  using enum auth::JwtAlgorithm;
  return std::make_unique<const ChatSecrets>(ChatSecrets{
      auth::JwtVerifier({.algorithms = {kHs256, kHs384, kHs512}, .requires_expiry = false}, *keys),
      setting(settings, "INTERNAL_API_SECRET")});
}

std::shared_ptr<ChatShared> read_chat_settings(const SettingMap& settings,
                                               std::shared_ptr<source::HttpCaller> backend,
                                               std::vector<std::string>& warnings,
                                               std::string& error) {
  auto secrets = read_chat_secrets(settings, error);
  if (!secrets) return nullptr;
  auto shared = std::make_shared<ChatShared>();
  shared->secrets.set(std::move(secrets));
  shared->backend = std::move(backend);
  error = make_redis(settings, *shared);
  if (!error.empty()) return nullptr;
  make_backend(settings, *shared, warnings);
  shared->trusts_roles = is_on(settings, "CHAT_TRUST_ROLES");
  shared->enforces_expiry = is_on(settings, "ENFORCE_EXPIRY");
  return shared;
}

}  // namespace livehub::profile
