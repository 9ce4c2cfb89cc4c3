#include "profile/chat.h"

#include <list>
#include <unordered_map>

#include "base/clock.h"
#include "profile/chat_health.h"
#include "profile/chat_messages.h"
#include "profile/chat_settings.h"
#include "profile/chat_shared.h"
#include "profile/expiries.h"
#include "profile/subprotocol.h"
#include "source/http_task.h"
#include "wire/url.h"

namespace livehub::profile {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr uint16_t kNoToken = 4001, kBadToken = 4002;
constexpr std::string_view kIncompleteToken = "Invalid token payload: missing userId or chatId";
// What one client may have waiting for the API, and all of them together, calls under way included.
constexpr size_t kWaitingMax = 64, kWaitingBytesMax = 256 * 1024;
constexpr size_t kHeldBytesMax = 16 << 20, kHeldBytesEach = 256;

// A joined client. Shared with its task, which goes on when it has left: what it said before is
// still saved and told.
struct Client {
  Session session;
  std::string user_id;
  std::string channel;  // the room's
  bool is_authenticated = false;
  std::list<ChatRequest> waiting;  // for the API, in order; costs nothing while empty
  size_t waiting_bytes = 0;
  bool is_busy = false;    // a task serves `waiting`
  int64_t expires_at = 0;  // 0: nobody looks

  std::string chat_id() const { return channel.substr(kChatChannelPrefix.size()); }
};
using ClientPtr = std::shared_ptr<Client>;

class Chat : public Profile {
 public:
  Chat(std::shared_ptr<ChatShared> shared, const ProfileContext& context)
      : shared_(std::move(shared)), context_(context), tasks_(context.post) {}

  Route route(const Request& request) override {
    if (request.is_websocket()) return route_websocket(request);
    if (request.method() == "OPTIONS") return Route::answer(reply(200, {}, {}));
    const bool is_exact = request.query().empty();
    if (is_exact && (request.path() == "/health" || request.path() == "/"))
      return Route::answer(reply(200, health(), "application/json"));
    return Route::answer(reply(404, R"({"error":"Not found"})", "application/json"));
  }

  void on_open(Session session, const Request& request) override {
    const std::optional<std::string> token = request.query_value("token");
    if (!token || token->empty()) return refuse(session, kNoToken, "Missing authentication token");
    const auth::JwtResult result =
        shared_->secrets->verifier.verify(*token, context_.unix_seconds());
    if (!result.is_valid()) {
      const bool is_expired = result.fault == auth::JwtFault::kExpired;
      return refuse(session, kBadToken, is_expired ? "Token expired" : "Invalid token");
    }
    const auto user_id = result.text("userId"), chat_id = result.text("chatId");
    if (!user_id || !chat_id || !is_chat_id(*user_id) || !is_chat_id(*chat_id))
      return refuse(session, kBadToken, kIncompleteToken);
    const auto flag = result.claims.find("isAuthenticated");
    const bool is_authenticated =
        flag != result.claims.end() && flag->is_boolean() && flag->get<bool>();
    join(session, {.session = {},
                   .user_id = *user_id,
                   .channel = std::string(kChatChannelPrefix) + *chat_id,
                   .is_authenticated = is_authenticated || shared_->trusts_roles,
                   .waiting = {}});
    if (!shared_->enforces_expiry || !result.expires_at()) return;
    const auto found = clients_.find(next_tag_);
    found->second->expires_at = *result.expires_at();
    expiries_.set(next_tag_, 0, *result.expires_at());
  }

  void on_subscribed(Session session, std::string_view, std::string_view) override {
    if (const ClientPtr client = find(session))
      session.send_text(connected_frame(client->chat_id(), now()));
  }
  void on_gap(Session session, Gap, std::string_view, std::string_view) override {
    session.send_text(R"({"type":"gap"})");
  }
  void on_close(Session session, uint16_t, std::string_view) override {
    const auto found = clients_.find(session.tag());
    if (found == clients_.end()) return;
    shared_->ledger->leave(found->second->chat_id());
    expiries_.remove(found->first, found->second->expires_at);
    clients_.erase(found);
  }

  void on_binary(Session session, std::string_view message) override { on_text(session, message); }
  void on_text(Session session, std::string_view message) override {
    const ClientPtr client = find(session);
    if (!client) return;  // it was refused, and its close frame is on its way
    take(client, parse_chat_request(message));
  }

  uint16_t drain_close_code() const override { return 1001; }
  std::string_view drain_close_reason() const override { return "Server shutting down"; }
  bool accepts_websockets_while_draining() const override { return true; }

  int64_t tick_ms() const override { return shared_->enforces_expiry ? 1000 : 0; }
  void on_tick(int64_t) override {
    while (const auto tag = expiries_.take_ended(context_.unix_seconds())) {
      const auto found = clients_.find(*tag);
      if (found == clients_.end()) continue;
      Session session = found->second->session;  // closing may take it out of the map
      session.close(kBadToken, "Token expired");
    }
  }

 private:
  std::string now() const { return iso_time(shared_->unix_ms()); }

  static Reply reply(int status, std::string body, std::string_view type) {
    return {.status = status,
            .body = std::move(body),
            .content_type = std::string(type),
            .headers = {{"Access-Control-Allow-Origin", "*"},
                        {"Access-Control-Allow-Methods", "GET, OPTIONS"},
                        {"Access-Control-Allow-Headers", "Content-Type"}}};
  }

  std::string health() const {
    ChatHealth health;
    for (const LinkState& link : shared_->redis->links())
      health.is_degraded = health.is_degraded || !link.is_up;
    health.census = shared_->ledger->census(kHealthRoomsMax);
    health.memory_used = resident_bytes();
    health.memory_total = shared_->memory_total;
    health.unix_ms = base::unix_ms();
    health.uptime_seconds = static_cast<double>(base::monotonic_ms() - shared_->started_ms) / 1000;
    return health_body(health);
  }

  static Route route_websocket(const Request& request) {
    Stream stream;
    stream.subprotocol = first_subprotocol(request);
    return Route::websocket(std::move(stream));
  }

  static void refuse(Session session, uint16_t code, std::string_view reason) {
    session.open_now();  // browsers show a code only of a handshake that succeeded
    session.close(code, reason);
  }

  ClientPtr find(const Session& session) const {
    const auto found = clients_.find(session.tag());
    return found == clients_.end() ? nullptr : found->second;
  }

  void join(Session session, Client made) {
    const auto client = std::make_shared<Client>(std::move(made));
    session.set_tag(++next_tag_);
    client->session = session;
    clients_.emplace(next_tag_, client);
    shared_->ledger->enter(client->chat_id());
    session.subscribe({.channel = client->channel});
  }

  void take(const ClientPtr& client, ChatRequest request) {
    using Kind = ChatRequest::Kind;
    switch (request.kind) {
      case Kind::kInvalid:
        return tell(client, "Failed to process message");
      case Kind::kUnknown:
        return tell(client, "Unknown message type");
      case Kind::kIgnored:
        return;
      case Kind::kIncomplete:
        return tell(client, "Missing content or role");
      case Kind::kPing:
        return client->session.send_text(R"({"type":"pong"})");
      case Kind::kTyping: {
        const std::string frame = typing_frame(client->user_id, request.is_typing, now());
        client->session.publish(client->channel, frame, true);
        return send_to_redis(*client, frame, {});
      }
      case Kind::kMessage:
        if (!client->is_authenticated && !is_plain_role(request.role))
          return tell(client, "Missing content or role");
        break;
      case Kind::kAgentJoined:
        if (!client->is_authenticated) return tell(client, "Missing content or role");
        break;
    }
    enqueue(client, std::move(request));
  }

  static void tell(const ClientPtr& client, std::string_view error, std::string_view message = {}) {
    client->session.send_text(error_frame(error, message));
  }

  // --- through the API: one call of a client after the other, so that its messages keep order ---

  void enqueue(const ClientPtr& client, ChatRequest request) {
    const size_t bytes = request.content.size();
    const size_t held_most = kHeldBytesMax / context_.shard_count;
    if (client->waiting.size() >= kWaitingMax || client->waiting_bytes + bytes > kWaitingBytesMax ||
        held_bytes_ + bytes > held_most)
      return tell(client, "Failed to send message", "Too many messages are waiting");
    client->waiting_bytes += bytes;
    held_bytes_ += bytes + kHeldBytesEach;
    client->waiting.push_back(std::move(request));
    if (!client->is_busy) tasks_.start(serve(client));
  }

  source::Task serve(ClientPtr client) {
    client->is_busy = true;
    while (!client->waiting.empty()) {
      const ChatRequest request = std::move(client->waiting.front());
      client->waiting.pop_front();
      client->waiting_bytes -= request.content.size();
      const size_t bytes = request.content.size() + kHeldBytesEach;
      const bool is_message = request.kind == ChatRequest::Kind::kMessage;
      source::HttpCall call = is_message ? save_call(*client, request) : user_call(*client);
      const source::HttpAnswer answer = co_await tasks_.call(*shared_->backend, std::move(call));
      if (is_message)
        finish_message(client, request, answer);
      else
        finish_agent_joined(client, answer);
      held_bytes_ -= bytes;
    }
    client->is_busy = false;
  }

  source::HttpCall save_call(const Client& client, const ChatRequest& request) const {
    source::HttpCall call;
    call.method = "POST";
    call.url = shared_->api_url + "/api/chats/" + wire::percent_encode(client.chat_id()) +
               "/messages/send";
    call.headers = {{"Content-Type", "application/json"},
                    {"X-Internal-Secret", shared_->secrets->api}};
    call.body = save_request_body(request.content, request.role, client.user_id);
    return call;
  }
  source::HttpCall user_call(const Client& client) const {
    source::HttpCall call;
    call.url = shared_->api_url + "/api/users/" + wire::percent_encode(client.user_id);
    call.headers = {{"X-Internal-Secret", shared_->secrets->api}};
    call.is_shared = true;
    return call;
  }

  void finish_message(const ClientPtr& client, const ChatRequest& request,
                      const source::HttpAnswer& answer) {
    if (!answer.is_success())
      return tell(client, "Failed to send message",
                  api_error_text(answer.status, answer.body, answer.problem));
    const auto saved = saved_message(answer.body, request.role, now());
    if (!saved)
      return tell(client, "Failed to send message", "API error: the answer holds no message");
    // The web app has published it as well, and may have been faster.
    if (shared_->ledger->is_new(client->channel, saved->id, shared_->unix_ms()))
      context_.publish({.channel = client->channel, .payload = saved->frame});
    send_to_redis(*client, saved->frame,
                  error_frame("Failed to send message",
                              "Saved, but other servers may not have it: Redis does not answer"));
  }

  void finish_agent_joined(const ClientPtr& client, const source::HttpAnswer& answer) {
    if (answer.status == 0) return tell(client, "Failed to process agent_joined event");
    if (!answer.is_success()) return tell(client, "Failed to fetch agent info");
    const std::optional<std::string> name = agent_name(answer.body);
    if (!name) return tell(client, "Failed to process agent_joined event");
    const std::string frame = agent_joined_frame(client->user_id, *name, now());
    context_.publish({.channel = client->channel, .payload = frame});
    send_to_redis(*client, frame, error_frame("Failed to process agent_joined event"));
  }

  // To the other machines; ours has it. If Redis does not take it they miss it: /health and
  // readiness say so, and `failure` (none for what is worth nothing a moment later) its sender.
  void send_to_redis(const Client& client, const std::string& frame,
                     const std::string& failure) const {
    source::RedisCallback done;
    if (!failure.empty()) {
      // On the Redis thread `this` may be gone; what is posted to a shard that has ended is
      // dropped, and a session that has ended is told nothing.
      done = [session = client.session, failure,
              post = context_.post](const source::RedisReply& reply) {
        if (reply.is_error()) post([session, failure]() mutable { session.send_text(failure); });
      };
    }
    const bool is_taken = shared_->redis->publish(client.channel, frame, true, std::move(done));
    if (!is_taken && !failure.empty()) Session(client.session).send_text(failure);
  }

  const std::shared_ptr<ChatShared> shared_;
  const ProfileContext context_;
  uint64_t next_tag_ = 0;  // 0: refused
  size_t held_bytes_ = 0;  // of messages that wait for the API or its answer
  std::unordered_map<uint64_t, ClientPtr> clients_;
  Expiries expiries_;    // with ENFORCE_EXPIRY
  source::Tasks tasks_;  // last: its tasks use the rest
};

}  // namespace

ProfileChoice make_chat(const SettingMap& settings) { return make_chat_of(settings, {}); }

ProfileChoice make_chat_of(const SettingMap& settings, const ChatParts& parts) {
  ProfileChoice choice;
  const std::shared_ptr<ChatShared> shared =
      read_chat_settings(settings, parts.backend, choice.warnings, choice.error);
  if (!shared) return choice;
  if (parts.unix_ms) shared->unix_ms = parts.unix_ms;
  shared->started_ms = base::monotonic_ms();
  shared->memory_total = allowed_bytes();
  choice.sources = shared->sources;
  choice.reload = [shared](const SettingMap& changed) {
    std::string error;
    if (auto secrets = read_chat_secrets(changed, error)) shared->secrets.set(std::move(secrets));
    return error;
  };
  choice.factory = [shared](const ProfileContext& context) -> std::unique_ptr<Profile> {
    return std::make_unique<Chat>(shared, context);
  };
  return choice;
}

void set_chat_defaults(EngineOptions& options) {
  options.port = 8080;
  options.ping_seconds = 30;
  options.pong_seconds = 30;
  options.history_count = 0;
}

}  // namespace livehub::profile
