#include "pg_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "../unit/auth/jwt_maker.h"

namespace livehub::sim {

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
    : FrameClient(scene, std::move(name), 300), rows_(rows), user_(std::move(user)) {}

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
  FrameClient::forget();
  due_ = newest_ = answers_owed_ = 0;
  may_miss_ = owes_gap_ = false;
}

bool PgClient::is_excused(const wire::WsEvent& close) const {
  const bool is_late = close.close_code == 1008 && close.payload == "Authentication timeout";
  return is_late || FrameClient::is_excused(close);
}

// --- reading ---

void PgClient::on_frame(const std::string& type, const nlohmann::json& frame,
                        std::string_view text) {
  if (type == "auth_required") return authenticate();
  if (type == "authenticated") return on_authenticated(frame);
  if (type == "gap") {
    ++gaps_;
    may_miss_ = true;  // what waited for a full socket, too
    owes_gap_ = false;
    return;
  }
  if (type != "realtime_update")
    fail(name_ + ": a frame of no type that there is: " + std::string(text));
  const nlohmann::json& data = frame["data"]["data"];
  if (data["user"] != user_) fail(name_ + ": told of another's row: " + std::string(text));
  on_change(data["number"].get<uint64_t>());
}

void PgClient::on_authenticated(const nlohmann::json& frame) {
  if (frame["userId"] != user_) fail(name_ + ": authenticated as another");
  if (answers_owed_-- == 0) fail(name_ + ": authenticated more often than it asked");
  if (!is_open()) due_ = rows_.first_after(user_, scene_.step);
  phase_ = Phase::kOpen;
}

void PgClient::on_change(uint64_t number) {
  ++told_;
  const std::string which = name_ + ": change " + std::to_string(number);
  if (number > rows_.newest_of(user_)) fail(which + " was never made");
  if (number <= newest_) fail(which + " behind " + std::to_string(newest_));
  // Before `authenticated` there is nothing that it must hear of.
  const uint64_t expected = newest_ > 0 ? newest_ + 1 : due_;
  if (is_open() && !may_miss_ && expected > 0 && number > expected) {
    scene_.kernel.log("hole", link_->id, expected, number);
    owes_gap_ = true;
  }
  newest_ = number;
  may_miss_ = false;
}

// --- writing ---

void PgClient::authenticate() {
  const std::string claims =
      R"({"iss":"papr-app","aud":"papr-realtime","exp":4102444800,"userId":")" + user_ + "\"}";
  const std::string token =
      auth::jwt_maker::hs256(kJwtSecret, R"({"alg":"HS256","typ":"JWT"})", claims);
  ++answers_owed_;
  send_text(R"({"type":"auth","token":")" + token + R"(","userId":")" + user_ + "\"}");
}

// As its library does before its token ends: once more.
void PgClient::act_freely() {
  if (may_speak() && out_.empty() && answers_owed_ <= 3) authenticate();
}

}  // namespace livehub::sim
