// What profile `chat` reads: its clients' messages, the API's answers, Redis' payloads. What
// JSON.parse would refuse is refused, what it takes is taken (the gate is the reference, down to
// its depth); whatever goes out is one JSON text on one line.
#include <string>

#include "fuzz.h"
#include "profile/chat_messages.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

constexpr std::string_view kTime = "2026-11-20T12:34:56.789Z";

void must_be_frame(std::string_view text) {
  std::string compact;
  MUST(wire::utf8_valid(text), "what goes out is UTF-8");
  MUST(wire::json_compact(text, compact).ok, "what goes out is JSON");
  MUST(text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos, "what goes out is one line");
}

void check_request(std::string_view input) {
  using Kind = ChatRequest::Kind;
  const ChatRequest request = parse_chat_request(input);
  std::string compact;
  const bool is_json = wire::utf8_valid(input) && wire::json_compact(input, compact).ok;
  MUST((request.kind == Kind::kInvalid) == (!is_json || compact == "null"),
       "a message is refused as no JSON where JSON.parse refuses it, and only there");
  if (request.kind != Kind::kMessage) return;
  MUST(!request.content.empty() && !request.role.empty(), "a message has content and role");
  MUST(wire::utf8_valid(request.content), "its content is UTF-8");
  must_be_frame(save_request_body(request.content, request.role, "u1"));
}

void check_payload(std::string_view input) {
  const std::optional<RoomPayload> made = room_payload(input);
  std::string compact;
  if (wire::utf8_valid(input))
    MUST(made.has_value() == wire::json_compact(input, compact).ok, "a payload is JSON or dropped");
  if (!made) return;
  must_be_frame(made->payload.empty() ? input : std::string_view(made->payload));
  if (!made->id.empty()) must_be_frame(made->id);
}

FUZZ_TARGET(chat) {
  check_request(input);
  check_payload(input);
  if (const auto saved = saved_message(input, "USER", kTime)) {
    must_be_frame(saved->frame);
    must_be_frame(saved->id);
  }
  fuzz::Input parts(input);
  const std::string_view first = parts.until('|');
  const std::string_view second = parts.rest();
  if (const auto name = agent_name(input)) must_be_frame(agent_joined_frame(first, *name, kTime));
  must_be_frame(connected_frame(first, kTime));
  must_be_frame(typing_frame(first, true, kTime));
  must_be_frame(error_frame(first, second));
  must_be_frame(error_frame("x", api_error_text(500, second, first)));
  MUST(!is_plain_role(first) || (first.size() == 4 && (first[0] | 0x20) == 'u'),
       "one role is free");
  if (is_chat_id(first)) MUST(first.size() <= 256 && !first.empty() && first != "..", "an id");
}

}  // namespace
}  // namespace livehub::profile
