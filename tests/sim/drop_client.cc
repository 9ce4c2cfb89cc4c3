#include "drop_client.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace livehub::sim {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

DropClient::DropClient(Scene& scene, DropBackend& backend, std::string name, DropKind kind)
    : Client(scene, std::move(name)), backend_(backend), kind_(kind) {
  constexpr size_t kRooms[] = {150, 3000, 100'000};
  down_room_ = kRooms[scene.random().below(3)];
  const uint64_t pace = scene.random().below(10);
  read_rate_ = pace == 0 ? 0 : pace < 3 ? 300 : 10'000;
  connect_in_ms(300);
}

// --- what it knows ---

bool DropClient::knows(const Known& known) const {
  if (known.subject.empty()) return true;
  if (known.version == backend_.version_of(known.subject)) return true;
  if (known.has_snapshot || !backend_.has_failed(known.subject, connect_step_)) return false;
  return known.version == 0 || known.version == backend_.version_of(known.subject);
}

bool DropClient::is_settled() const {
  if (is_gone_) return true;
  if (phase_ != Phase::kOpen) return false;
  if (kind_ == DropKind::kList) return has_list_ && list_ == backend_.list();
  return knows(known_[0]) && knows(known_[1]);
}

std::string DropClient::whereabouts() const {
  std::string text = name_ + (is_open() ? " is open" : " is not open");
  for (const Known& known : known_)
    if (!known.subject.empty() && !knows(known))
      text += ", has " + known.subject + " " + std::to_string(known.version) + " of " +
              std::to_string(backend_.version_of(known.subject)) +
              (known.has_snapshot ? "" : ", no snapshot");
  return text;
}

std::string DropClient::own_subject() const {
  if (phase_ != Phase::kOpen || kind_ == DropKind::kList) return {};
  return known_[kind_ == DropKind::kDrop ? 1 : 0].subject;
}

void DropClient::on_snapshot(Known& known, uint64_t version) {
  ++snapshots_;
  if (version == 0 || version > backend_.version_of(known.subject))
    fail(name_ + ": a snapshot of " + known.subject + " with " + std::to_string(version));
  known.has_snapshot = true;
  known.version = version;
}

void DropClient::on_message(Known& known, uint64_t version) {
  ++messages_;
  const std::string which = name_ + ": message " + std::to_string(version) + " of " + known.subject;
  if (version > backend_.version_of(known.subject)) fail(which + ", which there is not");
  if (version <= known.newest_message)
    fail(which + " behind " + std::to_string(known.newest_message));
  if (!known.has_snapshot && !backend_.has_failed(known.subject, connect_step_))
    fail(which + " before its snapshot, and no call had failed");
  lost_bootstraps_ += !known.has_snapshot && known.newest_message == 0;
  known.newest_message = known.version = version;
}

// --- connecting ---

void DropClient::forget() {
  if (!who_.empty()) backend_.leave(who_);
  who_.clear();
  phase_ = Phase::kNone;
  in_.clear();
  body_.clear();
  chunks_ = {};
  has_retry_ = has_list_ = false;
  known_[0] = known_[1] = {};
  list_.clear();
  listed_.clear();
}

void DropClient::on_connected() {
  forget();
  who_ = next_who();
  ++comings_;
  drop_ = backend_.some_drop();
  connect_step_ = scene_.step;
  std::string path = "/events/drops";
  if (kind_ == DropKind::kDrop) {
    path = "/events/" + drop_ + "/" + who_;
    known_[0].subject = DropBackend::drop_subject(drop_);
    known_[1].subject = DropBackend::user_subject(drop_, who_);
    backend_.arrive(known_[1].subject, who_);
  } else if (kind_ == DropKind::kQueue) {
    path = "/events/queue/" + drop_ + "/" + who_;
    known_[0].subject = DropBackend::queue_subject(drop_, who_);
    backend_.arrive(known_[0].subject, who_);
  }
  out_ = "GET " + path + " HTTP/1.1\r\nHost: sim\r\n\r\n";
  phase_ = Phase::kHead;
}

std::string DropClient::come_back() {
  if (link_) {
    scene_.kernel.close(*link_);
    on_cut();
    drop_link();
  }
  return next_who();
}

void DropClient::leave() {
  Client::leave();
  forget();
}

// --- reading ---

void DropClient::on_head(const ResponseHead& head) {
  ++scene_.answers[head.status / 100];
  if (head.status == 408 && !must_be_told()) {
    phase_ = Phase::kRefused;
    return;
  }
  if (head.status != 200 || head.header("content-type") != "text/event-stream" ||
      head.header("transfer-encoding") != "chunked")
    fail(name_ + ": a stream answered " + std::to_string(head.status));
  phase_ = Phase::kOpen;
}

void DropClient::on_bytes(std::string bytes) {
  in_ += bytes;
  if (phase_ == Phase::kHead)
    if (const auto head = take_head(name_, in_)) on_head(*head);
  if (phase_ == Phase::kHead || phase_ == Phase::kRefused) return;
  body_ += chunks_.take(name_, in_);
  while (take_event()) {
  }
  if (chunks_.is_ended() && (!body_.empty() || !has_retry_)) fail(name_ + ": an end in the middle");
}

bool DropClient::take_event() {
  const size_t end = body_.find("\n\n");
  if (end == std::string::npos) return false;
  const std::string block = body_.substr(0, end);
  body_.erase(0, end + 2);
  if (has_retry_) fail(name_ + ": an event after the retry time");
  if (block == ": ping") {
    ++scene_.pings;
    return true;
  }
  if (block.starts_with("retry: ") && block.find('\n') == std::string::npos) {
    if (must_be_told() && !scene_.is_ending) fail(name_ + ": sent away in the calm");
    has_retry_ = true;
    phase_ = Phase::kClosing;
    ++scene_.told_ends;
    return true;
  }
  constexpr std::string_view kEvent = "event: ", kData = "data: ";
  const size_t line_end = block.find('\n');
  if (!block.starts_with(kEvent) || line_end == std::string::npos ||
      block.compare(line_end + 1, kData.size(), kData) != 0 ||
      block.find('\n', line_end + 1) != std::string::npos)
    fail(name_ + ": no event is " + block.substr(0, 90));
  on_event(block.substr(kEvent.size(), line_end - kEvent.size()),
           block.substr(line_end + 1 + kData.size()));
  return true;
}

void DropClient::on_event(const std::string& event, const std::string& data) {
  const std::string what = name_ + ": " + event + " " + data.substr(0, 120);
  const Json json = Json::parse(data, nullptr, false);
  if (!json.is_object()) fail(what + " is no object");
  if (event == "drops") return on_list(data);
  const bool is_queue = event == "queue_position" || event == "queue_ready";
  const bool is_mine = kind_ == DropKind::kQueue ? is_queue && json.value("token", "") == who_
                       : kind_ == DropKind::kDrop
                           ? event == "connected" || event == "drop" || event == "user"
                           : false;
  if (!is_mine || json.value("type", "") != event) fail(what + " is not for it");
  if (event == "connected" && json.value("dropId", "") != drop_) fail(what + " is of another drop");
  const char* field = is_queue ? "position" : event == "user" ? "tickets" : "participantCount";
  const auto version = json.value<uint64_t>(field, 0);
  const bool is_message = json.contains("fill");
  if (event == "connected" ? is_message : event == "drop" && !is_message) fail(what + " is torn");
  if (is_message)
    on_message(known_of(event), version);
  else
    on_snapshot(known_of(event), version);
}

void DropClient::on_list(const std::string& data) {
  ++lists_;
  if (kind_ != DropKind::kList) fail(name_ + ": the list is not for it");
  const Json json = Json::parse(data);
  list_.clear();
  has_list_ = true;
  for (const Json& entry : json.at("drops")) {
    const auto& [drop, version] = list_.emplace_back(entry.at("dropId").get<std::string>(),
                                                     entry.at("participantCount").get<uint64_t>());
    uint64_t& newest = listed_[drop];
    if (version < newest)
      fail(name_ + ": the list goes back, " + drop + " from " + std::to_string(newest) + " to " +
           std::to_string(version));
    newest = version;
  }
}

void DropClient::on_end(bool) {
  if (must_be_told() && phase_ == Phase::kOpen && !scene_.is_ending)
    fail(name_ + ": dropped in the calm");
  ++(phase_ == Phase::kClosing ? scene_.told_ends : scene_.untold_ends);
  forget();
}

}  // namespace livehub::sim
