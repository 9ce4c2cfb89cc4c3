#include "wire/json_gate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace livehub::wire {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct Accepted {
  std::string_view in, out;
};

// Several vectors on a line.
// clang-format off
const Accepted kAccepted[] = {
    // Any top-level value.
    {"null", "null"}, {"true", "true"}, {"false", "false"}, {"0", "0"}, {"\"\"", "\"\""},
    {"[]", "[]"}, {"{}", "{}"},
    // Numbers keep their spelling, whatever their size.
    {"-0", "-0"}, {"1", "1"}, {"-1", "-1"}, {"10", "10"}, {"0.0", "0.0"}, {"-0.0", "-0.0"},
    {"0.10", "0.10"}, {"1E+2", "1E+2"}, {"1e2", "1e2"}, {"1e-2", "1e-2"}, {"0e0", "0e0"},
    {"0e+00", "0e+00"}, {"1e00", "1e00"}, {"1e999", "1e999"}, {"-1e999", "-1e999"},
    {"1e-999", "1e-999"}, {"1e99999999999999999999", "1e99999999999999999999"},
    {"18446744073709551616", "18446744073709551616"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"},
    {"-9223372036854775809", "-9223372036854775809"}, {"1.5E-10", "1.5E-10"},
    // Strings: escapes as they were, everything else from 0x20 up.
    {R"("\"\\\/\b\f\n\r\t")", R"("\"\\\/\b\f\n\r\t")"}, {R"("\u0000")", R"("\u0000")"},
    {R"("\u00e9\u00E9")", R"("\u00e9\u00E9")"}, {R"("\ud83d\ude00")", R"("\ud83d\ude00")"},
    {R"("\ud800")", R"("\ud800")"}, {R"("\udc00")", R"("\udc00")"},
    {R"("\ude00\ud83d")", R"("\ude00\ud83d")"}, {R"("\uD800x")", R"("\uD800x")"},
    {R"("\u000a\u000D")", R"("\u000a\u000D")"}, {R"("\\u12")", R"("\\u12")"},
    {"\"\u2028\u2029\"", "\"\u2028\u2029\""}, {"\"\x7f\"", "\"\x7f\""},
    {"\"\u0080\u0085\u00a0\ufeff\"", "\"\u0080\u0085\u00a0\ufeff\""},
    {"\"\U0001f600 \u00e9\"", "\"\U0001f600 \u00e9\""}, {"\"\uffff\ufffd\"", "\"\uffff\ufffd\""},
    {"\" a  b \"", "\" a  b \""}, {"\"'\"", "\"'\""}, {"\"//\"", "\"//\""},
    {"\"[1,  2]\"", "\"[1,  2]\""}, {R"("\" , \" : ")", R"("\" , \" : ")"}, {R"("\\")", R"("\\")"},
    {R"("\\\\ ")", R"("\\\\ ")"}, {R"(["\\", "\""])", R"(["\\","\""])"},
    // White space, all four, everywhere between tokens.
    {" 1 ", "1"}, {"\t\n\r 1\t\n\r ", "1"}, {"\n\nnull\n", "null"}, {"[ ]", "[]"}, {"{ }", "{}"},
    {" [ 1 , 2 ] ", "[1,2]"}, {"[\r\n1\r\n,\r\n2\r\n]\r\n", "[1,2]"},
    {" { \"a\" : 1 , \"b\" : [ ] } ", R"({"a":1,"b":[]})"},
    {"{\n  \"a\": {\n    \"b\": \"c d\"\n  }\n}\n", R"({"a":{"b":"c d"}})"},
    {"[ \"  \" ]", "[\"  \"]"}, {"[1 ]", "[1]"}, {"[ 1]", "[1]"}, {"[true\n]", "[true]"},
    {"{\"a\"\n:1}", R"({"a":1})"}, {"{\"a\":\n1}", R"({"a":1})"}, {"{\"a\":1\n}", R"({"a":1})"},
    // Objects: duplicate and empty keys, any key.
    {R"({"a":1,"a":2})", R"({"a":1,"a":2})"}, {R"({"":0})", R"({"":0})"},
    {R"({"__proto__":{}})", R"({"__proto__":{}})"},
    {R"({"\u0061":1,"a":2})", R"({"\u0061":1,"a":2})"},
    {R"({"a":{},"b":[],"c":""})", R"({"a":{},"b":[],"c":""})"},
    {R"({"a":[{"b":[{}]}]})", R"({"a":[{"b":[{}]}]})"}, {"[[],[[]],{}]", "[[],[[]],{}]"},
    {"[null,true,false,0,\"\"]", "[null,true,false,0,\"\"]"}, {"[[[[[]]]]]", "[[[[[]]]]]"},
    {R"({"type":"presence","room":"r","ts":1})", R"({"type":"presence","room":"r","ts":1})"},
};
// clang-format on

struct Rejected {
  std::string_view in;
  size_t offset;
};

// Several vectors on a line.
// clang-format off
const Rejected kRejected[] = {
    // Nothing, or more than one value.
    {"", 0}, {" ", 1}, {"\n\t\r ", 4}, {"1 2", 2}, {"1,2", 1}, {"{}{}", 2}, {"[][]", 2},
    {"null null", 5}, {"\"a\"\"b\"", 3}, {"1\0"sv, 1}, {"\0"sv, 0}, {"{}x", 2}, {"[],", 2},
    // Other kinds of white space, a BOM.
    {"\xef\xbb\xbf{}", 0}, {"{}\xef\xbb\xbf", 2}, {"\x0b" "1", 0}, {"\x0c" "1", 0}, {"1\x0b", 1},
    {"\xc2\xa0" "1", 0}, {"[1,\xe2\x80\xa8" "2]", 3}, {"\xe3\x80\x80{}", 0}, {"1\x1a", 1},
    // Words.
    {"nul", 3}, {"nulL", 3}, {"NULL", 0}, {"Null", 0}, {"nullx", 4}, {"True", 0}, {"tru", 3},
    {"trve", 2}, {"fals", 4}, {"falsE", 4}, {"undefined", 0}, {"NaN", 0}, {"Infinity", 0},
    {"-Infinity", 1}, {"nan", 1}, {"n", 1}, {"[t]", 2}, {"[nul]", 4}, {"a", 0}, {"''", 0},
    {"'a'", 0}, {"`a`", 0}, {"None", 0}, {"(1)", 0}, {"true1", 4}, {"truefalse", 4},
    // Numbers.
    {"01", 1}, {"-01", 2}, {"00", 1}, {"+1", 0}, {".5", 0}, {"-.5", 1}, {"1.", 2}, {"1.e1", 2},
    {"1..2", 2}, {"1.2.3", 3}, {"1e", 2}, {"1e+", 3}, {"1e-", 3}, {"1e1.5", 3}, {"1ee1", 2},
    {"1e+-1", 3}, {"-", 1}, {"--1", 1}, {"- 1", 1}, {"1-", 1}, {"0x1", 1}, {"0b1", 1}, {"1_000", 1},
    {"1n", 1}, {"1f", 1}, {"0e", 2}, {"1 e1", 2}, {"1e 1", 2}, {"1.,", 2}, {"[1.]", 3}, {"[-]", 2},
    {"[01]", 2}, {"[1e]", 3}, {"\xd9\xa1", 0}, {"1,000", 1}, {"e1", 0}, {"-a", 1},
    // Strings.
    {"\"", 1}, {"\"a", 2}, {"\"a\n\"", 2}, {"\"\r\"", 1}, {"\"\t\"", 1}, {"\"\0\""sv, 1},
    {"\"\x1f\"", 1}, {"\"\x01\"", 1}, {"\"12345678\x1f\"", 9}, {"\"1234567\n12345678\"", 8},
    {R"("\)", 2}, {R"("\")", 3}, {R"("\x41")", 2}, {R"("\a")", 2}, {R"("\v")", 2}, {R"("\0")", 2},
    {R"("\'")", 2}, {"\"\\\n\"", 2}, {"\"\\\0\""sv, 2}, {R"("\U0041")", 2}, {R"("\N")", 2},
    {R"("\u")", 3}, {R"("\u1")", 4}, {R"("\u12")", 5}, {R"("\u123")", 6}, {R"("\u123g")", 6},
    {R"("\u 123")", 3}, {R"("\u{41}")", 3}, {R"("\u+123")", 3}, {R"("\u00)", 5}, {R"("\u)", 3},
    {"\"\\u00\0000\""sv, 5}, {"\"\\\xc3\xa9\"", 2}, {"\"a\"b\"", 3}, {"\"\"\"", 2},
    // Arrays.
    {"[", 1}, {"]", 0}, {"[1", 2}, {"[1,", 3}, {"[1,]", 3}, {"[,]", 1}, {"[,1]", 1}, {"[1,,2]", 3},
    {"[1 2]", 3}, {"[1:2]", 2}, {"[\"a\":1]", 4}, {"[}", 1}, {"[1}", 2}, {"[]]", 2}, {"[[]", 3},
    {"[1;2]", 2}, {"[1,2", 4}, {"[//\n1]", 1}, {"[/**/]", 1}, {"[#\n]", 1}, {"[...a]", 1},
    {"[(", 1},
    // Objects.
    {"{", 1}, {"}", 0}, {"{\"a\"", 4}, {"{\"a\":", 5}, {"{\"a\":1", 6}, {"{\"a\":1,", 7},
    {"{\"a\":1,}", 7}, {"{,}", 1}, {"{\"a\"}", 4}, {"{\"a\":}", 5}, {"{\"a\":,}", 5},
    {"{\"a\",1}", 4}, {"{\"a\" 1}", 5}, {"{\"a\"=1}", 4}, {"{\"a\"::1}", 5}, {"{\"a\":1:2}", 6},
    {"{a:1}", 1}, {"{'a':1}", 1}, {"{1:1}", 1}, {"{null:1}", 1}, {"{[]:1}", 1}, {"{{}:1}", 1},
    {"{\"a\":1]", 6}, {"{]", 1}, {"{\"a\":1 \"b\":2}", 7}, {"{\"a\":1,,\"b\":2}", 7},
    {"{\"a\":1;}", 6}, {"{}}", 2}, {"{\"a\":{}", 7}, {"{\"a\":[}", 6}, {"{\"a\":[}]", 6},
    {"{\"a", 3}, {"{\"a\":1,b:2}", 7}, {"{\"a\":1,1}", 7}, {"{\"a\":1}/**/", 7}, {"{\"a\":1}//", 7},
    {"[{]}", 2}, {"{\"a\":[1,{\"b\":]}", 13},
};
// clang-format on

TEST(JsonGate, AcceptsAndKeepsTheTokens) {
  static_assert(std::size(kAccepted) + std::size(kRejected) >= 150);
  for (const auto& [in, expected] : kAccepted) {
    std::string out = "left over";
    const JsonGateResult result = json_compact(in, out);
    EXPECT_TRUE(result.ok) << in << ": " << json_error_message(in, result);
    EXPECT_EQ(result.error, nullptr) << in;
    EXPECT_EQ(out, expected) << in;
    std::string again;
    EXPECT_TRUE(json_compact(out, again).ok) << in;
    EXPECT_EQ(again, out) << "compact text stays as it is";
  }
}

TEST(JsonGate, RejectsAtTheRightPlace) {
  for (const auto& [in, offset] : kRejected) {
    std::string out = "left over";
    const JsonGateResult result = json_compact(in, out);
    EXPECT_FALSE(result.ok) << in;
    EXPECT_EQ(result.error_offset, offset) << in;
    ASSERT_NE(result.error, nullptr) << in;
    EXPECT_EQ(out, "") << in;
    EXPECT_EQ(offset == in.size(), result.error == "Unexpected end of JSON input"sv) << in;
  }
}

// White space around any token changes nothing: accepted text gives the same output, rejected text
// stays rejected.
TEST(JsonGate, WhiteSpaceAroundAVectorChangesNothing) {
  for (const auto& [in, expected] : kAccepted) {
    std::string out;
    EXPECT_TRUE(
        json_compact("\r\n [\t" + std::string(in) + " ,\n" + std::string(in) + "]\t", out).ok)
        << in;
    EXPECT_EQ(out, "[" + std::string(expected) + "," + std::string(expected) + "]");
  }
  for (const auto& [in, offset] : kRejected) {
    std::string out;
    const JsonGateResult result = json_compact("\n \t\r" + std::string(in), out);
    EXPECT_FALSE(result.ok) << in;
    EXPECT_EQ(result.error_offset, offset + 4) << in;
  }
}

TEST(JsonGate, EveryPrefixOfADocumentEndsTooEarly) {
  const std::string document =
      "{ \"a\" : [ -1.5e+3 , true , false , null , \"x\\u00e9\\n\" ] , \"b\" : { } }";
  for (size_t bytes = 0; bytes < document.size(); ++bytes) {
    std::string out;
    const JsonGateResult result = json_compact(document.substr(0, bytes), out);
    EXPECT_FALSE(result.ok) << bytes;
    EXPECT_EQ(result.error_offset, bytes);
    EXPECT_STREQ(result.error, "Unexpected end of JSON input") << bytes;
  }
}

// Each byte value, alone and inside a string: the bulk scan and the byte scan agree.
TEST(JsonGate, EveryByteAtEveryPlaceOfAString) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const bool is_plain = byte >= 0x20 && byte != '"' && byte != '\\';
    for (size_t before = 0; before < 20; ++before) {
      for (const size_t after : {size_t{0}, size_t{3}, size_t{20}}) {
        std::string in = "\"" + std::string(before, '\xc3') + static_cast<char>(byte);
        in += std::string(after, 'x') + "\"";
        std::string out;
        const JsonGateResult result = json_compact(in, out);
        ASSERT_EQ(result.ok, is_plain) << byte << " after " << before;
        if (is_plain) {
          ASSERT_EQ(out, in);
        } else if (byte < 0x20) {
          ASSERT_EQ(result.error_offset, before + 1) << byte;
        }
      }
    }
  }
}

TEST(JsonGate, DepthIsLimitedToTheLevel) {
  for (const unsigned depth_max : {1u, 2u, 7u, 64u, 511u, kJsonDepthMax}) {
    std::string arrays = std::string(depth_max, '[') + std::string(depth_max, ']');
    std::string objects, out;
    for (unsigned i = 0; i < depth_max; ++i) objects += "{\"a\":";
    objects += "1" + std::string(depth_max, '}');
    EXPECT_TRUE(json_compact(arrays, out, depth_max).ok) << depth_max;
    EXPECT_EQ(out, arrays);
    EXPECT_TRUE(json_compact(objects, out, depth_max).ok) << depth_max;
    EXPECT_EQ(out, objects);
    for (const std::string& deeper :
         {"[" + arrays + "]", "[" + objects + "]", "{\"a\":" + arrays + "}"}) {
      const JsonGateResult result = json_compact(deeper, out, depth_max);
      EXPECT_FALSE(result.ok) << depth_max;
      EXPECT_STREQ(result.error, "Nesting is too deep");
    }
  }
  std::string out;
  EXPECT_TRUE(json_compact("1", out, 0).ok);
  EXPECT_FALSE(json_compact("[]", out, 0).ok);
}

TEST(JsonGate, DepthCountsWhatIsOpenNotWhatWas) {
  std::string wide = "[", out;
  for (int i = 0; i < 10'000; ++i) wide += "[{}],";
  wide += "0]";
  EXPECT_TRUE(json_compact(wide, out, 3).ok);
  EXPECT_FALSE(json_compact(wide, out, 2).ok);
}

TEST(JsonGate, HostileDepthIsRefusedQuickly) {
  std::string out;
  const JsonGateResult result = json_compact(std::string(1 << 20, '['), out);
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.error_offset, kJsonDepthMax);
}

TEST(JsonGateDeathTest, KnowsItsOwnLimit) {
  std::string out;
  EXPECT_DEATH((void)json_compact("1", out, kJsonDepthMax + 1), "kJsonDepthMax");
}

TEST(JsonGate, MessagesNameThePlace) {
  const auto message = [](std::string_view in) {
    std::string out;
    return json_error_message(in, json_compact(in, out));
  };
  EXPECT_EQ(message("{\"a\":x}"), "Unexpected token x at position 5 (line 1, column 6)");
  EXPECT_EQ(message("{\n  \"a\": 01\n}"), "Unexpected token 1 at position 10 (line 2, column 9)");
  EXPECT_EQ(message(""), "Unexpected end of JSON input at position 0 (line 1, column 1)");
  EXPECT_EQ(message("[1,\r\n"), "Unexpected end of JSON input at position 5 (line 2, column 1)");
  EXPECT_EQ(message("\"\u00e9\u00e9\" !"), "Unexpected token ! at position 7 (line 1, column 6)");
  EXPECT_EQ(message("{\"a\"\"b\"}"),
            "Unexpected token (byte 0x22) at position 4 (line 1, column 5)");
  EXPECT_EQ(message("\xef\xbb\xbf{}"),
            "Unexpected token (byte 0xef) at position 0 (line 1, column 1)");
  EXPECT_EQ(message("\"a\nb\""),
            "Bad control character in string literal (byte 0x0a) at position 2 (line 1, column 3)");
  EXPECT_EQ(message(R"("\q")"), "Bad escaped character q at position 2 (line 1, column 3)");
  EXPECT_EQ(message(R"("\u00x0")"), "Bad Unicode escape x at position 5 (line 1, column 6)");
  EXPECT_EQ(message("1"), "");
}

TEST(JsonGate, MessagesCanStandInAJsonString) {
  for (const auto& rejected : kRejected) {
    std::string out;
    const std::string text = json_error_message(rejected.in, json_compact(rejected.in, out));
    EXPECT_EQ(json_quote(text), "\"" + text + "\"");
    for (const char c : text) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << rejected.in;
  }
}

TEST(JsonQuote, EscapesWhatJsonWants) {
  EXPECT_EQ(json_quote(""), "\"\"");
  EXPECT_EQ(json_quote("plain 'text' / \u00e9\u2028\U0001f600\x7f"),
            "\"plain 'text' / \u00e9\u2028\U0001f600\x7f\"");
  EXPECT_EQ(json_quote("\"\\"), R"("\"\\")");
  EXPECT_EQ(json_quote("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(json_quote("\0\x01\x0b\x1f"sv), R"("\u0000\u0001\u000b\u001f")");
}

TEST(JsonQuote, ItsOutputPassesTheGateUnchanged) {
  std::string all;
  for (int byte = 0; byte < 0x80; ++byte) all += static_cast<char>(byte);
  std::string out;
  EXPECT_TRUE(json_compact(json_quote(all), out).ok);
  EXPECT_EQ(out, json_quote(all));
  EXPECT_EQ(out.find_first_of("\r\n\0"s), out.npos);
}

// Random documents, written compact and with white space by turns.
class Writer {
 public:
  explicit Writer(unsigned seed) : random_(seed) {}

  void document() { value(6); }
  size_t below(size_t bound) { return random_() % bound; }

  std::string compact, spaced;

 private:
  void token(std::string_view text) {
    compact += text;
    space();
    spaced += text;
    space();
  }
  void space() {
    for (size_t n = below(3); n > 0; --n) spaced += " \t\r\n"[below(4)];
  }
  void value(int depth) {
    static constexpr std::string_view kScalars[] = {"null",
                                                    "true",
                                                    "false",
                                                    "0",
                                                    "-0",
                                                    "1e999",
                                                    "1E+2",
                                                    "-12.50",
                                                    "\"\"",
                                                    "1e-7",
                                                    "\" \"",
                                                    "\"\\n\"",
                                                    "\"\\ud800\"",
                                                    "\"a\\\\\\\"b\"",
                                                    "\"\u2028 \u00e9\""};
    const size_t kind = below(depth > 0 ? 4 : 2);
    if (kind < 2) return token(kScalars[below(std::size(kScalars))]);
    const bool is_object = kind == 2;
    token(is_object ? "{" : "[");
    for (size_t left = below(5); left > 0; --left) {
      if (is_object) {
        token(below(2) == 0 ? "\"k\"" : "\"long key  : [ , ] with\\tspaces\"");
        token(":");
      }
      value(depth - 1);
      if (left > 1) token(",");
    }
    token(is_object ? "}" : "]");
  }

  std::mt19937 random_;
};

TEST(JsonGate, RandomDocumentsLoseTheirWhiteSpaceAndNothingElse) {
  std::string out;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    Writer writer(seed);
    writer.document();
    const JsonGateResult result = json_compact(writer.spaced, out);
    ASSERT_TRUE(result.ok) << "seed " << seed << ": " << json_error_message(writer.spaced, result);
    ASSERT_EQ(out, writer.compact) << "seed " << seed;
  }
}

// Whatever a mutation makes of a document: what is accepted is one line, no longer than before, and
// stays as it is the second time. Which mutations are accepted is compared with Node elsewhere.
TEST(JsonGate, MutatedDocumentsAreRefusedOrStaySafe) {
  int accepted = 0, refused = 0;
  std::string out, again;
  for (unsigned seed = 0; seed < 5000; ++seed) {
    Writer writer(seed);
    writer.document();
    std::string text = writer.spaced;
    for (size_t edits = 1 + writer.below(3); edits > 0 && !text.empty(); --edits) {
      const size_t at = writer.below(text.size());
      const size_t kind = writer.below(3);
      if (kind == 0)
        text.erase(at, 1 + writer.below(3));
      else if (kind == 1)
        text.insert(at, 1, "{}[]\",:\\01e.-+ \n\0tn"[writer.below(20)]);
      else
        text[at] = static_cast<char>(writer.below(128));
    }
    const JsonGateResult result = json_compact(text, out);
    ++(result.ok ? accepted : refused);
    if (result.ok) {
      ASSERT_LE(out.size(), text.size());
      ASSERT_EQ(out.find_first_of("\r\n\0"s), out.npos) << "seed " << seed;
      ASSERT_TRUE(json_compact(out, again).ok) << "seed " << seed;
      ASSERT_EQ(again, out) << "seed " << seed;
    } else {
      ASSERT_EQ(out, "");
      ASSERT_LE(result.error_offset, text.size());
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace livehub::wire
