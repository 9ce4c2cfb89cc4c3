#include "wire/sse_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/sse.h"

namespace livehub::wire {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr size_t kPlenty = 1 << 20;

// What a parser found, each thing as text: "<type>|<id>|<data>", "retry <ms>", "comment<text>".
class Log : public SseListener {
 public:
  void on_event(std::string_view id, std::string_view type, std::string_view data) override {
    entries.push_back(std::string(type) + "|" + std::string(id) + "|" + std::string(data));
  }
  void on_retry(uint64_t ms) override { entries.push_back("retry " + std::to_string(ms)); }
  void on_comment(std::string_view text) override {
    entries.push_back("comment" + std::string(text));
  }
  std::vector<std::string> entries;
};

using Entries = std::vector<std::string>;

Entries parsed(const std::vector<std::string_view>& pieces) {
  Log log;
  SseParser parser(log, kPlenty);
  for (const std::string_view piece : pieces) EXPECT_TRUE(parser.feed(piece));
  return log.entries;
}

struct Vector {
  const char* name;
  std::string_view stream;
  Entries entries;
};

// WHATWG HTML 9.2.6, rule by rule; the first four are the standard's own examples.
const Vector kVectors[] = {
    {"example stocks", "data: YHOO\ndata: +2\ndata: 10\n\n"sv, {"message||YHOO\n+2\n10"}},
    {"example four blocks",
     ": test stream\n\ndata: first event\nid: 1\n\n"
     "data:second event\nid\n\ndata:  third event\n\n"sv,
     {"comment test stream", "message|1|first event", "message||second event",
      "message|| third event"}},
    {"example empty data", "data\n\ndata\ndata\n\ndata:"sv, {"message||", "message||\n"}},
    {"example space after colon",
     "data:test\n\ndata: test\n\n"sv,
     {"message||test", "message||test"}},
    {"LF", "data: a\n\n"sv, {"message||a"}},
    {"CR", "data: a\r\r"sv, {"message||a"}},
    {"CRLF", "data: a\r\n\r\n"sv, {"message||a"}},
    {"CR then LF lines", "data: a\rdata: b\n\r"sv, {"message||a\nb"}},
    {"LF CR is two line ends", "data: a\n\rdata: b\n\n"sv, {"message||a", "message||b"}},
    {"CRLF is one line end", "data: a\r\ndata: b\r\n\r\n"sv, {"message||a\nb"}},
    {"CR CRLF is two", "data: a\r\r\ndata: b\n\n"sv, {"message||a", "message||b"}},
    {"CRLF LF is two", "data: a\r\n\ndata: b\n\n"sv, {"message||a", "message||b"}},
    {"CR at the end, then LF", "data: a\n\r\n"sv, {"message||a"}},
    {"BOM is dropped",
     "\xef\xbb\xbf"
     "data: a\n\n"sv,
     {"message||a"}},
    {"only one BOM is dropped",
     "\xef\xbb\xbf\xef\xbb\xbf"
     "data: a\n\ndata: b\n\n"sv,
     {"message||b"}},
    {"BOM later is text",
     "data: a\n\n\xef\xbb\xbf"
     "data: b\n\ndata: \xef\xbb\xbf\n\n"sv,
     {"message||a", "message||\xef\xbb\xbf"}},
    {"half a BOM is text",
     "\xef\xbb"
     "data: a\n\ndata: b\n\n"sv,
     {"message||b"}},
    {"other byte after EF", "\xef\xbc\x81: a\n\ndata: b\n\n"sv, {"message||b"}},
    {"BOM alone", "\xef\xbb\xbf"sv, {}},
    {"nothing", ""sv, {}},
    {"last event without blank line", "data: a\n\ndata: b\n"sv, {"message||a"}},
    {"last line unfinished", "data: a\n\ndata: b"sv, {"message||a"}},
    {"last block lacks its last byte", "data: a\n"sv, {}},
    {"id stays for later events",
     "id: 5\ndata: a\n\ndata: b\n\n"sv,
     {"message|5|a", "message|5|b"}},
    {"empty id resets",
     "id: 5\ndata: a\n\nid\ndata: b\n\nid: 6\ndata: c\n\nid:\ndata: d\n\n"sv,
     {"message|5|a", "message||b", "message|6|c", "message||d"}},
    {"id without data fires nothing but counts", "id: 5\n\ndata: b\n\n"sv, {"message|5|b"}},
    {"id with NUL is ignored",
     "id: 5\ndata: a\n\nid: 6\0\ndata: b\n\n"sv,
     {"message|5|a", "message|5|b"}},
    {"id NUL alone is ignored", "id: 5\n\nid: \0\ndata: b\n\n"sv, {"message|5|b"}},
    {"the last id of a block wins", "id: 1\nid: 2\ndata: a\n\n"sv, {"message|2|a"}},
    {"id keeps inner colons", "id: 1:2: 3\ndata: a\n\n"sv, {"message|1:2: 3|a"}},
    {"unfinished id does not count", "id: 1\ndata: a\n\nid: 2\ndata: b"sv, {"message|1|a"}},
    {"NUL in data is kept", "data: a\0b\n\n"sv, {"message||a\0b"s}},
    {"event names the type",
     "event: add\ndata: 1\n\nevent: remove\ndata: 2\n\ndata: 3\n\n"sv,
     {"add||1", "remove||2", "message||3"}},
    {"event without data is forgotten", "event: add\n\ndata: 1\n\n"sv, {"message||1"}},
    {"empty event is message",
     "event: \ndata: 1\n\nevent\ndata: 2\n\n"sv,
     {"message||1", "message||2"}},
    {"the last event field wins", "event: a\nevent: b\ndata: 1\n\n"sv, {"b||1"}},
    {"a later empty event field wins", "event: a\nevent:\ndata: 1\n\n"sv, {"message||1"}},
    {"field order is free", "data: 1\nevent: e\nid: 7\n\n"sv, {"e|7|1"}},
    {"only one space is taken", "data:  a \n\n"sv, {"message|| a "}},
    {"a tab is not taken", "data:\ta\n\n"sv, {"message||\ta"}},
    {"colons in data", "data: a: b:c\n\n"sv, {"message||a: b:c"}},
    {"data of one space", "data:  \n\n"sv, {"message|| "}},
    {"data line without colon", "data\n\n"sv, {"message||"}},
    {"data line with colon only", "data:\n\n"sv, {"message||"}},
    {"empty lines in data", "data\ndata: a\ndata\n\n"sv, {"message||\na\n"}},
    {"comments",
     ":\n: a\n:b\ndata: x\n:c: d\n\n"sv,
     {"comment", "comment a", "commentb", "commentc: d", "message||x"}},
    {"comment inside a block does not end it",
     "data: a\n: c\ndata: b\n\n"sv,
     {"comment c", "message||a\nb"}},
    {"unknown fields", "foo: a\nDATA: b\n data: c\ndata : d\nbar\ndata: x\n\n"sv, {"message||x"}},
    {"field names are exact", "Data: a\nID: 1\nEvent: e\nRETRY: 5\ndatax: b\ndat: c\n\n"sv, {}},
    {"blank lines alone", "\n\n\r\r\r\n\r\n"sv, {}},
    {"retry", "retry: 1500\n"sv, {"retry 1500"}},
    {"retry takes effect at once", "retry: 5\nid: 1\n"sv, {"retry 5"}},
    {"retry 0 and leading zeros", "retry: 0\nretry:007\n"sv, {"retry 0", "retry 7"}},
    {"retry not only digits",
     "retry: 1 \nretry: -1\nretry: +1\nretry: 1.5\n"
     "retry: 1e3\nretry: 0x1\nretry:  1\nretry: 1s\n"sv,
     {}},
    {"retry other digits", "retry: \xd9\xa1\nretry: 1\0\n"sv, {}},
    {"retry empty", "retry\nretry:\nretry: \n"sv, {}},
    {"retry larger than 64 bits",
     "retry: 99999999999999999999999\n"sv,
     {"retry 18446744073709551615"}},
    {"utf-8 passes",
     "data: \xf0\x9f\x91\xbb \xe2\x80\xa8 \xc2\x85\n\n"sv,
     {"message||\xf0\x9f\x91\xbb \xe2\x80\xa8 \xc2\x85"}},
    {"form feed and VT do not end lines",
     "data: a\x0b\x0c"
     "b\n\n"sv,
     {"message||a\x0b\x0c"
      "b"}},
};

TEST(SseParser, FollowsTheStandardWhole) {
  for (const Vector& vector : kVectors)
    EXPECT_EQ(parsed({vector.stream}), vector.entries) << vector.name;
}

TEST(SseParser, FollowsTheStandardSplitAtEveryByte) {
  for (const Vector& vector : kVectors)
    for (size_t cut = 0; cut <= vector.stream.size(); ++cut)
      EXPECT_EQ(parsed({vector.stream.substr(0, cut), vector.stream.substr(cut)}), vector.entries)
          << vector.name << " cut at " << cut;
}

TEST(SseParser, FollowsTheStandardByteByByte) {
  for (const Vector& vector : kVectors) {
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < vector.stream.size(); ++i) {
      bytes.push_back(vector.stream.substr(i, 1));
      bytes.push_back({});
    }
    EXPECT_EQ(parsed(bytes), vector.entries) << vector.name;
  }
}

// The vectors one behind the other, each on a new connection of the same parser.
TEST(SseParser, ResetForgetsEverythingButTheLastEventId) {
  Log log;
  SseParser parser(log, kPlenty);
  for (const Vector& vector : kVectors) {
    parser.set_last_event_id("");
    parser.reset();
    log.entries.clear();
    EXPECT_TRUE(parser.feed(vector.stream));
    EXPECT_EQ(log.entries, vector.entries) << vector.name;
  }
}

TEST(SseParser, AnEventFiresAtItsCrAlready) {
  Log log;
  SseParser parser(log, kPlenty);
  EXPECT_TRUE(parser.feed("data: a\r\n\r"));
  EXPECT_EQ(log.entries, (Entries{"message||a"}));
  EXPECT_TRUE(parser.feed("\n"));
  EXPECT_TRUE(parser.feed("data: b\n\n"));
  EXPECT_EQ(log.entries, (Entries{"message||a", "message||b"}));
}

TEST(SseParser, TellsTheIdForAReconnect) {
  Log log;
  SseParser parser(log, kPlenty);
  EXPECT_EQ(parser.last_event_id(), "");
  EXPECT_TRUE(parser.feed("id: 1\ndata: a\n"));
  EXPECT_EQ(parser.last_event_id(), "") << "the block is not complete";
  EXPECT_TRUE(parser.feed("\nid: 2\n\n"));
  EXPECT_EQ(parser.last_event_id(), "2") << "a block without data counts";
  EXPECT_TRUE(parser.feed("id: 3\ndata: cut"));
  parser.reset();
  EXPECT_TRUE(parser.feed("data: b\n\n"));
  EXPECT_EQ(log.entries, (Entries{"message|1|a", "message|2|b"})) << "cut blocks leave no trace";
  parser.set_last_event_id("9");
  EXPECT_TRUE(parser.feed("data: c\n\n"));
  EXPECT_EQ(log.entries.back(), "message|9|c");
}

TEST(SseParser, StopsAtItsLimit) {
  const std::string streams[] = {
      std::string(1000, 'x'),                      // one endless line
      "data: " + std::string(1000, 'x') + "\n\n",  // one long line
      ":" + std::string(1000, 'x') + "\n",         // a long comment
      "event: " + std::string(90, 'x') + "\ndata: " + std::string(90, 'x') + "\n\n",
      "id: " + std::string(90, 'x') + "\ndata: " + std::string(90, 'x') + "\n\n",
      [] {
        std::string lines;  // many small ones
        for (int i = 0; i < 200; ++i) lines += "data\n";
        return lines;
      }()};
  for (const std::string& stream : streams) {
    for (size_t step : {size_t{1}, size_t{7}, stream.size()}) {
      Log log;
      SseParser parser(log, 100);
      bool ok = true;
      for (size_t at = 0; at < stream.size(); at += step)
        ok = parser.feed(std::string_view(stream).substr(at, step));
      EXPECT_FALSE(ok) << stream.substr(0, 20) << " by " << step;
      EXPECT_TRUE(log.entries.empty());
      EXPECT_FALSE(parser.feed("\n\ndata: a\n\n")) << "it stays stopped";
      EXPECT_TRUE(log.entries.empty());
      parser.reset();
      EXPECT_TRUE(parser.feed("data: a\n\n"));
      EXPECT_EQ(log.entries, (Entries{"message||a"}));
    }
  }
}

TEST(SseParser, TheLimitIsForOneEventNotForTheStream) {
  Log log;
  SseParser parser(log, 100);
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(parser.feed("id: 12345\nevent: e\ndata: 0123456789\n\n"));
  EXPECT_EQ(log.entries.size(), 1000u);
}

TEST(SseParser, ReadsWhatTheServerSends) {
  EXPECT_EQ(parsed({kSseConnected, sse_id_only("7"), kSsePing, "data: 1\n\n", sse_retry(2000)}),
            (Entries{"comment connected", "comment ping", "message|7|1", "retry 2000"}));
}

}  // namespace
}  // namespace livehub::wire
