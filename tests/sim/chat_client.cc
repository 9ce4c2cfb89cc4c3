#include "chat_client.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "../unit/auth/jwt_maker.h"
#include "wire/ws_client.h"
#include "wire/ws_handshake.h"

namespace livehub::sim {
namespace {

using Json = nlohmann::json;

constexpr size_t kUntoldMax = 12;  // well below what one client may have waiting
constexpr wire::WsMaskKey kMask = {7, 1, 8, 2};

}  // namespace

ChatClient::ChatClient(Scene& scene, ChatBackend& backend, std::string name, std::string room)
    : Client(scene, std::move(name)), backend_(backend), room_(std::move(room)) {
  constexpr size_t kRooms[] = {150, 3000, 100'000};
  down_room_ = kRooms[scene.random().below(3)];
  read_rate_ = scene.random().chance(2000) ? 300 : 10'000;
  connect_in_ms(300);
}

void ChatClient::forget() {
  if (!user_.empty()) backend_.leave(user_);
  phase_ = Phase::kNone;
  in_.clear();
  asked_.clear();
  told_ = 0;
  seen_.clear();
  newest_.clear();
  pings_ = 0;
  ws_ = wire::WsReader(wire::WsRole::kClient);
}

void ChatClient::on_connected() {
  forget();
  user_ = name_ + "-" + std::to_string(link_->id);
  const std::string claims =
      R"({"userId":")" + user_ + R"(","chatId":")" + room_ + R"(","isAuthenticated":true})";
  out_ = "GET /any?token=" +
         auth::jwt_maker::hs256(kJwtSecret, R"({"alg":"HS256","typ":"JWT"})", claims) +
         " HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
         wire::ws_key_from_nonce({}) + "\r\n\r\n";
  phase_ = Phase::kHead;
}

// --- reading ---

void ChatClient::on_bytes(std::string bytes) {
  in_ += bytes;
  if (phase_ == Phase::kHead) {
    const auto head = take_head(name_, in_);
    if (!head) return;
    on_head(*head);
  }
  if (phase_ == Phase::kJoining || phase_ == Phase::kOpen) take_frames();
}

void ChatClient::on_head(const ResponseHead& head) {
  ++scene_.answers[head.status / 100];
  const bool is_refused = head.status == 503 || (head.status == 408 && !must_be_told());
  if (is_refused && scene_.is_calm && must_be_told()) fail(name_ + ": refused in the calm");
  if (head.status != 101 && !is_refused)
    fail(name_ + ": an upgrade answered " + std::to_string(head.status));
  phase_ = is_refused ? Phase::kRefused : Phase::kJoining;
}

void ChatClient::take_frames() {
  std::span<char> input(in_.data(), in_.size());
  for (;;) {
    const wire::WsEvent event = ws_.next(input, {});
    if (event.kind == wire::WsEvent::Kind::kNeedMore || !on_ws_event(event)) break;
  }
  if (phase_ == Phase::kClosing && !input.empty()) fail(name_ + ": bytes after a close frame");
  in_.clear();
}

bool ChatClient::on_ws_event(const wire::WsEvent& event) {
  using Kind = wire::WsEvent::Kind;
  if (event.kind == Kind::kText) return on_text(event.payload), true;
  if (event.kind == Kind::kPing) {
    ++scene_.pings;
    send_ws(wire::WsOpcode::kPong, event.payload);
    return true;
  }
  if (event.kind != Kind::kClose)
    fail(name_ + ": a frame that nobody sends here " + std::string(event.detail));
  const bool is_drain = event.close_code == 1001 && event.payload == "Server shutting down";
  if (!is_drain && event.close_code != 1013)
    fail(name_ + ": closed with " + std::to_string(event.close_code));
  if (event.close_code == 1013 && must_be_told()) fail(name_ + ": too slow in the calm");
  phase_ = Phase::kClosing;
  ++scene_.told_ends;
  if (!is_half_closed_) out_ += wire::ws_client_close_frame(event.close_code, "", kMask);
  return false;
}

void ChatClient::on_text(std::string_view text) {
  const Json frame = Json::parse(text, nullptr, false);
  const std::string type = frame.is_object() ? frame.value("type", "") : "";
  if ((phase_ == Phase::kJoining) != (type == "connected"))
    fail(name_ + ": connected comes first, and once: " + std::string(text));
  if (type == "connected") {
    if (frame["chatId"] != room_) fail(name_ + ": in another room: " + std::string(text));
    phase_ = Phase::kOpen;
    open_step_ = scene_.step;
  } else if (type == "error") {
    on_told(text);
  } else if (type == "message") {
    on_room(frame["data"]["id"].get<uint64_t>(), frame["data"]["sender"]["id"]);
  } else if (type == "agent_joined") {
    const std::string name = frame["data"]["agentName"];
    uint64_t number = 0;
    if (name.starts_with("agent ")) std::from_chars(&name[6], &name[0] + name.size(), number);
    if (number != 0) on_room(number, frame["data"]["agentId"]);
  } else if (type == "typing") {
    if (frame["data"]["userId"] == user_) fail(name_ + ": its own typing comes back");
  } else if (type == "pong") {
    if (pings_-- == 0) fail(name_ + ": a pong without its ping");
  } else {
    fail(name_ + ": a frame of no type that there is: " + std::string(text));
  }
}

// Each thing asked for is one error here (there is no Redis), in the order in which it was asked.
void ChatClient::on_told(std::string_view text) {
  if (told_ == asked_.size()) fail(name_ + ": told what it did not ask for: " + std::string(text));
  const uint64_t number = asked_[told_++];
  const ChatAsked& asked = backend_.asked(number);
  const std::string which = name_ + ": of #" + std::to_string(number);
  if (asked.answered_step == kNever) fail(which + " told before its answer: " + std::string(text));
  if (text != asked.error) fail(which + " told " + std::string(text) + ", not " + asked.error);
  ++told_total_;
}

void ChatClient::on_room(uint64_t number, const std::string& sender) {
  const ChatAsked& asked = backend_.asked(number);
  const std::string which = name_ + ": #" + std::to_string(number);
  if (asked.room != room_) fail(which + " is of another room");
  if (asked.user != sender) fail(which + " is told as another's");
  if (!asked.is_saved || asked.answered_step == kNever) fail(which + " was not saved");
  if (!seen_.insert(number).second) fail(which + " came twice");
  uint64_t& newest = newest_[sender];
  if (number < newest) fail(which + " came behind #" + std::to_string(newest));
  newest = number;
}

void ChatClient::check_seen(uint64_t from_step) const {
  if (!is_open()) return;
  for (uint64_t number = 1; number <= backend_.count(); ++number) {
    const ChatAsked& asked = backend_.asked(number);
    const bool is_due = asked.room == room_ && asked.is_saved && asked.answered_step != kNever &&
                        asked.answered_step > std::max(open_step_, from_step);
    // An agent without a name has no number to be known by.
    if (is_due && !seen_.contains(number) && !asked.is_agent)
      fail(name_ + ": never got #" + std::to_string(number) + " of " + asked.user);
  }
}

void ChatClient::on_end(bool) {
  if (must_be_told() && phase_ == Phase::kOpen && !scene_.is_ending)
    fail(name_ + ": dropped in the calm");
  ++(phase_ == Phase::kClosing ? scene_.told_ends : scene_.untold_ends);
  forget();
}

// --- writing ---

void ChatClient::send_ws(wire::WsOpcode opcode, std::string_view payload) {
  if (!is_half_closed_) out_ += wire::ws_client_frame(opcode, payload, kMask);
}

void ChatClient::say(bool is_agent) {
  if (phase_ != Phase::kOpen || is_half_closed_ || asked_.size() - told_ >= kUntoldMax) return;
  const uint64_t number = backend_.ask(user_, room_, is_agent);
  asked_.push_back(number);
  if (is_agent) return send_ws(wire::WsOpcode::kText, R"({"type":"agent_joined"})");
  const size_t bytes = scene_.random().below(scene_.random().chance(1000) ? 5000 : 50);
  send_ws(wire::WsOpcode::kText, R"({"type":"message","role":"USER","content":"#)" +
                                     std::to_string(number) + " " + std::string(bytes, 'x') +
                                     "\"}");
}

void ChatClient::act_freely() {
  if (phase_ != Phase::kOpen || is_half_closed_ || !out_.empty()) return;
  const uint64_t what = scene_.random().below(10);
  if (what == 0) {
    ++pings_;
    return send_ws(wire::WsOpcode::kText, R"({"type":"ping"})");
  }
  if (what == 1) return send_ws(wire::WsOpcode::kText, R"({"type":"typing","isTyping":true})");
  say(what == 2);
}

void ChatClient::leave() {
  Client::leave();
  forget();
}

}  // namespace livehub::sim
