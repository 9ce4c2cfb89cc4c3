#include "tool/printer.h"

#include <gtest/gtest.h>

namespace livehub::tool {
namespace {

TEST(Printer, JsonStaysJson) {
  EXPECT_EQ(message_json({"7", "", R"({"a": 1e999})"}), R"({"id":"7","data":{"a":1e999}})");
  EXPECT_EQ(message_json({"", "gap", "{}"}), R"({"event":"gap","data":{}})");
  EXPECT_EQ(message_json({"", "", "12"}), R"({"data":12})");
}

TEST(Printer, OtherTextBecomesAString) {
  EXPECT_EQ(message_json({"", "", "not \"json\""}), R"({"data":"not \"json\""})");
  EXPECT_EQ(message_json({"", "", "\xff"}), "{\"data\":\"\xef\xbf\xbd\"}");
  EXPECT_EQ(message_json({"", "", "a\nb"}), R"({"data":"a\nb"})");
}

TEST(Printer, ATerminalGetsNoControlCharacters) {
  EXPECT_EQ(message_text({"", "", "\x1b[2J\x07"}, true), "?[2J?");
  EXPECT_EQ(message_text({"", "", "\x1b[2J"}, false), "\x1b[2J");
  EXPECT_EQ(message_text({"", "tick", "x"}, false), "[tick] x");
}

}  // namespace
}  // namespace livehub::tool
