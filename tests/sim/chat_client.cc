#include "chat_client.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "../unit/auth/jwt_maker.h"

namespace livehub::sim {
namespace {

constexpr size_t kUntoldMax = 12;  // well below what one client may have waiting

}  // namespace

ChatClient::ChatClient(Scene& scene, ChatBackend& backend, std::string name, std::string room)
    : FrameClient(scene, std::move(name), 150), backend_(backend), room_(std::move(room)) {}

void ChatClient::forget() {
  FrameClient::forget();
  if (!user_.empty()) backend_.leave(user_);
  asked_.clear();
  told_ = 0;
  seen_.clear();
  newest_.clear();
  pings_ = 0;
}

std::string ChatClient::target() {
  user_ = name_ + "-" + std::to_string(link_->id);
  const std::string claims =
      R"({"userId":")" + user_ + R"(","chatId":")" + room_ + R"(","isAuthenticated":true})";
  return "/any?token=" +
         auth::jwt_maker::hs256(kJwtSecret, R"({"alg":"HS256","typ":"JWT"})", claims);
}

bool ChatClient::is_drain(const wire::WsEvent& close) const {
  return close.close_code == 1001 && close.payload == "Server shutting down";
}

// --- reading ---

void ChatClient::on_frame(const std::string& type, const nlohmann::json& frame,
                          std::string_view text) {
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

// --- writing ---

void ChatClient::say(bool is_agent) {
  if (!may_speak() || asked_.size() - told_ >= kUntoldMax) return;
  const uint64_t number = backend_.ask(user_, room_, is_agent);
  asked_.push_back(number);
  if (is_agent) return send_text(R"({"type":"agent_joined"})");
  const size_t bytes = scene_.random().below(scene_.random().chance(1000) ? 5000 : 50);
  send_text(R"({"type":"message","role":"USER","content":"#)" + std::to_string(number) + " " +
            std::string(bytes, 'x') + "\"}");
}

void ChatClient::act_freely() {
  if (!may_speak() || !out_.empty()) return;
  const uint64_t what = scene_.random().below(10);
  if (what == 0) {
    ++pings_;
    return send_text(R"({"type":"ping"})");
  }
  if (what == 1) return send_text(R"({"type":"typing","isTyping":true})");
  say(what == 2);
}

}  // namespace livehub::sim
