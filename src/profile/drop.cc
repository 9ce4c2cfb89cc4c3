#include "profile/drop.h"

#include <charconv>
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
  std::shared_ptr<source::NatsSource> nats;
  std::shared_ptr<source::HttpClient> http;
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

// One open stream. What it still has to be sent as a snapshot is a need: of the drop (or of the
// token), and of the user.
struct Client {
  Session session;
  DropTarget target;
  std::string positions[2];  // of the two channels, while they are watched
  bool is_watched[2] = {false, false};
  bool needs[2] = {true, true};
  bool owes[2] = {false, false};  // a gap's snapshot could not be had: tried again later
  bool is_asking = false;         // a task is at work for it
  bool is_live = false;           // it is subscribed
};

class Drop : public Profile {
 public:
  Drop(std::shared_ptr<Shared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), context_(context), tasks_(context.post) {
    if (context.shard != 0) return;
    const Shared* all = shared_.get();
    board_ =
        std::make_unique<DropBoard>(context, shared_->nats, shared_->http,
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
    const std::string second = client.target.second_channel();
    client.is_watched[1] = second.empty();
    client.needs[1] = !second.empty();
    // The answers may come at once: nothing of `client` is used behind these.
    session.watch(client.target.first_channel());
    if (!second.empty()) session.watch(second);
  }

  void on_subscribed(Session session, std::string_view channel, std::string_view) override {
    if (channel == DropBoard::kChannel) ask_board(session);
  }

  void on_watching(Session session, std::string_view channel, std::string_view position) override {
    Client* client = find(session.tag());
    if (!client) return;
    const size_t which = channel == client->target.first_channel() ? 0 : 1;
    client->is_watched[which] = true;
    client->positions[which] = position;
    if (client->is_watched[0] && client->is_watched[1]) start(session.tag(), *client);
  }

  // What is missing is in a fresh snapshot.
  void on_gap(Session session, Gap, std::string_view channel, std::string_view position) override {
    if (channel == DropBoard::kChannel) return ask_board(session);
    Client* client = find(session.tag());
    if (!client) return;
    const size_t which = channel == client->target.first_channel() ? 0 : 1;
    client->needs[which] = true;
    if (!client->is_live) client->positions[which] = position;
    if (client->is_watched[0] && client->is_watched[1]) start(session.tag(), *client);
  }

  bool on_heartbeat(Session session) override {
    session.send_comment("ping");
    Client* client = find(session.tag());
    if (!client || !(client->owes[0] || client->owes[1])) return true;
    for (size_t i = 0; i < 2; ++i)
      client->needs[i] = client->needs[i] || std::exchange(client->owes[i], false);
    start(session.tag(), *client);
    return true;
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

  void start(uint64_t id, Client& client) {
    if (client.is_asking) return;
    client.is_asking = true;
    tasks_.start(greet(id));
  }

  // The call behind the first or the second part of a snapshot.
  source::HttpCall call_for(const DropTarget& target, size_t which) const {
    if (target.kind == DropTarget::Kind::kQueue)
      return shared_->call("QueueAdmission", target.drop, "checkToken", token_body(target.who));
    if (which == 0) return shared_->drop_state(target.drop);
    return shared_->call("Participant", target.drop + ":" + target.who, "getState");
  }

  // False: there is nothing to send in this answer.
  static bool send_part(const Client& client, size_t which, std::string_view body) {
    Session session = client.session;
    if (client.target.kind == DropTarget::Kind::kQueue) {
      const auto event = queue_event(client.target.who, body);
      if (event) session.send_event({}, event->event, event->data);
      return true;  // a token that is not known has no status, and no event
    }
    const auto event =
        which == 0 ? connected_event(client.target.drop, body, base::unix_ms()) : user_event(body);
    if (event) session.send_event({}, which == 0 ? "connected" : "user", *event);
    return event.has_value();
  }

  // Sends what the client needs, then lets it hear what has come since it began to watch. The
  // client may be gone after each wait.
  source::Task greet(uint64_t id) {
    for (size_t which = 0; which < 2;) {
      Client* client = find(id);
      if (!client) co_return;
      if (!std::exchange(client->needs[which], false)) {
        ++which;
        continue;
      }
      const source::HttpAnswer answer =
          co_await tasks_.call(*shared_->http, call_for(client->target, which));
      client = find(id);
      if (!client) co_return;
      if (!answer.is_success() || !send_part(*client, which, answer.body)) {
        log_failure(answer);
        client->owes[which] = client->is_live;
      }
      which = 0;  // a gap may have come meanwhile
    }
    Client* client = find(id);
    client->is_asking = false;
    go_live(*client);
  }

  void go_live(Client& client) {
    if (std::exchange(client.is_live, true)) return;
    Session session = client.session;
    const std::string channels[2] = {client.target.first_channel(), client.target.second_channel()};
    const std::string after[2] = {std::exchange(client.positions[0], {}),
                                  std::exchange(client.positions[1], {})};
    // `client` may be gone or moved from here on.
    for (size_t i = 0; i < 2; ++i)
      if (!channels[i].empty())
        session.subscribe(
            {.channel = channels[i], .format = Format::kNoId, .resume_after = after[i]});
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

ProfileChoice make_drop(const SettingMap& settings) {
  ProfileChoice choice;
  auto shared = std::make_shared<Shared>();
  source::NatsOptions nats;
  choice.error = read_settings(settings, *shared, nats);
  if (!choice.error.empty()) return choice;
  shared->nats = std::make_shared<source::NatsSource>(nats, nats_rule());
  source::HttpClientOptions http;
  http.name = "restate";
  http.timeout_ms = shared->timeout_ms;
  shared->http = std::make_shared<source::HttpClient>(http);
  choice.sources = {shared->http, shared->nats};
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
