// What chat clients, the web app's API and Redis say, into values, and what they are told, into
// JSON: everything of the contract that needs no connection. Pure; times are arguments.
// Tests: tests/unit/profile/chat_messages_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profile/iso_time.h"

namespace livehub::profile {

// A client's message.
struct ChatRequest {
  enum class Kind : uint8_t {
    kInvalid,     // no JSON, or null
    kUnknown,     // a type that there is not
    kIgnored,     // typing without a boolean
    kIncomplete,  // a message without content or role
    kPing,
    kTyping,
    kMessage,
    kAgentJoined,
  };
  Kind kind = Kind::kInvalid;
  bool is_typing = false;
  std::string content = {};
  std::string role = {};  // as sent
};
[[nodiscard]] ChatRequest parse_chat_request(std::string_view text);

// Whether a role claims nothing: the others need an authenticated user.
[[nodiscard]] bool is_plain_role(std::string_view role);
// Whether an id of a token may stand in a backend's path: not empty, "." or "..", at most 256
// bytes.
[[nodiscard]] bool is_chat_id(std::string_view id);

[[nodiscard]] std::string connected_frame(std::string_view chat_id, std::string_view time);
[[nodiscard]] std::string typing_frame(std::string_view user_id, bool is_typing,
                                       std::string_view time);
[[nodiscard]] std::string agent_joined_frame(std::string_view agent_id, std::string_view name,
                                             std::string_view time);
[[nodiscard]] std::string error_frame(std::string_view error, std::string_view message = {});

// --- the API (contract section 3.4) ---
[[nodiscard]] std::string save_request_body(std::string_view content, std::string_view role,
                                            std::string_view user_id);
struct SavedMessage {
  std::string id;     // its JSON text, to recognise repeats
  std::string frame;  // for the room
};
// Nothing, if the answer holds no message.
[[nodiscard]] std::optional<SavedMessage> saved_message(std::string_view answer,
                                                        std::string_view role,
                                                        std::string_view time);
// Name, else email, else "Agent"; nothing, if the answer is no JSON object.
[[nodiscard]] std::optional<std::string> agent_name(std::string_view answer);
// What the sender is told of an answer that is no success; long bodies are cut.
[[nodiscard]] std::string api_error_text(int status, std::string_view body,
                                         std::string_view problem);

// --- Redis (contract section 3.5) ---
struct RoomPayload {
  std::string id;       // of a `message`, as above; empty: nothing to recognise it by
  std::string payload;  // on one line; empty: as it came
};
// Nothing, if it is no JSON.
[[nodiscard]] std::optional<RoomPayload> room_payload(std::string_view text);

}  // namespace livehub::profile
