#include "backend.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace livehub::sim {
namespace {

using source::HttpAnswer;
using source::HttpCall;
using source::HttpFault;

constexpr int64_t kMsNs = 1'000'000;
constexpr uint64_t kStallMs = 15'000;

std::string frame(std::string_view error, std::string_view message) {
  std::string text = R"({"type":"error","error":")" + std::string(error) + "\"";
  if (!message.empty()) text += ",\"message\":\"" + std::string(message) + "\"";
  return text + "}";
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

uint64_t Backend::ask(const std::string& user, const std::string& room, bool is_agent) {
  asked_.push_back({.user = user, .room = room, .is_agent = is_agent, .error = {}});
  users_[user].asked.push_back(asked_.size());
  return asked_.size();
}

const ChatAsked& Backend::asked(uint64_t number) const {
  if (number == 0 || number > asked_.size()) fail("nobody asked for #" + std::to_string(number));
  return asked_[number - 1];
}

// --- the calls ---

// Whose call it is, and that it may come now: in order, and one of a user after the other.
uint64_t Backend::identify(const HttpCall& call) {
  if (std::find(call.headers.begin(), call.headers.end(),
                std::pair<std::string, std::string>("X-Internal-Secret", kSecret)) ==
      call.headers.end())
    fail("a call without the secret: " + call.url);
  std::string_view path = call.url;
  if (!take_prefix(path, kUrl)) fail("a call to " + call.url);
  const auto body = nlohmann::json::parse(call.body, nullptr, false);
  const bool is_agent = take_prefix(path, "/api/users/");
  const std::string user = is_agent ? std::string(path) : body.value("userId", "");
  const auto found = users_.find(user);
  if (found == users_.end()) fail("a call for a user that there is not: " + call.url + call.body);
  User& caller = found->second;
  if (caller.is_calling) fail("a second call of " + user + " while one is under way");
  if (caller.called == caller.asked.size()) fail("a call of " + user + " that it did not ask for");
  caller.is_calling = true;
  const uint64_t number = caller.asked[caller.called++];
  const ChatAsked& asked = asked_[number - 1];
  const std::string prefix = "#" + std::to_string(number) + " ";
  const bool is_right = asked.is_agent
                            ? is_agent && call.method == "GET"
                            : call.method == "POST" &&
                                  path == "/api/chats/" + asked.room + "/messages/send" &&
                                  body.value("content", "").starts_with(prefix);
  if (!is_right)
    fail("not the call of #" + std::to_string(number) + ": " + call.method + " " + call.url + " " +
         call.body.substr(0, 80));
  return number;
}

void Backend::call(HttpCall call, Done done) {
  ++counts_.calls;
  Call made{0, std::move(done), 0, {}};
  try {
    made.number = identify(call);
  } catch (const Failure& failure) {
    wrong_ = failure.what();
    return;
  }
  io::SimRandom& random = scene_.random();
  const uint64_t most_ms = scene_.is_calm || random.chance(8000) ? 20 : 3000;
  made.due_ns = scene_.kernel.now_ns() + static_cast<int64_t>(random.below(most_ms)) * kMsNs;
  scene_.kernel.log("call", made.number);
  if (!scene_.is_calm && random.chance(500)) {  // it cannot even wait
    ++counts_.rejected;
    fail_call(made, HttpFault::kQueueFull, "Too many requests are waiting");
    return answer(std::move(made));
  }
  decide(made);
  calls_.push_back(std::move(made));
}

void Backend::decide(Call& call) {
  io::SimRandom& random = scene_.random();
  const std::string number = std::to_string(call.number);
  if (random.chance(scene_.is_calm ? 8000 : 5000)) return save(call);
  const uint64_t what = random.below(scene_.is_calm ? 2 : 6);
  if (what < 2) return refuse(call);
  if (what == 2) {
    ++counts_.closed;
    return fail_call(call, HttpFault::kUnreachable, "It hung up on #" + number);
  }
  if (what == 3) {
    ++counts_.stalled;
    call.due_ns = scene_.kernel.now_ns() + static_cast<int64_t>(kStallMs) * kMsNs;
    return fail_call(call, HttpFault::kTimeout, "Timeout of #" + number);
  }
  if (what == 4) {
    ++counts_.rejected;
    return fail_call(call, random.chance(5000) ? HttpFault::kTooLarge : HttpFault::kCircuitOpen,
                     "The backend does not answer #" + number);
  }
  ++counts_.garbage;
  constexpr const char* kGarbage[] = {"",
                                      "<html>",
                                      "\xff\xfe",
                                      "null",
                                      "[[[[",
                                      R"({"message":7})",
                                      R"({"message":{"content":"no id"}})"};
  call.answer = {.fault = HttpFault::kNone, .status = 200, .body = kGarbage[random.below(7)]};
  ChatAsked& asked = asked_[call.number - 1];
  // An object names nobody, but it is one: the contract's "Agent".
  asked.is_saved = asked.is_agent && call.answer.body.starts_with("{");
  if (asked.is_agent) asked.error = frame("Failed to process agent_joined event", {});
  if (!asked.is_agent)
    asked.error = frame("Failed to send message", "API error: the answer holds no message");
}

void Backend::fail_call(Call& call, HttpFault fault, const std::string& problem) {
  call.answer = {.fault = fault, .problem = problem};
  ChatAsked& asked = asked_[call.number - 1];
  asked.is_saved = false;
  asked.error = asked.is_agent
                    ? frame("Failed to process agent_joined event", {})
                    : frame("Failed to send message", "API error: no answer - " + problem);
}

void Backend::refuse(Call& call) {
  ++counts_.statuses;
  constexpr int kStatuses[] = {400, 401, 404, 500, 503};
  const int status = kStatuses[scene_.random().below(5)];
  const std::string body = "no #" + std::to_string(call.number);
  call.answer = {.fault = HttpFault::kNone, .status = status, .body = body};
  ChatAsked& asked = asked_[call.number - 1];
  asked.error = asked.is_agent ? frame("Failed to fetch agent info", {})
                               : frame("Failed to send message",
                                       "API error: " + std::to_string(status) + " - " + body);
}

// There is no Redis here: the sender is told that only this machine has it.
void Backend::save(Call& call) {
  ++counts_.saved;
  ChatAsked& asked = asked_[call.number - 1];
  asked.is_saved = true;
  asked.error = asked.is_agent
                    ? frame("Failed to process agent_joined event", {})
                    : frame("Failed to send message",
                            "Saved, but other servers may not have it: Redis does not answer");
  const std::string number = std::to_string(call.number);
  call.answer = {.fault = HttpFault::kNone, .status = 200};
  call.answer.body =
      asked.is_agent ? R"({"id":"x","name":"agent )" + number + "\"}"
                     : R"({"success":true,"message":{"id":)" + number + R"(,"content":"#)" +
                           number + R"(","role":"USER","sender":{"id":")" + asked.user + "\"}}}";
}

// --- the answers ---

int64_t Backend::due_ns() const {
  int64_t due_ns = Client::kNeverNs;
  for (const Call& call : calls_)
    if (asked_[call.number - 1].user != held_) due_ns = std::min(due_ns, call.due_ns);
  return due_ns;
}

bool Backend::is_holding() const {
  return std::any_of(calls_.begin(), calls_.end(),
                     [this](const Call& call) { return asked_[call.number - 1].user == held_; });
}

// Any of those whose time has come: the order in which they were asked binds nobody.
bool Backend::act() {
  std::vector<size_t> due;
  for (size_t i = 0; i < calls_.size(); ++i)
    if (calls_[i].due_ns <= scene_.kernel.now_ns() && asked_[calls_[i].number - 1].user != held_)
      due.push_back(i);
  if (due.empty()) return false;
  const size_t which = scene_.random().pick(due);
  Call call = std::move(calls_[which]);
  calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(which));
  answer(std::move(call));
  return true;
}

void Backend::answer(Call call) {
  ChatAsked& asked = asked_[call.number - 1];
  User& user = users_[asked.user];
  user.is_calling = false;
  counts_.late += user.is_gone;
  asked.answered_step = scene_.step;
  scene_.kernel.log("answer", call.number, static_cast<uint64_t>(call.answer.status));
  call.done(std::move(call.answer));
}

void Backend::stop() {
  for (std::deque<Call> calls = std::exchange(calls_, {}); !calls.empty(); calls.pop_front()) {
    ++counts_.stopped;
    fail_call(calls.front(), HttpFault::kStopped, "The server is shutting down");
    answer(std::move(calls.front()));
  }
}

}  // namespace livehub::sim
