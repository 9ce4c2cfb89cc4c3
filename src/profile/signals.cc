#include "profile/signals.h"

#include <openssl/rand.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "profile/signals_history.h"
#include "profile/signals_reply.h"
#include "profile/signals_shared.h"
#include "wire/json_gate.h"

namespace livehub::profile {
namespace {

constexpr std::string_view kStreamPath = "/v1/signals/stream";
constexpr std::string_view kOldStreamPath = "/streams/sse";
constexpr size_t kLimitDefault = 200;
constexpr size_t kLatestDefault = 10;
constexpr size_t kLimitMost = 1000;
constexpr uint32_t kAnswerMs = 30'000;
constexpr int64_t kTrackMs = 10'000;
constexpr const char* kTrackSeconds = "30";

// What a request asks for that is answered later.
enum class Ask : uint64_t { kHistory, kLatest, kHealth, kSseHealth, kMetrics };

struct Page {
  std::string_view path;
  Ask ask;
};
constexpr std::array kPages = {
    Page{"/v1/signals", Ask::kHistory}, Page{"/v1/signals/latest", Ask::kLatest},
    Page{"/health", Ask::kHealth},      Page{"/v1/signals/health/sse", Ask::kSseHealth},
    Page{"/metrics", Ask::kMetrics},
};

class Signals : public Profile {
 public:
  Signals(std::shared_ptr<SignalsShared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), settings_(shared_->settings), context_(context) {}

  Route route(const Request& request) override {
    shared_->tally->requests.fetch_add(1, std::memory_order_relaxed);
    const Headers cors =
        signals_cors(shared_->origins.get(), request.header("origin").value_or(""));
    if (request.is_websocket()) return Route::answer(not_found(cors));
    if (request.method() == "OPTIONS") return Route::answer(preflight(cors, request));
    const bool is_stream = is_stream_path(request);
    const Page* page = page_of(request.path());
    const std::string fixed = fixed_body(request.path());
    if (!is_stream && !page && fixed.empty()) return Route::answer(not_found(cors));
    if (request.method() != "GET") return Route::answer(not_allowed(cors));
    if (is_stream) return route_stream(request);
    if (!page) return Route::answer(signals_json(cors, fixed_status(request.path()), fixed));
    std::string wrong;
    if (page->ask == Ask::kHistory || page->ask == Ask::kLatest) {
      if (!user_of(request)) return Route::answer(unauthorized(cors));
      (void)query_of(request, page->ask, wrong);
    }
    if (!wrong.empty()) return Route::answer(signals_json(cors, 422, wrong));
    return Route::read_body(0, signals_json(cors, 413, R"({"detail":"No body is taken"})"),
                            static_cast<uint64_t>(page->ask));
  }

  void on_body(Exchange exchange, const Request& request, std::string_view) override {
    Headers cors = signals_cors(shared_->origins.get(), request.header("origin").value_or(""));
    exchange.wait_ms(kAnswerMs);
    switch (const Ask ask = static_cast<Ask>(exchange.tag())) {
      case Ask::kHistory:
      case Ask::kLatest: {
        std::string wrong;
        return answer_history(exchange, std::move(cors), query_of(request, ask, wrong));
      }
      case Ask::kHealth:
      case Ask::kSseHealth:
        return answer_health(exchange, std::move(cors), ask == Ask::kSseHealth);
      case Ask::kMetrics:
        return answer_metrics(exchange, std::move(cors));
    }
  }

  void on_open(Session session, const Request& request) override {
    const SignalMode mode = mode_of(session);
    shared_->tally->connections.fetch_add(1, std::memory_order_relaxed);
    open(mode).fetch_add(1, std::memory_order_relaxed);
    if (shared_->access) shared_->access->open(user_of(session));
    Subscribe options;
    options.channel = settings_.stream_of(mode);
    const auto resume = request.header("last-event-id");
    if (resume && !resume->empty()) options.resume_after = resume;
    session.subscribe(options);
  }

  void on_close(Session session, uint16_t code, std::string_view) override {
    constexpr uint16_t kEndedByUs = 1000;  // overtaken, or draining
    if (code == kEndedByUs) shared_->tally->slow.fetch_add(1, std::memory_order_relaxed);
    open(mode_of(session)).fetch_sub(1, std::memory_order_relaxed);
    if (shared_->access) shared_->access->close(user_of(session));
  }

  void on_subscribed(Session session, std::string_view, std::string_view position) override {
    session.send_event(position, "connected", connected(session));
  }

  void on_gap(Session session, Gap gap, std::string_view, std::string_view position) override {
    if (gap == Gap::kTooSlow) shared_->tally->slow.fetch_add(1, std::memory_order_relaxed);
    session.send_event(position, "gap", "{\"reason\":" + wire::json_quote(gap_name(gap)) + "}");
  }

  bool on_heartbeat(Session session) override {
    session.send_comment("heartbeat " + std::to_string(context_.unix_seconds()));
    if (settings_.repeats_connected) session.send_event({}, "connected", connected(session));
    return true;
  }

  int64_t tick_ms() const override {
    return settings_.is_tracked && context_.shard == 0 ? kTrackMs : 0;
  }
  void on_tick(int64_t) override {
    int64_t count = 0;
    for (const auto& each : shared_->tally->open) count += each.load(std::memory_order_relaxed);
    // A lease: what is not renewed is gone. If Redis is away, the next one says it again.
    (void)shared_->redis->command(
        {"SET", settings_.track_key, std::to_string(count), "EX", kTrackSeconds}, {});
  }

 private:
  // A stream's tag: its user, a number of its own on this shard, and its mode in the lowest bit.
  static SignalsAccess::User user_of(const Session& session) {
    return static_cast<SignalsAccess::User>(session.tag() >> 32);
  }
  static SignalMode mode_of(const Session& session) {
    return session.tag() & 1 ? SignalMode::kLive : SignalMode::kPaper;
  }
  // nullopt: a token is asked for, and this request has no good one.
  std::optional<SignalsAccess::User> user_of(const Request& request) const {
    if (!shared_->access) return SignalsAccess::User{0};
    return shared_->access->user_of(request, context_.unix_seconds());
  }
  std::atomic<int64_t>& open(SignalMode mode) {
    return shared_->tally->open[static_cast<size_t>(mode)];
  }

  // --- what is answered at once ---

  bool is_stream_path(const Request& request) const {
    if (!settings_.has_sse) return false;
    if (request.path() == kStreamPath) return true;
    return request.path() == kOldStreamPath &&
           request.query_value("type").value_or("signals") == "signals";
  }
  const Page* page_of(std::string_view path) const {
    for (const Page& page : kPages)
      if (page.path == path && (page.ask != Ask::kMetrics || settings_.has_metrics)) return &page;
    return nullptr;
  }
  bool is_up() const {
    for (const LinkState& link : shared_->redis->links())
      if (!link.is_up) return false;
    return true;
  }
  SignalsHealth health() const {
    return {.is_up = is_up(),
            .ping_ms = shared_->redis->ping_ms(),
            .now_ms = base::unix_ms(),
            .uptime_seconds = (base::monotonic_ms() - shared_->started_ms) / 1000};
  }
  // Empty: no such page.
  std::string fixed_body(std::string_view path) const {
    if (path == "/live") return "{\"alive\":true}";
    if (path == "/health/live") return "{\"status\":\"ok\"}";
    if (path == "/ready") return is_up() ? "{\"ready\":true}" : "{\"ready\":false}";
    if (path == "/v1/status/health") return status_health(health());
    return {};
  }
  int fixed_status(std::string_view path) const { return path == "/ready" && !is_up() ? 503 : 200; }

  static Headers open_cors() { return {{"Access-Control-Allow-Origin", "*"}}; }
  static Reply not_found(const Headers& cors) {
    return signals_json(cors, 404, R"({"detail":"Not Found"})");
  }
  static Reply not_allowed(Headers cors) {
    cors.emplace_back("Allow", "GET");
    return signals_json(std::move(cors), 405, R"({"detail":"Method Not Allowed"})");
  }
  static Reply unauthorized(Headers cors) {
    cors.emplace_back("WWW-Authenticate", "Bearer");
    return signals_json(std::move(cors), 401, R"({"detail":"Not authenticated"})");
  }
  static Reply preflight(Headers cors, const Request& request) {
    // The stream is open to every page, whatever the list says.
    if (request.path() == kStreamPath || request.path() == kOldStreamPath) cors = open_cors();
    Reply reply;
    reply.body = "OK";
    reply.content_type = "text/plain; charset=utf-8";
    reply.headers = std::move(cors);
    reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, OPTIONS");
    reply.headers.emplace_back("Access-Control-Allow-Headers",
                               "content-type, authorization, last-event-id, cache-control");
    reply.headers.emplace_back("Access-Control-Max-Age", "600");
    return reply;
  }

  // --- the stream ---

  Route route_stream(const Request& request) {
    const std::string mode = request.query_value("mode").value_or("paper");
    if (mode != "paper" && mode != "live")
      return Route::answer(signals_json(open_cors(), 422, wrong_mode(mode)));
    const auto user = user_of(request);
    if (!user) return Route::answer(unauthorized(open_cors()));
    if (*user != 0 && !shared_->access->has_room(*user))
      return Route::answer(signals_json(open_cors(), 429, R"({"detail":"Too many streams"})"));
    Stream stream;
    stream.content_type = "text/event-stream";
    stream.headers = {{"Cache-Control", "no-cache"},
                      {"X-Accel-Buffering", "no"},
                      {"Access-Control-Allow-Origin", "*"}};
    stream.may_compress = false;  // the contract's
    stream.heartbeat_seconds = settings_.heartbeat_seconds;
    stream.tag = uint64_t{*user} << 32 | (++streams_ & 0x7fffffff) << 1 | (mode == "live" ? 1 : 0);
    return Route::sse(std::move(stream));
  }

  std::string connected(const Session& session) const {
    const std::string name = std::to_string(context_.shard) + "/" + std::to_string(session.tag());
    const base::HashKey key = shared_->connection_key;
    const std::string id = uuid_of(base::siphash13(key, name), base::siphash13(key, name + "."));
    return "{\"status\":\"connected\",\"stream\":" +
           wire::json_quote(settings_.stream_of(mode_of(session))) + ",\"connection_id\":\"" + id +
           "\"}";
  }

  // --- what is answered later ---

  // `wrong`: the body of a 422.
  HistoryQuery query_of(const Request& request, Ask ask, std::string& wrong) const {
    HistoryQuery query;
    const std::string mode = request.query_value("mode").value_or("paper");
    if (mode != "paper" && mode != "live") wrong = wrong_mode(mode);
    query.mode = mode == "live" ? SignalMode::kLive : SignalMode::kPaper;
    query.limit = ask == Ask::kLatest ? kLatestDefault : kLimitDefault;
    for (const char* name : {"n", "limit"}) {
      const auto text = request.query_value(name);
      if (!text) continue;
      const char* const end = text->data() + text->size();
      const auto [at, error] = std::from_chars(text->data(), end, query.limit);
      if (error != std::errc() || at != end || query.limit < 1 || query.limit > kLimitMost)
        wrong = wrong_limit(name, *text);
    }
    query.pair = request.query_value("pair").value_or("");
    query.oldest_first = settings_.oldest_first && ask == Ask::kHistory;
    return query;
  }

  // Hands the reply to this shard; on Redis's thread the profile itself may be gone.
  std::function<void(Reply)> answerer(const Exchange& exchange) const {
    return [exchange, post = context_.post](Reply reply) {
      post([open = Exchange(exchange), reply = std::move(reply)]() mutable { open.reply(reply); });
    };
  }

  void answer_history(const Exchange& exchange, Headers cors, HistoryQuery query) {
    read_history(shared_, std::move(query),
                 [answer = answerer(exchange), cors = std::move(cors)](std::string array) {
                   if (!array.empty()) return answer(signals_json(cors, 200, std::move(array)));
                   Headers headers = cors;
                   headers.emplace_back("Retry-After", "1");
                   answer(signals_json(std::move(headers), 503,
                                       R"({"detail":"Signals are not available now"})"));
                 });
  }

  void answer_health(const Exchange& exchange, Headers cors, bool is_of_sse) {
    const auto answer = [reply = answerer(exchange), cors = std::move(cors), now = health(),
                         shared = shared_, is_of_sse](const StreamFacts& facts) {
      const auto active = static_cast<size_t>(shared->settings.active);
      const uint64_t read_ms = shared->tally->newest_ms[active].load(std::memory_order_relaxed);
      reply(signals_json(
          cors, 200,
          is_of_sse ? sse_health(now, facts, *shared->tally) : plain_health(now, facts, read_ms)));
    };
    read_facts(shared_, answer);
  }

  void answer_metrics(const Exchange& exchange, Headers cors) {
    context_.metrics_text(
        [exchange, cors = std::move(cors), shared = shared_](const std::string& text) {
          Exchange open = exchange;
          Reply reply = signals_json(cors, 200, text + signals_metrics(*shared->tally));
          reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
          open.reply(reply);
        });
  }

  const std::shared_ptr<SignalsShared> shared_;
  const SignalsSettings& settings_;
  const ProfileContext context_;
  uint64_t streams_ = 0;
};

}  // namespace

ProfileChoice make_signals(const SettingMap& settings) {
  ProfileChoice choice;
  const auto shared = std::make_shared<SignalsShared>();
  choice.error = read_signals_settings(settings, *shared);
  if (!choice.error.empty()) return choice;
  ::RAND_bytes(reinterpret_cast<unsigned char*>(&shared->connection_key),
               sizeof(shared->connection_key));
  shared->access = SignalsAccess::make(settings, shared->connection_key, choice.error);
  if (!choice.error.empty()) return choice;
  shared->started_ms = base::monotonic_ms();
  choice.sources.push_back(shared->redis);
  if (shared->access && shared->access->jwks()) choice.sources.push_back(shared->access->jwks());
  choice.reload = [shared](const SettingMap& changed) {
    std::string error;
    auto origins = read_signals_origins(changed, error);
    if (origins) error = SignalsAccess::renew(shared->access.get(), changed);
    if (error.empty()) shared->origins.set(std::move(origins));
    return error;
  };
  choice.factory = [shared](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<Signals>(shared, context);
  };
  return choice;
}

void set_signals_defaults(EngineOptions& options) { options.port = 8000; }

}  // namespace livehub::profile
