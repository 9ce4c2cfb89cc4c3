#include "profile/live_data.h"

#include <charconv>
#include <cmath>
#include <memory>
#include <vector>

#include "auth/bearer.h"
#include "auth/origin.h"
#include "auth/push_signature.h"
#include "auth/shared_replay_guard.h"
#include "base/log.h"
#include "profile/current.h"
#include "profile/live_data_cluster.h"
#include "profile/live_data_generator.h"
#include "profile/subprotocol.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

constexpr std::string_view kChannel = "live";
constexpr std::string_view kSsePath = "/api/live";
constexpr std::string_view kWsPath = "/api/live/ws";
constexpr std::string_view kPushPath = "/api/live/push";
constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr uint64_t kEnvelopeTag = 1;

// What a reload may change: who may do what. immutable; a reload makes another one.
struct Rules {
  size_t body_bytes_max = 256'000;
  std::string token;
  std::unique_ptr<auth::PushSignature> signature;
  auth::OriginList origins;
};

// What all shards share. immutable but for the replay guard and the rules, made to be shared.
struct Shared {
  bool is_generator = false;
  int64_t tick_ms = 1000;
  auth::SharedReplayGuard guard;
  std::unique_ptr<LiveDataCluster> cluster;  // with REDIS_URL or NATS_URL: pushes go there
  Current<Rules> rules;
};

std::string error_body(std::string_view error) {
  return "{\"ok\":false,\"error\":" + wire::json_quote(error) + "}";
}

class LiveData : public Profile {
 public:
  LiveData(std::shared_ptr<Shared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), context_(context), rules_(&shared_->rules.get()) {}

  Route route(const Request& request) override {
    rules_ = &shared_->rules.get();  // once: all that is decided here is decided by the same rules
    const std::string_view origin = request.header("origin").value_or("");
    const bool is_upgrade = request.is_websocket();
    if (is_upgrade && request.path() != kWsPath) return Route::destroy();
    if (request.method() == "OPTIONS") return Route::answer(reply(origin, 204, "", ""));
    const bool is_get = request.method() == "GET";
    if (is_get && request.path() == "/health") return Route::answer(json(origin, 200, health()));
    const bool is_stream = is_get && (is_upgrade || request.path() == kSsePath);
    const bool is_push = request.method() == "POST" && request.path() == kPushPath;
    if (!is_stream && !is_push) return Route::answer(json(origin, 404, not_found()));
    if (!origin.empty() && !rules_->origins.allows(origin)) {
      log_refusal(request, "its origin is not in CORS_ORIGINS");
      return Route::answer(json(origin, 403, error_body("Origin not allowed")));
    }
    if (is_push) return route_push(origin, request);
    return is_upgrade ? route_websocket(request) : route_sse(origin);
  }

  void on_body(Exchange exchange, const Request& request, std::string_view raw) override {
    const std::string_view origin = request.header("origin").value_or("");
    if (rules_->signature && !is_signed(exchange, request, raw)) return;  // the rules may be newer
    if (raw.empty()) return exchange.reply(json(origin, 400, error_body("Missing body")));
    const std::string text =
        wire::utf8_valid(raw) ? std::string() : wire::utf8_with_replacement(raw);
    const std::string_view document = text.empty() ? raw : std::string_view(text);
    const wire::JsonGateResult result = wire::json_compact(document, compact_);
    if (!result.ok)
      return exchange.reply(
          json(origin, 400, error_body(wire::json_error_message(document, result))));
    if (!shared_->cluster) return exchange.publish(kChannel, compact_);
    // Bytes that are no UTF-8 have grown to three each.
    if (compact_.size() > context_.message_bytes_max)
      return on_published(exchange, PublishResult::kRefused, {});
    // On the broker's thread `this` may be gone; what is posted to a shard that has ended is
    // dropped.
    shared_->cluster->push(compact_, [this, exchange, post = context_.post](bool is_taken) {
      post([this, exchange, is_taken] {
        on_published(exchange, is_taken ? PublishResult::kAccepted : PublishResult::kBusy, {});
      });
    });
  }

  void on_published(Exchange exchange, PublishResult result, std::string_view) override {
    const std::string_view origin = origin_of_tag(exchange.tag());
    if (result == PublishResult::kAccepted)
      return exchange.reply(json(origin, 200, "{\"ok\":true}"));
    if (result == PublishResult::kRefused)
      return exchange.reply(json(origin, 413, error_body("Body too large")));
    Reply busy = drain_reply();
    busy.headers = json(origin, 503, "").headers;
    busy.headers.emplace_back("Retry-After", "1");
    exchange.reply(busy);
  }

  Reply drain_reply() const override { return json({}, 503, error_body("Busy, try again")); }

  void on_open(Session session, const Request& request) override {
    Subscribe options;
    options.channel = kChannel;
    const std::optional<std::string> from_query = request.query_value("last_event_id");
    // The header wins: a browser that reconnects repeats the old address but sends the newest id.
    std::optional<std::string_view> resume = request.header("last-event-id");
    if (!resume && from_query) resume = *from_query;
    const bool may_resume = !session.is_websocket() || session.tag() == kEnvelopeTag;
    if (resume && !resume->empty() && may_resume) options.resume_after = resume;
    if (session.tag() == kEnvelopeTag) options.format = Format::kEnvelope;
    session.subscribe(options);
  }

  void on_subscribed(Session session, std::string_view, std::string_view position) override {
    if (session.is_websocket()) return;
    session.send_comment("connected");
    session.send_id(position);  // so that a client cut before its first message resumes too
  }

  void on_gap(Session session, Gap gap, std::string_view, std::string_view position) override {
    if (!session.is_websocket())
      return session.send_event(position, "gap",
                                "{\"reason\":" + wire::json_quote(gap_name(gap)) + "}");
    if (session.tag() == kEnvelopeTag)
      return session.send_text("{\"id\":" + wire::json_quote(position) + ",\"gap\":true}");
    // A plain WebSocket has no way to be told.
    session.close(1013, gap == Gap::kSource ? "messages may be missing" : "too slow");
  }

  int64_t tick_ms() const override {
    return shared_->is_generator && context_.shard == 0 ? shared_->tick_ms : 0;
  }
  void on_tick(int64_t) override {
    const std::string point = generator_.next_point(context_.unix_seconds() * 1000);
    context_.publish({.channel = kChannel, .payload = point});
  }

 private:
  std::vector<std::pair<std::string, std::string>> cors(std::string_view origin) const {
    std::vector<std::pair<std::string, std::string>> headers;
    if (rules_->origins.any()) {
      headers.emplace_back("Access-Control-Allow-Origin", "*");
    } else {
      if (!origin.empty() && rules_->origins.allows(origin))
        headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
      headers.emplace_back("Vary", "Origin");
    }
    headers.emplace_back("Access-Control-Allow-Methods", "GET,POST,OPTIONS");
    headers.emplace_back("Access-Control-Allow-Headers",
                         "content-type, authorization, last-event-id");
    return headers;
  }
  Reply reply(std::string_view origin, int status, std::string body, std::string_view type) const {
    Reply made;
    made.status = status;
    made.body = std::move(body);
    made.content_type = type;
    made.headers = cors(origin);
    made.headers.emplace_back("Cache-Control", "no-store");
    return made;
  }
  Reply json(std::string_view origin, int status, std::string body) const {
    return reply(origin, status, std::move(body), kJson);
  }
  std::string health() const {
    std::string body = "{\"ok\":true,\"mode\":";
    body += shared_->is_generator ? "\"generator\"" : "\"hub\"";
    body += ",\"sse\":\"/api/live\",\"ws\":\"/api/live/ws\",\"push\":\"/api/live/push\",\"auth\":";
    body += rules_->token.empty() ? "\"none\"}" : "\"bearer\"}";
    return body;
  }
  static std::string not_found() {
    return R"({"error":"Not found","paths":["/api/live","/api/live/ws","/api/live/push"]})";
  }

  Route route_push(std::string_view origin, const Request& request) const {
    if (!rules_->token.empty() &&
        !auth::bearer_matches(request.header("authorization").value_or(""), rules_->token)) {
      log_refusal(request, "its token is not LIVE_PUSH_TOKEN");
      return Route::answer(json(origin, 401, error_body("Unauthorized")));
    }
    if (rules_->signature) {
      const auto check = rules_->signature->check_headers(
          request.header("x-timestamp"), request.header("x-signature"), context_.unix_seconds());
      if (check != auth::SignatureCheck::kOk) {
        log_refusal(request, auth::signature_check_text(check));
        return Route::answer(json(origin, 401, error_body(auth::signature_check_text(check))));
      }
    }
    return Route::read_body(rules_->body_bytes_max, json(origin, 413, error_body("Body too large")),
                            tag_of_origin(origin));
  }

  // The request is gone when its publish is answered; its origin is remembered as its place in the
  // list.
  uint64_t tag_of_origin(std::string_view origin) const {
    const auto& entries = rules_->origins.entries();
    for (size_t i = 0; i < entries.size(); ++i)
      if (entries[i] == origin) return i + 1;
    return 0;
  }
  std::string_view origin_of_tag(uint64_t tag) const {
    const auto& entries = rules_->origins.entries();  // a reload may have shortened them
    return tag == 0 || tag > entries.size() ? std::string_view()
                                            : std::string_view(entries[tag - 1]);
  }

  // False: it was answered.
  bool is_signed(Exchange exchange, const Request& request, std::string_view raw) const {
    const std::string_view stamp = request.header("x-timestamp").value_or("");
    const std::string_view text = request.header("x-signature").value_or("");
    auto check = rules_->signature->check_body(stamp, text, raw);
    if (check == auth::SignatureCheck::kOk) {
      const auto digest = auth::parse_signature(text);
      const auto seconds = auth::parse_signature_timestamp(stamp);
      const bool is_new =
          digest && seconds && shared_->guard.remember(*digest, *seconds, context_.unix_seconds());
      if (is_new) return true;
      check = auth::SignatureCheck::kReplayed;
    }
    exchange.reply(json(request.header("origin").value_or(""), 401,
                        error_body(auth::signature_check_text(check))));
    return false;
  }

  Route route_sse(std::string_view origin) const {
    Stream stream;
    stream.headers = cors(origin);
    stream.headers.emplace_back("Cache-Control", "no-cache, no-transform");
    stream.headers.emplace_back("X-Accel-Buffering", "no");
    return Route::sse(std::move(stream));
  }

  static Route route_websocket(const Request& request) {
    Stream stream;
    stream.keep_messages = false;  // what clients send is checked and ignored
    stream.subprotocol = first_subprotocol(request);
    if (request.query_value("last_event_id")) stream.tag = kEnvelopeTag;
    return Route::websocket(std::move(stream));
  }

  static void log_refusal(const Request& request, std::string_view why) {
    base::log_debug("refused a request: " + std::string(why),
                    base::log_request_id(request.header("fly-request-id").value_or("")));
  }

  const std::shared_ptr<Shared> shared_;
  const ProfileContext context_;
  const Rules* rules_;   // never null; as of the last request here
  std::string compact_;  // reused: a push allocates its message and nothing else of this size
  LiveDataGenerator generator_;
};

// --- settings ---

bool parse_number(const std::string& text, uint64_t least, uint64_t most, uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least &&
         value <= most;
}

std::string read_rules(const SettingMap& settings, Rules& rules) {
  uint64_t number = rules.body_bytes_max;
  if (const std::string text = setting(settings, "MAX_BODY_BYTES"); !text.empty()) {
    if (!parse_number(text, 1, 1 << 30, number))
      return "MAX_BODY_BYTES is a number of bytes from 1 to 1073741824, not \"" + text + "\".";
  }
  rules.body_bytes_max = number;
  rules.token = setting(settings, "LIVE_PUSH_TOKEN");
  if (const std::string secret = setting(settings, "LIVE_PUSH_HMAC_SECRET"); !secret.empty())
    rules.signature = std::make_unique<auth::PushSignature>(secret);
  const std::string origins = setting(settings, "CORS_ORIGINS");
  std::string error;
  const auto list = auth::OriginList::parse(origins.empty() ? "*" : origins, error);
  if (!list) return "CORS_ORIGINS: " + error;
  rules.origins = *list;
  return {};
}

std::string read_settings(const SettingMap& settings, Shared& shared) {
  std::string mode = setting(settings, "MODE");
  for (char& c : mode) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!mode.empty() && mode != "hub" && mode != "generator")
    return "MODE is \"hub\" or \"generator\", not \"" + mode + "\".";
  shared.is_generator = mode == "generator";
  uint64_t number = 1000;
  if (const std::string text = setting(settings, "TICK_MS"); !text.empty()) {
    if (!parse_number(text, 10, 3'600'000, number))
      return "TICK_MS is a number of milliseconds from 10 to 3600000, not \"" + text + "\".";
  }
  shared.tick_ms = static_cast<int64_t>(number);
  std::string error;
  shared.cluster = LiveDataCluster::make(settings, kChannel, error);
  if (shared.cluster && shared.is_generator)
    return "MODE=generator makes up points on each machine; it does not go with REDIS_URL or "
           "NATS_URL.";
  return error;
}

}  // namespace

ProfileChoice make_live_data(const std::map<std::string, std::string>& settings) {
  ProfileChoice choice;
  auto shared = std::make_shared<Shared>();
  auto rules = std::make_unique<Rules>();
  choice.error = read_rules(settings, *rules);
  if (choice.error.empty()) choice.error = read_settings(settings, *shared);
  if (!choice.error.empty()) return choice;
  if (rules->token.empty() && !rules->signature)
    choice.warnings.emplace_back(
        "anyone may push: neither LIVE_PUSH_TOKEN nor LIVE_PUSH_HMAC_SECRET is set");
  shared->rules.set(std::move(rules));
  choice.reload = [shared](const SettingMap& changed) {
    auto next = std::make_unique<Rules>();
    std::string error = read_rules(changed, *next);
    if (error.empty()) shared->rules.set(std::move(next));
    return error;
  };
  if (shared->cluster) choice.sources.push_back(shared->cluster->source());
  choice.factory = [shared](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<LiveData>(shared, context);
  };
  return choice;
}

}  // namespace livehub::profile
