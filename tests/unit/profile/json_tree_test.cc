#include "profile/json_tree.h"

#include <gtest/gtest.h>

#include <string>

#include "profile/chat_messages.h"
#include "profile/drop_events.h"

namespace livehub::profile {
namespace {

using Json = nlohmann::json;

TEST(JsonTree, TakesWhatJsonParseTakes) {
  EXPECT_EQ(tree_text(" { \"a\" : [1, -2.5e3] }\n"), R"({"a":[1,-2.5e3]})");
  EXPECT_EQ(tree_text(R"(["\ud83d\ude00","\ud83d","\ude00x","\\ud83d","\u0041"])"),
            R"(["\ud83d\ude00","\ufffd","\ufffdx","\\ud83d","\u0041"])");
  EXPECT_EQ(tree_text("[1e999,-1e999,1e-999,0]"), "[null,null,1e-999,0]");
  EXPECT_EQ(tree_text("-1e999"), "0");
  EXPECT_EQ(parse_chat_request("1e999").kind, ChatRequest::Kind::kUnknown);
  EXPECT_EQ(tree_text(R"(["1e999","\"-1e999"])"), R"(["1e999","\"-1e999"])");
  EXPECT_EQ(parse_tree<Json>(R"({"a":"\ud83d","b":1e999})").dump(),
            "{\"a\":\"\xef\xbf\xbd\",\"b\":null}");
}

TEST(JsonTree, RefusesWhatJsonParseRefuses) {
  using namespace std::string_literals;
  for (const std::string& text :
       {""s, "{"s, "\xef\xbb\xbf{}"s, "{}\0"s, "{}\0x"s, "\"\xff\""s, "01"s}) {
    EXPECT_FALSE(tree_text(text)) << text;
    EXPECT_TRUE(parse_tree<Json>(text).is_discarded()) << text;
  }
}

// Each of these went down as deep as the text said, until the stack was used up.
TEST(JsonTree, ADeepTextIsRefusedAndNotFollowed) {
  constexpr size_t kDeep = 200'000;
  const std::string value = std::string(kDeep, '[') + std::string(kDeep, ']');
  EXPECT_FALSE(tree_text(value));
  EXPECT_FALSE(saved_message("{\"message\":{\"id\":" + value + "}}", "USER", ""));
  EXPECT_FALSE(room_payload("{\"type\":\"message\",\"data\":{\"id\":" + value + "}}"));
  EXPECT_FALSE(connected_event("d", "{\"phase\":" + value + "}", 0));
  EXPECT_FALSE(user_event("{\"status\":" + value + "}"));
  EXPECT_FALSE(queue_event("t", "{\"status\":\"ready\",\"position\":" + value + "}"));
  EXPECT_FALSE(listed_drop("d", "{\"phase\":\"lottery\",\"x\":" + value + "}"));
}

TEST(JsonTree, IsWhatTheProfilesReadWith) {
  using namespace std::string_literals;
  using Kind = ChatRequest::Kind;
  EXPECT_EQ(parse_chat_request("{\"type\":\"ping\"}\0more"s).kind, Kind::kInvalid);
  EXPECT_EQ(parse_chat_request("\xef\xbb\xbf{\"type\":\"ping\"}").kind, Kind::kInvalid);
  EXPECT_EQ(parse_chat_request(R"({"type":"ping","n":1e999})").kind, Kind::kPing);
  EXPECT_TRUE(is_drop_state(R"({"a":"\ud83d","b":1e999})"));
  EXPECT_FALSE(is_drop_state("{\"a\":1}\0"s));
  EXPECT_TRUE(drop_event("queue.a.b", R"({"type":"x","name":"\ud83d"})"));
}

}  // namespace
}  // namespace livehub::profile
