#include "pg_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "../unit/auth/jwt_maker.h"
#include "wire/ws_client.h"
#include "wire/ws_handshake.h"

namespace livehub::sim {
namespace {

using Json = nlohmann::json;

constexpr wire::WsMaskKey kMask = {2, 7, 1, 8};

}  // namespace

// --- rows ---

uint64_t PgRows::change(const std::string& user) {
  ++changes_;
  steps_[user].push_back(scene_.step);
  return steps_[user].size();
}

uint64_t PgRows::newest_of(const std::string& user) const {
  const auto found = steps_.find(user);
  return found == steps_.end() ? 0 : found->second.size();
}

uint64_t PgRows::first_after(const std::string& user, uint64_t step) const {
  const auto found = steps_.find(user);
  if (found == steps_.end()) return 1;
  const auto& steps = found->second;
  return static_cast<uint64_t>(std::upper_bound(steps.begin(), steps.end(), step) - steps.begin()) +
         1;
}

// --- a client ---

PgClient::PgClient(Scene& scene, const PgRows& rows, std::string name, std::string user)
    : Client(scene, std::move(name)), rows_(rows), user_(std::move(user)) {
  constexpr size_t kRooms[] = {300, 3000, 100'000};
  down_room_ = kRooms[scene.random().below(3)];
  read_rate_ = scene.random().chance(2000) ? 300 : 10'000;
  connect_in_ms(300);
}

bool PgClient::is_settled() const {
  if (is_gone_) return true;
  const uint64_t newest = rows_.newest_of(user_);
  return is_open() && answers_owed_ == 0 && !owes_gap_ &&
         (may_miss_ || newest < due_ || newest_ == newest);
}

std::string PgClient::whereabouts() const {
  return name_ + (is_open() ? " is open, has " : " is not open, has ") + std::to_string(newest_) +
         " of " + std::to_string(rows_.newest_of(user_)) + ", due from " + std::to_string(due_) +
         (owes_gap_ ? ", was told of no gap" : "");
}

void PgClient::forget() {
  phase_ = Phase::kNone;
  in_.clear();
  due_ = newest_ = answers_owed_ = 0;
  may_miss_ = owes_gap_ = false;
  ws_ = wire::WsReader(wire::WsRole::kClient);
}

void PgClient::on_connected() {
  forget();
  out_ = "GET /ws?userId=" + user_ +
         " HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nOrigin: http://localhost:3000\r\n"
         "Sec-WebSocket-Key: " +
         wire::ws_key_from_nonce({}) + "\r\n\r\n";
  phase_ = Phase::kHead;
}

void PgClient::leave() {
  Client::leave();
  forget();
}

// --- reading ---

void PgClient::on_bytes(std::string bytes) {
  in_ += bytes;
  if (phase_ == Phase::kHead) {
    const auto head = take_head(name_, in_);
    if (!head) return;
    on_head(*head);
  }
  if (phase_ == Phase::kAsked || phase_ == Phase::kOpen) take_frames();
}

void PgClient::on_head(const ResponseHead& head) {
  ++scene_.answers[head.status / 100];
  const bool is_refused = head.status == 503 || head.status == 408;
  if (is_refused && must_be_told()) fail(name_ + ": refused in the calm");
  if (head.status != 101 && !is_refused)
    fail(name_ + ": an upgrade answered " + std::to_string(head.status));
  phase_ = is_refused ? Phase::kRefused : Phase::kAsked;
}

void PgClient::take_frames() {
  std::span<char> input(in_.data(), in_.size());
  for (;;) {
    const wire::WsEvent event = ws_.next(input, {});
    if (event.kind == wire::WsEvent::Kind::kNeedMore || !on_ws_event(event)) break;
  }
  if (phase_ == Phase::kClosing && !input.empty()) fail(name_ + ": bytes after a close frame");
  in_.clear();
}

bool PgClient::on_ws_event(const wire::WsEvent& event) {
  using Kind = wire::WsEvent::Kind;
  if (event.kind == Kind::kText) return on_text(event.payload), true;
  if (event.kind == Kind::kPing) {
    ++scene_.pings;
    send_ws(wire::WsOpcode::kPong, event.payload);
    return true;
  }
  if (event.kind != Kind::kClose)
    fail(name_ + ": a frame that nobody sends here " + std::string(event.detail));
  const bool is_drain = event.close_code == 1012;
  const bool is_late = event.close_code == 1008 && event.payload == "Authentication timeout";
  if (!is_drain && !is_late && event.close_code != 1013)
    fail(name_ + ": closed with " + std::to_string(event.close_code));
  if (!is_drain && must_be_told()) fail(name_ + ": closed in the calm");
  phase_ = Phase::kClosing;
  ++scene_.told_ends;
  if (!is_half_closed_) out_ += wire::ws_client_close_frame(event.close_code, "", kMask);
  return false;
}

void PgClient::on_text(std::string_view text) {
  const Json frame = Json::parse(text, nullptr, false);
  const std::string type = frame.is_object() ? frame.value("type", "") : "";
  if (type == "auth_required") return authenticate();
  if (type == "authenticated") {
    if (frame["userId"] != user_) fail(name_ + ": authenticated as another");
    if (answers_owed_-- == 0) fail(name_ + ": authenticated more often than it asked");
    if (phase_ != Phase::kOpen) due_ = rows_.first_after(user_, scene_.step);
    phase_ = Phase::kOpen;
    return;
  }
  if (type == "gap") {
    ++gaps_;
    may_miss_ = true;  // what waited for a full socket, too
    owes_gap_ = false;
    return;
  }
  if (type != "realtime_update")
    fail(name_ + ": a frame of no type that there is: " + std::string(text));
  const Json& data = frame["data"]["data"];
  if (data["user"] != user_) fail(name_ + ": told of another's row: " + std::string(text));
  on_change(data["number"].get<uint64_t>());
}

void PgClient::on_change(uint64_t number) {
  ++told_;
  const std::string which = name_ + ": change " + std::to_string(number);
  if (number > rows_.newest_of(user_)) fail(which + " was never made");
  if (number <= newest_) fail(which + " behind " + std::to_string(newest_));
  // Before `authenticated` there is nothing that it must hear of.
  const uint64_t expected = newest_ > 0 ? newest_ + 1 : due_;
  if (phase_ == Phase::kOpen && !may_miss_ && expected > 0 && number > expected) {
    scene_.kernel.log("hole", link_->id, expected, number);
    owes_gap_ = true;
  }
  newest_ = number;
  may_miss_ = false;
}

void PgClient::on_end(bool) {
  if (must_be_told() && phase_ == Phase::kOpen && !scene_.is_ending)
    fail(name_ + ": dropped in the calm");
  ++(phase_ == Phase::kClosing ? scene_.told_ends : scene_.untold_ends);
  forget();
}

// --- writing ---

void PgClient::send_ws(wire::WsOpcode opcode, std::string_view payload) {
  if (!is_half_closed_) out_ += wire::ws_client_frame(opcode, payload, kMask);
}

void PgClient::authenticate() {
  const std::string claims =
      R"({"iss":"papr-app","aud":"papr-realtime","exp":4102444800,"userId":")" + user_ + "\"}";
  const std::string token =
      auth::jwt_maker::hs256(kJwtSecret, R"({"alg":"HS256","typ":"JWT"})", claims);
  ++answers_owed_;
  send_ws(wire::WsOpcode::kText,
          R"({"type":"auth","token":")" + token + R"(","userId":")" + user_ + "\"}");
}

// As its library does before its token ends: once more.
void PgClient::act_freely() {
  if (phase_ != Phase::kOpen || is_half_closed_ || !out_.empty() || answers_owed_ > 3) return;
  authenticate();
}

}  // namespace livehub::sim
