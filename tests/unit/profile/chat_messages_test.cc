#include "profile/chat_messages.h"

#include <gtest/gtest.h>

namespace livehub::profile {
namespace {

using Kind = ChatRequest::Kind;

TEST(ChatMessages, KindsOfWhatClientsSend) {
  const std::pair<const char*, Kind> table[] = {
      {R"({"type":"ping"})", Kind::kPing},
      {R"({"type":"agent_joined","agentId":"x","agentName":"y"})", Kind::kAgentJoined},
      {R"({"type":"agent_joined"})", Kind::kAgentJoined},
      {R"({"type":"typing","isTyping":true})", Kind::kTyping},
      {R"({"type":"typing","isTyping":"true"})", Kind::kIgnored},
      {R"({"type":"typing","isTyping":1})", Kind::kIgnored},
      {R"({"type":"typing"})", Kind::kIgnored},
      {R"({"type":"message","content":"a","role":"USER"})", Kind::kMessage},
      {R"({"type":"message","content":"","role":"USER"})", Kind::kIncomplete},
      {R"({"type":"message","content":"a","role":""})", Kind::kIncomplete},
      {R"({"type":"message","content":"a"})", Kind::kIncomplete},
      {R"({"type":"message","content":7,"role":"USER"})", Kind::kIncomplete},
      {R"({"type":"message"})", Kind::kIncomplete},
      {R"({"type":"join"})", Kind::kUnknown},
      {R"({"type":7})", Kind::kUnknown},
      {R"({})", Kind::kUnknown},
      {R"([])", Kind::kUnknown},
      {R"("message")", Kind::kUnknown},
      {R"(1)", Kind::kUnknown},
      {R"(null)", Kind::kInvalid},
      {R"()", Kind::kInvalid},
      {R"({)", Kind::kInvalid},
      {R"({"type":"ping"}x)", Kind::kInvalid},
      {"{\"type\":\"\xff\"}", Kind::kInvalid},
  };
  for (const auto& [text, kind] : table)
    EXPECT_EQ(static_cast<int>(parse_chat_request(text).kind), static_cast<int>(kind)) << text;
  EXPECT_TRUE(parse_chat_request(R"({"type":"typing","isTyping":true})").is_typing);
  EXPECT_FALSE(parse_chat_request(R"({"type":"typing","isTyping":false})").is_typing);
  // As JSON.parse: the last of two wins.
  const ChatRequest twice =
      parse_chat_request(R"({"type":"message","content":"a","role":"AGENT","role":"USER"})");
  EXPECT_EQ(twice.role, "USER");
}

TEST(ChatMessages, HalfAnEmojiIsNoError) {
  const ChatRequest half =
      parse_chat_request(R"({"type":"message","role":"USER","content":"a\ud83d b\ude00 \\ud83d"})");
  EXPECT_EQ(half.content, "a\xef\xbf\xbd b\xef\xbf\xbd \\ud83d");
  const ChatRequest whole =
      parse_chat_request(R"({"type":"message","role":"USER","content":"\ud83d\ude00\ud83d"})");
  EXPECT_EQ(whole.content, "\xf0\x9f\x98\x80\xef\xbf\xbd");
  EXPECT_TRUE(room_payload(R"({"type":"message","data":{"id":"1","content":"\ud83d"}})"));
}

TEST(ChatMessages, OnlyUsersSpeakWithoutProof) {
  EXPECT_TRUE(is_plain_role("USER"));
  EXPECT_TRUE(is_plain_role("user"));
  for (const char* role : {"AGENT", "ASSISTANT", "agent", "SYSTEM", "", " USER"})
    EXPECT_FALSE(is_plain_role(role)) << role;
}

TEST(ChatMessages, IdsThatMayStandInAPath) {
  for (const char* id : {"a", "anon_17_x", "...", "a/b", "..a", "\xc3\xa9"})
    EXPECT_TRUE(is_chat_id(id)) << id;
  for (const char* id : {"", ".", ".."}) EXPECT_FALSE(is_chat_id(id)) << id;
  EXPECT_TRUE(is_chat_id(std::string(256, 'x')));
  EXPECT_FALSE(is_chat_id(std::string(257, 'x')));
}

TEST(ChatMessages, TimesAreWhatToIsoStringSays) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(iso_time(1'709'251'199'999), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(iso_time(1'735'689'599'001), "2024-12-31T23:59:59.001Z");
  EXPECT_EQ(iso_time(4'107'542'400'000), "2100-03-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59.999Z");
}

TEST(ChatMessages, Frames) {
  EXPECT_EQ(connected_frame("c\"1", "T"),
            R"({"type":"connected","chatId":"c\"1","timestamp":"T"})");
  EXPECT_EQ(typing_frame("u", true, "T"),
            R"({"type":"typing","data":{"userId":"u","isTyping":true},"timestamp":"T"})");
  EXPECT_EQ(agent_joined_frame("u", "Ann", "T"),
            R"({"type":"agent_joined","data":{"agentId":"u","agentName":"Ann","timestamp":"T"},)"
            R"("timestamp":"T"})");
  EXPECT_EQ(error_frame("E"), R"({"type":"error","error":"E"})");
  EXPECT_EQ(error_frame("E", "line\nend\xff"),
            "{\"type\":\"error\",\"error\":\"E\",\"message\":\"line\\nend\xef\xbf\xbd\"}");
}

TEST(ChatMessages, TheApiIsAskedAndAnswers) {
  EXPECT_EQ(save_request_body("hi\n", "USER", "u"),
            R"({"content":"hi\n","role":"USER","userId":"u"})");
  const auto saved = saved_message(
      R"({"success":true,"message":{"id":"m1","content":"hi","role":"USER","createdAt":"C",)"
      R"("sender":{"id":"u","name":"Ann","avatar":null,"x":1.50},"more":1}})",
      "USER", "T");
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->id, "\"m1\"");
  EXPECT_EQ(saved->frame,
            R"({"type":"message","data":{"id":"m1","content":"hi","role":"user","timestamp":"C",)"
            R"("sender":{"id":"u","name":"Ann","avatar":null,"x":1.5}},"timestamp":"T"})");
  const auto sparse = saved_message(R"({"message":{"id":7}})", "AGENT", "T");
  ASSERT_TRUE(sparse);
  EXPECT_EQ(sparse->frame, R"({"type":"message","data":{"id":7,"role":"agent"},"timestamp":"T"})");
  for (const char* bad : {"", "x", "[]", "{}", R"({"message":null})", R"({"message":{}})",
                          R"({"message":{"id":null}})"})
    EXPECT_FALSE(saved_message(bad, "USER", "T")) << bad;
}

TEST(ChatMessages, NamesOfAgents) {
  EXPECT_EQ(agent_name(R"({"id":"u","name":"Ann","email":"e"})"), "Ann");
  EXPECT_EQ(agent_name(R"({"id":"u","name":"","email":"e"})"), "e");
  EXPECT_EQ(agent_name(R"({"id":"u","name":null,"email":"e"})"), "e");
  EXPECT_EQ(agent_name(R"({"id":"u"})"), "Agent");
  EXPECT_EQ(agent_name("oops"), std::nullopt);
}

TEST(ChatMessages, WhatTheSenderIsToldOfAnError) {
  EXPECT_EQ(api_error_text(404, "{\"error\":\"x\"}", ""), "API error: 404 - {\"error\":\"x\"}");
  EXPECT_EQ(api_error_text(500, "", ""), "API error: 500 - ");
  EXPECT_EQ(api_error_text(0, "", "Timeout was reached"),
            "API error: no answer - Timeout was reached");
  EXPECT_LT(api_error_text(500, std::string(1 << 20, 'x'), "").size(), 5000u);
}

TEST(ChatMessages, WhatComesThroughRedis) {
  const auto message = room_payload(R"({"type":"message","data":{"id":"m1"}})");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, "\"m1\"");
  EXPECT_EQ(message->payload, "");
  // The same id again is no repeat of another type.
  EXPECT_EQ(room_payload(R"({"type":"message_updated","data":{"id":"m1"}})")->id, "");
  EXPECT_EQ(room_payload(R"({"type":"new","x":1})")->id, "");
  EXPECT_EQ(room_payload(R"({"type":"message"})")->id, "");
  EXPECT_EQ(room_payload(R"([1])")->id, "");
  EXPECT_EQ(room_payload("{\n  \"type\": \"message\",\r\n  \"data\": {\"id\": 2}\n}")->payload,
            R"({"type":"message","data":{"id":2}})");
  EXPECT_EQ(room_payload("{\"a\":\n1.50}")->payload, "{\"a\":1.50}");
  for (const char* bad : {"", "x", "{", "{\n", "\xff"}) EXPECT_FALSE(room_payload(bad)) << bad;
}

}  // namespace
}  // namespace livehub::profile
