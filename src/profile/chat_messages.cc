#include "profile/chat_messages.h"

#include <array>
#include <nlohmann/json.hpp>

#include "profile/json_tree.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr size_t kErrorBodyBytesMax = 4096;
constexpr size_t kIdBytesMax = 256;

std::string text_of(const Ordered& value) {
  return value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

template <typename Value>
std::string string_of(const Value& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->template get<std::string>()
                                                     : std::string();
}

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

void copy_if_there(const Ordered& from, const char* name, Ordered& to, const char* as) {
  if (const auto found = from.find(name); found != from.end()) to[as] = *found;
}

}  // namespace

ChatRequest parse_chat_request(std::string_view text) {
  using Kind = ChatRequest::Kind;
  const Json value = parse_tree<Json>(text);
  if (value.is_discarded() || value.is_null()) return {Kind::kInvalid};
  if (!value.is_object()) return {Kind::kUnknown};
  const std::string type = string_of(value, "type");
  if (type == "ping") return {Kind::kPing};
  if (type == "agent_joined") return {Kind::kAgentJoined};
  if (type == "typing") {
    const auto flag = value.find("isTyping");
    if (flag == value.end() || !flag->is_boolean()) return {Kind::kIgnored};
    return {Kind::kTyping, flag->get<bool>()};
  }
  if (type != "message") return {Kind::kUnknown};
  ChatRequest request = {Kind::kMessage, false, string_of(value, "content"),
                         string_of(value, "role")};
  if (request.content.empty() || request.role.empty()) request.kind = Kind::kIncomplete;
  return request;
}

bool is_plain_role(std::string_view role) { return lower_case(std::string(role)) == "user"; }

bool is_chat_id(std::string_view id) {
  return !id.empty() && id != "." && id != ".." && id.size() <= kIdBytesMax;
}

std::string connected_frame(std::string_view chat_id, std::string_view time) {
  return text_of({{"type", "connected"}, {"chatId", chat_id}, {"timestamp", time}});
}

std::string typing_frame(std::string_view user_id, bool is_typing, std::string_view time) {
  return text_of({{"type", "typing"},
                  {"data", {{"userId", user_id}, {"isTyping", is_typing}}},
                  {"timestamp", time}});
}

std::string agent_joined_frame(std::string_view agent_id, std::string_view name,
                               std::string_view time) {
  return text_of({{"type", "agent_joined"},
                  {"data", {{"agentId", agent_id}, {"agentName", name}, {"timestamp", time}}},
                  {"timestamp", time}});
}

std::string error_frame(std::string_view error, std::string_view message) {
  Ordered frame = {{"type", "error"}, {"error", error}};
  if (!message.empty()) frame["message"] = message;
  return text_of(frame);
}

std::string save_request_body(std::string_view content, std::string_view role,
                              std::string_view user_id) {
  return text_of({{"content", content}, {"role", role}, {"userId", user_id}});
}

std::optional<SavedMessage> saved_message(std::string_view answer, std::string_view role,
                                          std::string_view time) {
  const Ordered body = parse_tree<Ordered>(answer);
  if (!body.is_object()) return std::nullopt;
  const auto message = body.find("message");
  if (message == body.end() || !message->is_object()) return std::nullopt;
  const auto id = message->find("id");
  if (id == message->end() || id->is_null()) return std::nullopt;
  const std::string saved_role = string_of(*message, "role");
  Ordered data;
  data["id"] = *id;
  copy_if_there(*message, "content", data, "content");
  data["role"] = lower_case(saved_role.empty() ? std::string(role) : saved_role);
  copy_if_there(*message, "createdAt", data, "timestamp");
  copy_if_there(*message, "sender", data, "sender");
  return SavedMessage{
      text_of(*id), text_of({{"type", "message"}, {"data", std::move(data)}, {"timestamp", time}})};
}

std::optional<std::string> agent_name(std::string_view answer) {
  const Json user = parse_tree<Json>(answer);
  if (!user.is_object()) return std::nullopt;
  for (const char* field : {"name", "email"})
    if (std::string text = string_of(user, field); !text.empty()) return text;
  return "Agent";
}

std::string api_error_text(int status, std::string_view body, std::string_view problem) {
  if (status == 0) return "API error: no answer - " + std::string(problem);
  const std::string text = wire::utf8_with_replacement(body.substr(0, kErrorBodyBytesMax));
  return "API error: " + std::to_string(status) + " - " + text;
}

std::optional<RoomPayload> room_payload(std::string_view text) {
  RoomPayload made;
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    if (!wire::json_compact(text, made.payload).ok) return std::nullopt;
    text = made.payload;
  }
  const Json value = parse_tree<Json>(text);
  if (value.is_discarded()) return std::nullopt;
  if (!value.is_object() || string_of(value, "type") != "message") return made;
  const auto data = value.find("data");
  if (data == value.end() || !data->is_object()) return made;
  if (const auto id = data->find("id"); id != data->end() && !id->is_null())
    made.id = id->dump(-1, ' ', false, Json::error_handler_t::replace);
  return made;
}

}  // namespace livehub::profile
