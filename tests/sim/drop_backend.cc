#include "drop_backend.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "wire/url.h"

namespace livehub::sim {
namespace {

using source::HttpFault;
using Json = nlohmann::ordered_json;

constexpr const char* kPhases[] = {"registration", "lottery", "purchase", "completed"};
constexpr const char* kReadLate = "late";  // a state that is read when the answer goes out

// A part of a path, and what is behind it.
std::string take_part(std::string_view& path) {
  if (!path.starts_with('/')) fail("a path without a part at " + std::string(path));
  path.remove_prefix(1);
  const size_t end = std::min(path.find('/'), path.size());
  const auto part = wire::percent_decode(path.substr(0, end), false);
  path.remove_prefix(end);
  if (!part) fail("a path that cannot be decoded");
  return *part;
}

}  // namespace

DropBackend::DropBackend(Scene& scene) : FakeHttp(scene) {
  for (uint64_t i = 0; i < kDrops; ++i) {
    Topic& drop = add(drop_subject(drop_name(i)), {});
    drop.ends = 100 + scene_.random().below(10);
    if (i == 0 || scene_.random().chance(6000)) keys_.insert(drop_name(i));
  }
}

DropBackend::Topic& DropBackend::add(const std::string& subject, const std::string& who) {
  Topic& topic = topics_[subject];
  names_.push_back(subject);
  topic.number = names_.size();
  topic.who = who;
  return topic;
}

// --- clients ---

void DropBackend::arrive(const std::string& subject, const std::string& who) { add(subject, who); }

uint64_t DropBackend::version_of(const std::string& subject) const {
  return topics_.at(subject).version;
}

bool DropBackend::has_failed(const std::string& subject, uint64_t since_step) const {
  return topics_.at(subject).failed_step >= since_step;
}

DropBackend::List DropBackend::list() const {
  struct Entry {
    uint64_t ends;
    std::string drop;
    uint64_t version;
  };
  std::vector<Entry> listed;
  for (const std::string& drop : keys_) {
    const Topic& topic = topics_.at(drop_subject(drop));
    if (topic.phase != kPhases[3]) listed.push_back({topic.ends, drop, topic.version});
  }
  std::stable_sort(listed.begin(), listed.end(),
                   [](const Entry& a, const Entry& b) { return a.ends < b.ends; });
  List made;
  for (const Entry& entry : listed) made.emplace_back(entry.drop, entry.version);
  return made;
}

// --- the world ---

std::string DropBackend::some_drop() { return drop_name(scene_.random().below(kDrops)); }

void DropBackend::toggle_key() {
  const std::string drop = some_drop();
  if (keys_.size() > 1 && keys_.contains(drop))
    keys_.erase(drop);
  else
    keys_.insert(drop);
  if (nats_) nats_->change_keys();
}

// First the state, then everybody is told of it.
void DropBackend::change(const std::string& subject) {
  Topic& topic = topics_.at(subject);
  ++topic.version;
  ++changes_;
  if (topic.who.empty()) topic.phase = kPhases[scene_.random().below(4)];
  scene_.kernel.log("change", topic.number, topic.version);
  if (nats_) nats_->publish(subject, message_of(subject, topic));
}

// A message has one more field than a state: clients tell them apart by it.
std::string DropBackend::message_of(const std::string& subject, const Topic& topic) {
  const std::string fill(scene_.random().below(scene_.random().chance(2000) ? 900 : 60), 'f');
  Json message;
  if (topic.who.empty())
    message = {{"type", "drop"}, {"participantCount", topic.version}, {"fill", fill}};
  else if (subject.starts_with("drop."))
    message = {{"type", "user"}, {"tickets", topic.version}, {"fill", fill}};
  else
    message = {{"type", topic.version % 2 ? "queue_position" : "queue_ready"},
               {"token", topic.who},
               {"position", topic.version},
               {"fill", fill}};
  return message.dump(scene_.random().chance(3000) ? 2 : -1);
}

std::string DropBackend::state_of(uint64_t number) {
  const std::string& subject = names_.at(number - 1);
  const Topic& topic = topic_of(number);
  if (topic.who.empty())
    return Json({{"phase", topic.phase},
                 {"participantCount", topic.version},
                 {"registrationEnd", topic.ends},
                 {"purchaseEnd", topic.ends}})
        .dump();
  if (subject.starts_with("drop."))
    return Json({{"status", "registered"}, {"tickets", topic.version}}).dump();
  return Json({{"found", true},
               {"status", topic.version % 3 ? "waiting" : "ready"},
               {"position", topic.version}})
      .dump();
}

// --- the calls ---

void DropBackend::identify(Call& call) {
  const source::HttpCall& asked = call.asked;
  std::string_view path = asked.url;
  if (asked.method != "POST" || !path.starts_with(kUrl))
    fail("a call of " + asked.method + " " + asked.url);
  path.remove_prefix(kUrl.size());
  const std::string service = take_part(path), key = take_part(path), method = take_part(path);
  std::string subject;
  if (service == "Drop" && method == "getState" && asked.body == "{}") {
    subject = drop_subject(key);
  } else if (service == "Participant" && method == "getState" && asked.body == "{}") {
    const size_t colon = std::min(key.find(':'), key.size() - 1);
    subject = user_subject(key.substr(0, colon), key.substr(colon + 1));
  } else if (service == "QueueAdmission" && method == "checkToken") {
    const Json body = Json::parse(asked.body, nullptr, false);
    subject = queue_subject(key, body.is_object() ? body.value("tokenId", "") : "");
  }
  const auto found = topics_.find(subject);
  if (found == topics_.end()) fail("a call for nothing that there is: " + asked.url + asked.body);
  call.number = found->second.number;
  call.whose = found->second.who;
}

// It is read somewhere between the call and its answer.
void DropBackend::succeed(Call& call) {
  call.answer = {.fault = HttpFault::kNone, .status = 200};
  call.answer.body = scene_.random().chance(5000) ? kReadLate : state_of(call.number);
}

void DropBackend::refuse(Call& call, int status) {
  call.answer = {.fault = HttpFault::kNone, .status = status, .body = R"({"phase":"lottery"})"};
}

void DropBackend::send_garbage(Call& call) {
  constexpr const char* kGarbage[] = {"", "<html>", "\xff\xfe", "null", "[{}]", "{\"phase\":"};
  call.answer = {
      .fault = HttpFault::kNone, .status = 200, .body = kGarbage[scene_.random().below(6)]};
  call.is_good = false;
}

void DropBackend::fail_call(Call& call, HttpFault fault, const std::string& problem) {
  call.answer = {.fault = fault, .problem = problem};
}

bool DropBackend::on_answer(Call& call) {
  if (call.answer.body == kReadLate) call.answer.body = state_of(call.number);
  Topic& topic = topic_of(call.number);
  if (!call.is_good || !call.answer.is_success()) topic.failed_step = scene_.step;
  return !topic.who.empty() && gone_.contains(topic.who);
}

}  // namespace livehub::sim
