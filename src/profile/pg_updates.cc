#include "profile/pg_updates.h"

#include <atomic>
#include <charconv>

#include <nlohmann/json.hpp>

#include "auth/jwt.h"
#include "auth/origin.h"
#include "base/clock.h"
#include "base/log.h"
#include "profile/current.h"
#include "profile/expiries.h"
#include "profile/json_tree.h"
#include "profile/pg_updates_rules.h"
#include "profile/pg_updates_visitors.h"
#include "profile/subprotocol.h"
#include "source/postgres.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using nlohmann::json;
using source::PostgresSource;

constexpr std::string_view kPath = "/ws";
constexpr std::string_view kAuthRequired = R"({"type":"auth_required"})";
constexpr std::string_view kAuthError = R"({"type":"auth_error","error":"Invalid token"})";
constexpr std::string_view kGap = R"({"type":"gap"})";
constexpr std::string_view kDefaultOrigins =
    "https://your-app.vercel.app,https://your-domain.com,http://localhost:3000";
constexpr uint16_t kRefused = 1008;

// What a reload may change: who is let in. immutable; a reload makes another one.
struct Access {
  auth::OriginList origins;
  auth::JwtVerifier tokens;
};

// What all shards share. immutable but for the count and the access.
struct Shared {
  Current<Access> access;
  PgUpdatesParts parts;
  int64_t auth_seconds_max = 30;  // 0: for ever
  bool ends_with_token = false;
  int64_t started_ms = base::monotonic_ms();
  // Added to by every shard, read by whoever answers /health; nothing hangs on its order.
  std::atomic<int64_t> authenticated = 0;
};

class PgUpdates : public Profile {
 public:
  PgUpdates(std::shared_ptr<Shared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), context_(context) {}

  Route route(const Request& request) override {
    if (request.is_websocket())
      return request.path() == kPath ? websocket(request) : Route::answer(bad_upgrade());
    const bool is_health =
        request.method() == "GET" && request.path() == "/health" && request.query().empty();
    Reply reply;
    reply.status = is_health ? 200 : 404;
    reply.body = is_health ? health() : "Not found";
    if (is_health) reply.content_type = "application/json";
    return Route::answer(std::move(reply));
  }

  void on_open(Session session, const Request& request) override {
    session.open_now();
    if (!shared_->access->origins.allows(request.header("origin").value_or("")))
      return session.close(kRefused, "Unauthorized origin");
    const uint64_t tag = visitors_.add(request.query_value("userId").value_or(""));
    session.set_tag(tag);
    visitors_.find(tag)->session = session;
    if (shared_->auth_seconds_max > 0)
      unauthenticated_.emplace_back(seconds_ + shared_->auth_seconds_max, tag);
    session.send_text(kAuthRequired);
  }

  void on_text(Session session, std::string_view message) override {
    Visitor* visitor = visitors_.find(session.tag());
    if (!visitor) return;
    const json parsed = parse_tree<json>(message);
    const std::string type = text_of(parsed, "type");
    if (type == "ping")
      session.send_text(R"({"type":"pong","timestamp":")" + iso_time(base::unix_ms()) + "\"}");
    else if (type == "auth")
      authenticate(session, *visitor, parsed);
    else
      base::log_debug("pg-updates: a message that is none was passed over");
  }
  // The service it replaces reads both kinds alike.
  void on_binary(Session session, std::string_view message) override {
    if (wire::utf8_valid(message)) on_text(session, message);
  }

  void on_subscribed(Session session, std::string_view, std::string_view) override {
    Visitor* visitor = visitors_.find(session.tag());
    if (!visitor) return;
    visitor->is_live = true;
    for (; visitor->owed_answers > 0; --visitor->owed_answers)
      session.send_text(authenticated(visitor->user));
  }
  void on_gap(Session session, Gap, std::string_view, std::string_view) override {
    session.send_text(kGap);
  }

  void on_close(Session session, uint16_t, std::string_view) override {
    const Visitor* visitor = visitors_.find(session.tag());
    if (!visitor) return;
    if (visitor->is_authenticated) shared_->authenticated.fetch_sub(1, std::memory_order_relaxed);
    expiries_.remove(session.tag(), visitor->expires_at);
    visitors_.remove(session.tag());
  }

  // Its clients count five failed attempts and then stay away: one that is let in and closed with
  // 1012 is none.
  bool accepts_websockets_while_draining() const override { return true; }

  int64_t tick_ms() const override { return 1'000; }
  void on_tick(int64_t) override {
    ++seconds_;
    while (!unauthenticated_.empty() && unauthenticated_.front().first < seconds_) {
      Visitor* visitor = visitors_.find(unauthenticated_.front().second);
      unauthenticated_.pop_front();
      if (visitor && !visitor->is_authenticated)
        Session(visitor->session).close(kRefused, "Authentication timeout");
    }
    const int64_t now = context_.unix_seconds();
    while (const auto tag = expiries_.take_ended(now))
      if (Visitor* visitor = visitors_.find(*tag))
        Session(visitor->session).close(kRefused, "Token expired");
  }

 private:
  using Due = std::pair<int64_t, uint64_t>;  // when, and whose tag

  static std::string text_of(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  }
  static std::string authenticated(std::string_view user) {
    return R"({"type":"authenticated","userId":)" + wire::json_quote(user) + "}";
  }

  static Route websocket(const Request& request) {
    Stream stream;
    stream.subprotocol = first_subprotocol(request);
    return Route::websocket(std::move(stream));
  }
  // As the library of the service it replaces answers.
  static Reply bad_upgrade() {
    return {.status = 400, .body = "Bad Request", .content_type = "text/html", .close = true};
  }

  std::string health() const {
    const int64_t now = base::unix_ms();
    const double uptime = static_cast<double>(base::monotonic_ms() - shared_->started_ms) / 1000;
    const int64_t sockets = shared_->authenticated.load(std::memory_order_relaxed);
    std::string body = R"({"status":"healthy","timestamp":")" + iso_time(now);
    body += R"(","uptime":)" + std::to_string(uptime);
    body += R"(,"connectedUsers":)" + std::to_string(shared_->parts.wanted_channels());
    return body += R"(,"totalConnections":)" + std::to_string(sockets) + "}";
  }

  void authenticate(Session session, Visitor& visitor, const json& message) {
    const auth::JwtResult token =
        shared_->access->tokens.verify(text_of(message, "token"), context_.unix_seconds());
    const bool is_theirs = token.is_valid() && PgUpdatesRules::is_user(visitor.user) &&
                           token.text("userId") == visitor.user &&
                           text_of(message, "userId") == visitor.user;
    if (!is_theirs) {
      base::log_debug("pg-updates: refused a token: " +
                      std::string(token.is_valid() ? "it is for another user"
                                                   : auth::jwt_fault_text(token.fault)));
      session.send_text(kAuthError);
      return session.close(kRefused, "Invalid token");
    }
    const int64_t before = std::exchange(visitor.expires_at, token.expires_at().value_or(0));
    if (shared_->ends_with_token) expiries_.set(session.tag(), before, visitor.expires_at);
    if (visitor.is_live) return session.send_text(authenticated(visitor.user));
    ++visitor.owed_answers;
    if (visitor.is_authenticated) return;  // its subscription is on the way
    visitor.is_authenticated = true;
    shared_->authenticated.fetch_add(1, std::memory_order_relaxed);
    const std::string channel = PgUpdatesRules::channel_of_user(visitor.user);
    session.subscribe({.channel = channel});
  }

  const std::shared_ptr<Shared> shared_;
  const ProfileContext context_;
  Visitors visitors_;
  int64_t seconds_ = 0;              // ticks so far
  std::deque<Due> unauthenticated_;  // in order: all have the same time
  Expiries expiries_;                // with ENFORCE_EXPIRY
};

// --- settings ---

// A sentence, or nothing.
std::string read_number(const SettingMap& settings, const char* name, int64_t most,
                        int64_t& value) {
  const std::string text = setting(settings, name);
  if (text.empty()) return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= most)
    return {};
  return std::string(name) + " is a number of seconds from 0 to " + std::to_string(most) +
         ", not \"" + text + "\".";
}

// A sentence, and nothing is changed; or nothing.
std::string read_access(const SettingMap& settings, Current<Access>& access) {
  std::string error;
  const std::string secret = setting(settings, "WEBSOCKET_JWT_SECRET");
  if (secret.empty())
    return "WEBSOCKET_JWT_SECRET is not set: it is the secret with which the web app signs its "
           "tokens.";
  const auto keys = auth::JwtKeys::from_secret(secret, error);
  if (!keys) return "WEBSOCKET_JWT_SECRET: " + error;
  auth::JwtRules rules;
  rules.algorithms = {auth::JwtAlgorithm::kHs256, auth::JwtAlgorithm::kHs384,
                      auth::JwtAlgorithm::kHs512};
  rules.issuer = "papr-app";
  rules.audience = "papr-realtime";
  const auto origins =
      auth::OriginList::parse(setting(settings, "ALLOWED_ORIGINS", kDefaultOrigins), error);
  if (!origins) return "ALLOWED_ORIGINS: " + error + ".";
  access.set(
      std::make_unique<const Access>(Access{*origins, auth::JwtVerifier(std::move(rules), *keys)}));
  return {};
}

std::string read_source(const SettingMap& settings, source::PostgresOptions& options,
                        PgUpdatesRules::Spelling& spelling) {
  options.url = setting(settings, "DATABASE_URL");
  if (options.url.empty())
    return "DATABASE_URL is not set: it says where the database is, as "
           "postgres://user:password@host:5432/database?sslmode=require.";
  std::string error = PostgresSource::check_url(options.url, "DATABASE_URL");
  if (!error.empty()) return error;
  options.uses_outbox = is_on(settings, "PG_OUTBOX");
  const std::string word = setting(settings, "PG_CHANNEL_SPELLING", "both");
  if (word != "both" && word != "lower" && word != "mixed")
    return "PG_CHANNEL_SPELLING is lower, mixed or both, not \"" + word + "\".";
  spelling = word == "lower"   ? PgUpdatesRules::Spelling::kLower
             : word == "mixed" ? PgUpdatesRules::Spelling::kMixed
                               : PgUpdatesRules::Spelling::kBoth;
  return read_number(settings, "OUTBOX_SECONDS", 30 * 86'400, options.outbox_seconds);
}

}  // namespace

ProfileChoice make_pg_updates(const SettingMap& settings) {
  return make_pg_updates_of(settings, {});
}

ProfileChoice make_pg_updates_of(const SettingMap& settings, PgUpdatesParts parts) {
  ProfileChoice choice;
  auto shared = std::make_shared<Shared>();
  source::PostgresOptions options;
  auto spelling = PgUpdatesRules::Spelling::kBoth;
  choice.error = read_source(settings, options, spelling);
  if (choice.error.empty()) choice.error = read_access(settings, shared->access);
  if (choice.error.empty())
    choice.error = read_number(settings, "AUTH_TIMEOUT", 86'400, shared->auth_seconds_max);
  if (!choice.error.empty()) return choice;
  shared->ends_with_token = is_on(settings, "ENFORCE_EXPIRY");
  choice.reload = [shared](const SettingMap& changed) {
    return read_access(changed, shared->access);
  };
  std::string unknown;
  for (const std::string& name : PostgresSource::unknown_parameters(options.url))
    unknown += (unknown.empty() ? "" : ", ") + name;
  if (!unknown.empty())
    choice.warnings.push_back("DATABASE_URL: parameters of other drivers are passed over: " +
                              unknown);
  if (shared->access->origins.any())
    choice.warnings.emplace_back("ALLOWED_ORIGINS is *: every web page may connect");
  if (!parts.source) {
    const auto source = std::make_shared<PostgresSource>(
        std::move(options), std::make_shared<PgUpdatesRules>(spelling));
    parts = {.source = source, .wanted_channels = [source] { return source->wanted_channels(); }};
  }
  shared->parts = std::move(parts);
  choice.sources.push_back(shared->parts.source);
  choice.factory = [shared](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<PgUpdates>(shared, context);
  };
  return choice;
}

// Its clients keep no positions: what they missed they ask the web app for.
void set_pg_updates_defaults(EngineOptions& options) {
  options.port = 3000;
  options.history_count = 0;
}

}  // namespace livehub::profile
