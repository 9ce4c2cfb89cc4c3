#include "chat_backend.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace livehub::sim {
namespace {

using source::HttpFault;

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

uint64_t ChatBackend::ask(const std::string& user, const std::string& room, bool is_agent) {
  asked_.push_back({.user = user, .room = room, .is_agent = is_agent, .error = {}});
  users_[user].asked.push_back(asked_.size());
  return asked_.size();
}

const ChatAsked& ChatBackend::asked(uint64_t number) const {
  if (number == 0 || number > asked_.size()) fail("nobody asked for #" + std::to_string(number));
  return asked_[number - 1];
}

// --- the calls ---

// Whose call it is, and that it may come now: in order, and one of a user after the other.
void ChatBackend::identify(Call& call) {
  const auto& headers = call.asked.headers;
  const std::pair<std::string, std::string> secret("X-Internal-Secret", kSecret);
  if (std::find(headers.begin(), headers.end(), secret) == headers.end())
    fail("a call without the secret: " + call.asked.url);
  std::string_view path = call.asked.url;
  if (!take_prefix(path, kUrl)) fail("a call to " + call.asked.url);
  const auto body = nlohmann::json::parse(call.asked.body, nullptr, false);
  const bool is_agent = take_prefix(path, "/api/users/");
  call.whose = is_agent ? std::string(path) : body.value("userId", "");
  const auto found = users_.find(call.whose);
  if (found == users_.end())
    fail("a call for a user that there is not: " + call.asked.url + call.asked.body);
  User& caller = found->second;
  if (caller.is_calling) fail("a second call of " + call.whose + " while one is under way");
  if (caller.called == caller.asked.size())
    fail("a call of " + call.whose + " that it did not ask for");
  caller.is_calling = true;
  call.number = caller.asked[caller.called++];
  check_is_right(call, is_agent, path, is_agent ? "" : body.value("content", ""));
}

void ChatBackend::check_is_right(const Call& call, bool is_agent, std::string_view path,
                                 std::string_view content) const {
  const ChatAsked& asked = asked_[call.number - 1];
  const std::string number = "#" + std::to_string(call.number);
  const bool is_right = asked.is_agent
                            ? is_agent && call.asked.method == "GET"
                            : call.asked.method == "POST" &&
                                  path == "/api/chats/" + asked.room + "/messages/send" &&
                                  content.starts_with(number + " ");
  if (!is_right)
    fail("not the call of " + number + ": " + call.asked.method + " " + call.asked.url + " " +
         call.asked.body.substr(0, 80));
}

void ChatBackend::send_garbage(Call& call) {
  constexpr const char* kGarbage[] = {"",
                                      "<html>",
                                      "\xff\xfe",
                                      "null",
                                      "[[[[",
                                      R"({"message":7})",
                                      R"({"message":{"content":"no id"}})"};
  call.answer = {
      .fault = HttpFault::kNone, .status = 200, .body = kGarbage[scene_.random().below(7)]};
  ChatAsked& asked = asked_[call.number - 1];
  // An object names nobody, but it is one: the contract's "Agent".
  asked.is_saved = asked.is_agent && call.answer.body.starts_with("{");
  asked.error = asked.is_agent
                    ? frame("Failed to process agent_joined event", {})
                    : frame("Failed to send message", "API error: the answer holds no message");
}

void ChatBackend::fail_call(Call& call, HttpFault fault, const std::string& problem) {
  call.answer = {.fault = fault, .problem = problem};
  ChatAsked& asked = asked_[call.number - 1];
  asked.is_saved = false;
  asked.error = asked.is_agent
                    ? frame("Failed to process agent_joined event", {})
                    : frame("Failed to send message", "API error: no answer - " + problem);
}

void ChatBackend::refuse(Call& call, int status) {
  const std::string body = "no #" + std::to_string(call.number);
  call.answer = {.fault = HttpFault::kNone, .status = status, .body = body};
  ChatAsked& asked = asked_[call.number - 1];
  asked.error = asked.is_agent ? frame("Failed to fetch agent info", {})
                               : frame("Failed to send message",
                                       "API error: " + std::to_string(status) + " - " + body);
}

// It saves. There is no Redis here: the sender is told that only this machine has it.
void ChatBackend::succeed(Call& call) {
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

bool ChatBackend::on_answer(Call& call) {
  ChatAsked& asked = asked_[call.number - 1];
  User& user = users_[asked.user];
  user.is_calling = false;
  asked.answered_step = scene_.step;
  return user.is_gone;
}

}  // namespace livehub::sim
