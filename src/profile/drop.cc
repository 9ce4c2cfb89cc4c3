#include "profile/drop.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "auth/origin.h"
#include "base/clock.h"
#include "base/log.h"
#include "profile/current.h"
#include "profile/drop_board.h"
#include "profile/drop_events.h"
#include "source/http_client.h"
#include "source/http_task.h"
#include "source/nats.h"
#include "source/nats_subject.h"
#include "wire/json_gate.h"
#include "wire/url.h"

namespace livehub::profile {
namespace {

constexpr std::string_view kDefaultOrigins =
    "http://localhost:3005,http://127.0.0.1:3005,http://localhost:3003,http://127.0.0.1:3003";
constexpr int64_t kLogSeconds = 10;

// What all shards share. immutable but for the sources, which are mailboxes, the origins, which a
// reload may change, and the board's place, which shard 0 sets before anybody is accepted.
struct Shared {
  std::shared_ptr<source::NatsSubscriber> nats;
  std::shared_ptr<source::HttpCaller> http;
  std::function<int64_t()> unix_ms = base::unix_ms;
  std::string ingress_url;
  uint32_t timeout_ms = 15'000;
  Current<auth::OriginList> origins;
  DropBoard* board = nullptr;  // shard 0's: only ever used by what is posted there
  std::function<void(std::function<void()>)> post_to_board;

  source::HttpCall call(std::string_view service, std::string_view key, std::string_view method,
                        std::string body = "{}") const {
    source::HttpCall made;
    made.method = "POST";
    made.url = ingress_url + "/" + std::string(service) + "/" + wire::percent_encode(key) + "/" +
               std::string(method);
    made.headers.emplace_back("Content-Type", "application/json");
    made.body = std::move(body);
    made.timeout_ms = timeout_ms;
    // Its answer has everything up to where the client listens from.
    made.is_shared = made.is_fresh = true;
    return made;
  }
  source::HttpCall drop_state(std::string_view drop) const {
    return call("Drop", drop, "getState");
  }
};

// One of a stream's channels: of the drop (or the queue's token), or of the user. Its events are a
// snapshot, then what came since before that was asked for. Until the snapshot is out the channel
// is watched, not received, so that nothing overtakes it.
struct Part {
  std::string channel;  // empty: the stream has no such part
  std::string position;
  bool is_held = false;  // it is watched: nothing after `position` is lost
  bool is_live = false;  // it is received
  bool needs = false;    // a snapshot
  bool is_owed = false;  // which is asked for until it is had, unlike the first
};

// One open stream.
struct Client {
  Session session;
  DropTarget target;
  Part parts[2];
  bool is_asking = false;   // a task is at work for it
  bool is_greeted = false;  // it has had its first snapshots, or they failed
};

class Drop : public Profile {
 public:
  Drop(std::shared_ptr<Shared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), context_(context), tasks_(context.post) {
    if (context.shard != 0) return;
    const Shared* all = shared_.get();
    board_ =
        std::make_unique<DropBoard>(context, shared_->nats, shared_->http, all->unix_ms,
                                    [all](std::string_view drop) { return all->drop_state(drop); });
    shared_->board = board_.get();
    shared_->post_to_board = context.post;
  }

  Route route(const Request& request) override {
    const std::string_view origin = request.header("origin").value_or("");
    if (request.method() == "OPTIONS") return Route::answer(preflight(origin));
    const bool is_get = request.method() == "GET";
    if (!is_get && request.method() != "HEAD") return Route::answer(not_found(origin));
    if (request.path() == "/health") return Route::answer(health(origin));
    const DropTarget target = drop_target(request.path());
    if (target.kind == DropTarget::Kind::kNone) return Route::answer(not_found(origin));
    if (target.kind == DropTarget::Kind::kBad)
      return Route::answer(text(origin, 400, "400 Bad Request"));
    if (is_get) return Route::sse(stream(origin));
    Reply head = reply(origin, 200);
    head.content_type = kEventStream;
    head.headers.emplace_back("Cache-Control", "no-cache");
    return Route::answer(std::move(head));
  }

  void on_open(Session session, const Request& request) override {
    const uint64_t id = ++last_id_;
    session.set_tag(id);
    session.open_now();
    Client& client = clients_[id];
    client.session = session;
    client.target = drop_target(request.path());
    if (client.target.kind == DropTarget::Kind::kDrops) {
      to_board([](DropBoard& board) { board.arrive(); });
      return session.subscribe({.channel = DropBoard::kChannel, .format = Format::kNoId});
    }
    client.parts[0].channel = client.target.first_channel();
    client.parts[1].channel = client.target.second_channel();
    for (Part& part : client.parts) hold(session, part, false);
  }

  void on_subscribed(Session session, std::string_view channel, std::string_view) override {
    if (channel == DropBoard::kChannel) ask_board(session);
  }

  void on_watching(Session session, std::string_view channel, std::string_view position) override {
    Client* client = find(session.tag());
    Part* part = client ? part_of(*client, channel) : nullptr;
    if (!part) return;
    part->is_held = true;
    part->position = position;
    start(session.tag(), *client);
  }

  // What is missing is in a fresh snapshot.
  void on_gap(Session session, Gap, std::string_view channel, std::string_view position) override {
    if (channel == DropBoard::kChannel) return ask_board(session);
    Client* client = find(session.tag());
    Part* part = client ? part_of(*client, channel) : nullptr;
    if (!part) return;
    if (part->is_live) return hold(session, *part, true);
    part->needs = part->is_owed = true;
    if (!part->is_held) return;
    part->position = position;
    start(session.tag(), *client);
  }

  int64_t tick_ms() const override {
    return !owed_.empty() || (board_ && board_->owes_call()) ? kTickMs : 0;
  }
  void on_tick(int64_t now_ns) override {
    if (board_) board_->on_tick(now_ns);
    ++ticks_;
    for (; !owed_.empty() && owed_.front().due_tick <= ticks_; owed_.pop_front())
      if (Client* client = find(owed_.front().id))
        hold(client->session, client->parts[owed_.front().which], true);
  }

  void on_close(Session session, uint16_t, std::string_view) override {
    const auto found = clients_.find(session.tag());
    if (found == clients_.end()) return;
    if (found->second.target.kind == DropTarget::Kind::kDrops)
      to_board([](DropBoard& board) { board.leave(); });
    clients_.erase(found);
  }

 private:
  static constexpr std::string_view kEventStream = "text/event-stream";
  static constexpr int64_t kTickMs = 1000;
  static constexpr uint64_t kOwedTicks = 15;
  struct Owed {  // a snapshot that could not be had
    uint64_t id;
    size_t which;
    uint64_t due_tick;
  };

  // --- answers ---

  Reply reply(std::string_view origin, int status) const {
    Reply made;
    made.status = status;
    if (shared_->origins->allows(origin))
      made.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
    made.headers.emplace_back("Access-Control-Allow-Credentials", "true");
    made.headers.emplace_back("Access-Control-Expose-Headers", "Content-Type");
    made.headers.emplace_back("Vary", "Origin");
    return made;
  }
  Reply text(std::string_view origin, int status, std::string body) const {
    Reply made = reply(origin, status);
    made.content_type = "text/plain; charset=UTF-8";
    made.body = std::move(body);
    return made;
  }
  Reply not_found(std::string_view origin) const { return text(origin, 404, "404 Not Found"); }
  Reply health(std::string_view origin) const {
    Reply made = reply(origin, 200);
    made.content_type = "application/json";
    made.body = R"({"status":"ok","service":"sse"})";
    return made;
  }
  Reply preflight(std::string_view origin) const {
    Reply made = reply(origin, 204);
    made.headers.emplace_back("Access-Control-Allow-Methods", "GET,OPTIONS");
    made.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type,Cache-Control");
    return made;
  }
  Stream stream(std::string_view origin) const {
    Stream made;
    made.content_type = kEventStream;
    made.headers = reply(origin, 200).headers;
    made.headers.emplace_back("Cache-Control", "no-cache");
    made.headers.emplace_back("X-Accel-Buffering", "no");
    made.may_compress = false;  // the proxy in front of it passes Accept-Encoding on
    return made;
  }

  // --- snapshots ---

  Client* find(uint64_t id) {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : &found->second;
  }

  static Part* part_of(Client& client, std::string_view channel) {
    for (Part& part : client.parts)
      if (part.channel == channel) return &part;
    return nullptr;
  }

  // A snapshot is needed: what comes from now on waits for it.
  static void hold(Session session, Part& part, bool is_owed) {
    if (part.channel.empty()) return;
    part.needs = true;
    part.is_owed = is_owed;
    part.is_held = part.is_live = false;
    const std::string channel = part.channel;
    session.unsubscribe(channel);  // only what there is: not what begins now
    session.watch(channel);        // answered at once, maybe
  }

  void start(uint64_t id, Client& client) {
    if (client.is_asking) return;
    // The first time both or none: no event of the one before the snapshot of the other.
    if (!client.is_greeted && !is_all_held(client)) return;
    client.is_asking = true;
    tasks_.start(greet(id));
  }
  static bool is_all_held(const Client& client) {
    return std::all_of(std::begin(client.parts), std::end(client.parts),
                       [](const Part& part) { return part.channel.empty() || part.is_held; });
  }

  // The call behind the first or the second part of a snapshot.
  source::HttpCall call_for(const DropTarget& target, size_t which) const {
    if (target.kind == DropTarget::Kind::kQueue)
      return shared_->call("QueueAdmission", target.drop, "checkToken", token_body(target.who));
    if (which == 0) return shared_->drop_state(target.drop);
    return shared_->call("Participant", target.drop + ":" + target.who, "getState");
  }

  // False: there is nothing to send in this answer.
  bool send_part(const Client& client, size_t which, std::string_view body) const {
    Session session = client.session;
    if (client.target.kind == DropTarget::Kind::kQueue) {
      const auto event = queue_event(client.target.who, body);
      if (event) session.send_event({}, event->event, event->data);
      return event || is_drop_state(body);  // of a token that is not known there is no event
    }
    const auto event = which == 0 ? connected_event(client.target.drop, body, shared_->unix_ms())
                                  : user_event(body);
    if (event) session.send_event({}, which == 0 ? "connected" : "user", *event);
    return event.has_value();
  }

  // Sends what the client needs, then lets it hear what has come since it was held. The client may
  // be gone after each wait.
  source::Task greet(uint64_t id) {
    while (Client* client = find(id)) {
      Part* const parts = client->parts;
      const size_t which = parts[0].needs && parts[0].is_held ? 0 : 1;
      if (!parts[which].needs || !parts[which].is_held) {
        client->is_asking = false;
        client->is_greeted = true;
        co_return go_live(*client);
      }
      parts[which].needs = false;
      const source::HttpAnswer answer =
          co_await tasks_.call(*shared_->http, call_for(client->target, which));
      client = find(id);
      if (!client) co_return;
      if (answer.is_success() && send_part(*client, which, answer.body)) continue;
      log_failure(answer);
      // The first one is skipped, as the service always did; later it is owed for what was lost.
      if (client->parts[which].is_owed) owed_.push_back({id, which, ticks_ + kOwedTicks});
    }
  }

  static void go_live(Client& client) {
    Session session = client.session;
    Part parts[2];  // `client` may be gone or moved behind the first
    for (size_t i = 0; i < 2; ++i) {
      parts[i] = client.parts[i];
      client.parts[i].is_live |= client.parts[i].is_held && !client.parts[i].needs;
    }
    for (const Part& part : parts)
      if (part.is_held && !part.needs && !part.is_live)
        session.subscribe(
            {.channel = part.channel, .format = Format::kNoId, .resume_after = part.position});
  }

  // One line for many: a backend that is away fails for everybody at once.
  void log_failure(const source::HttpAnswer& answer) {
    ++failures_;
    const int64_t now = base::monotonic_ms() / 1000;
    if (now - logged_at_ < kLogSeconds) return;
    logged_at_ = now;
    base::log_warn(
        "drop: " + std::to_string(std::exchange(failures_, 0)) +
        " events skipped, a call to the backend failed: " +
        (answer.problem.empty() ? "status " + std::to_string(answer.status) : answer.problem));
  }

  static std::string token_body(std::string_view token) {
    return "{\"tokenId\":" + wire::json_quote(token) + "}";
  }

  // --- the board ---

  template <typename Do>
  void to_board(Do act) {
    shared_->post_to_board([shared = shared_, act = std::move(act)] { act(*shared->board); });
  }

  // The answer comes back to this shard.
  void ask_board(Session session) {
    to_board([session, post = context_.post](DropBoard& board) {
      board.ask([session, post](std::string event) {
        post([session, event = std::move(event)]() mutable {
          session.send_event({}, "drops", event);
        });
      });
    });
  }

  const std::shared_ptr<Shared> shared_;
  const ProfileContext context_;
  std::unordered_map<uint64_t, Client> clients_;  // by tag
  uint64_t last_id_ = 0;
  std::deque<Owed> owed_;  // by their time
  uint64_t ticks_ = 0;     // there are none while nothing is owed
  uint64_t failures_ = 0;
  int64_t logged_at_ = -kLogSeconds;
  std::unique_ptr<DropBoard> board_;
  source::Tasks tasks_;  // last: it ends first
};

// --- settings ---

// A sentence, and nothing is changed; or nothing.
std::string read_origins(const SettingMap& settings, Current<auth::OriginList>& current) {
  std::string error;
  const auto origins =
      auth::OriginList::parse(setting(settings, "CORS_ORIGINS", kDefaultOrigins), error);
  if (!origins) return "CORS_ORIGINS: " + error;
  if (origins->any())
    return "CORS_ORIGINS cannot be \"*\" here: its pages connect with credentials; name them.";
  current.set(std::make_unique<const auth::OriginList>(*origins));
  return {};
}

std::string read_settings(const SettingMap& settings, Shared& shared, source::NatsOptions& nats) {
  std::string error;
  nats.servers = setting(settings, "NATS_URL", "nats://localhost:4222");
  nats.creds_file = setting(settings, "NATS_CREDS_FILE", "");
  nats.ca_file = setting(settings, "NATS_CA_FILE", "");
  nats.name = "livehub drop";
  if (source::parse_nats_servers(nats.servers, error).empty()) return "NATS_URL: " + error;
  shared.ingress_url = source::check_base_url(
      setting(settings, "RESTATE_INGRESS_URL", "http://localhost:8080"), error);
  if (shared.ingress_url.empty()) return "RESTATE_INGRESS_URL: " + error;
  const std::string timeout = setting(settings, "RESTATE_API_TIMEOUT_MS", "15000");
  const auto [end, code] =
      std::from_chars(timeout.data(), timeout.data() + timeout.size(), shared.timeout_ms);
  if (code != std::errc() || end != timeout.data() + timeout.size() || shared.timeout_ms == 0 ||
      shared.timeout_ms > 600'000)
    return "RESTATE_API_TIMEOUT_MS is a number of milliseconds from 1 to 600000, not \"" + timeout +
           "\".";
  return read_origins(settings, shared.origins);
}

source::NatsRule nats_rule() {
  source::NatsRule rule;
  rule.feeds = is_drop_channel;
  rule.subject_of = rule.channel_of = [](std::string_view name) { return std::string(name); };
  rule.decode = [](const source::NatsMessage& message, source::NatsDecoded& out) {
    auto event = drop_event(message.subject, message.payload);
    if (!event) return false;
    out.payload = std::move(event->data);
    out.event = std::move(event->event);
    return true;
  };
  return rule;
}

}  // namespace

ProfileChoice make_drop(const SettingMap& settings) { return make_drop_of(settings, {}); }

ProfileChoice make_drop_of(const SettingMap& settings, const DropParts& parts) {
  ProfileChoice choice;
  auto shared = std::make_shared<Shared>();
  source::NatsOptions nats;
  choice.error = read_settings(settings, *shared, nats);
  if (!choice.error.empty()) return choice;
  shared->nats = parts.nats;
  shared->http = parts.backend;
  if (parts.unix_ms) shared->unix_ms = parts.unix_ms;
  if (!shared->http) {
    source::HttpClientOptions http;
    http.name = "restate";
    http.timeout_ms = shared->timeout_ms;
    const auto client = std::make_shared<source::HttpClient>(http);
    shared->http = client;
    choice.sources.push_back(client);
  }
  if (!shared->nats) {
    const auto source = std::make_shared<source::NatsSource>(nats, nats_rule());
    shared->nats = source;
    choice.sources.push_back(source);
  }
  choice.reload = [shared](const SettingMap& changed) {
    return read_origins(changed, shared->origins);
  };
  choice.factory = [shared](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<Drop>(shared, context);
  };
  return choice;
}

void set_drop_defaults(EngineOptions& options) {
  options.port = 8080;
  options.slow_reader = SlowReader::kNewest;
  // No client resumes; what it must bridge is a snapshot of 15 s and a queue in front of it.
  options.history_count = 256;
  options.history_bytes = 1 << 20;
  options.history_seconds = 60;
}

}  // namespace livehub::profile
