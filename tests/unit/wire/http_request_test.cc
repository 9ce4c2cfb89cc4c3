// What the parser says about one request. What it makes of bytes in general: http_vectors_test.cc.
#include "wire/http_request.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::wire {
namespace {

using Event = HttpRequestParser::Event;

// Feeds all of it up to the head, which must be there.
void read_head(HttpRequestParser& parser, std::string_view input) {
  const HttpRequestParser::Step step = parser.next(input);
  ASSERT_EQ(step.event, Event::kHead) << step.detail;
  ASSERT_EQ(step.consumed, input.size());
}

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST(HttpStatus, OfEachError) {
  EXPECT_EQ(http_status(HttpError::kNone), 200);
  EXPECT_EQ(http_status(HttpError::kBadRequest), 400);
  EXPECT_EQ(http_status(HttpError::kTargetTooLong), 414);
  EXPECT_EQ(http_status(HttpError::kHeadTooLarge), 431);
  EXPECT_EQ(http_status(HttpError::kBodyTooLarge), 413);
  EXPECT_EQ(http_status(HttpError::kUnsupportedVersion), 505);
  EXPECT_EQ(http_status(HttpError::kExpectationFailed), 417);
}

TEST(HttpHead, PartsOfTheRequestLine) {
  HttpRequestParser parser;
  read_head(parser, "GET /a%20b/c?x=1&y=/?z HTTP/1.1\r\nHost: example.org:8080\r\n\r\n");
  const HttpHead& head = parser.head();
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/a%20b/c?x=1&y=/?z");
  EXPECT_EQ(head.path, "/a%20b/c");
  EXPECT_EQ(head.query, "x=1&y=/?z");
  EXPECT_EQ(head.host, "example.org:8080");
  EXPECT_EQ(head.version_minor, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.has_body);
  EXPECT_FALSE(head.chunked);
  EXPECT_FALSE(head.content_length.has_value());
  EXPECT_FALSE(head.expect_continue);
  EXPECT_FALSE(head.upgrade_requested);
}

TEST(HttpHead, QueryThatIsEmpty) {
  HttpRequestParser parser;
  read_head(parser, "GET /a? HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(parser.head().path, "/a");
  EXPECT_EQ(parser.head().query, "");
}

TEST(HttpHead, AbsoluteTargetOverridesHost) {
  HttpRequestParser parser;
  read_head(parser, "GET http://real:81/a?b HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(parser.head().target, "http://real:81/a?b");
  EXPECT_EQ(parser.head().host, "real:81");
  EXPECT_EQ(parser.head().path, "/a");
  EXPECT_EQ(parser.head().query, "b");
  EXPECT_EQ(parser.head().header("Host"), "other");
}

TEST(HttpHead, AbsoluteTargetWithoutAPath) {
  HttpRequestParser parser;
  read_head(parser, "GET https://[::1]?q HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(parser.head().host, "[::1]");
  EXPECT_EQ(parser.head().path, "/");
  EXPECT_EQ(parser.head().query, "q");
}

TEST(HttpHead, FieldsInOrderTrimmedAndInAnyCase) {
  HttpRequestParser parser;
  read_head(parser,
            get("X-One: \t1 \t\r\nEmpty:\r\nBlank:  \r\nx-one: 2\r\nConnection:  a , b \r\n"));
  const HttpHead& head = parser.head();
  ASSERT_EQ(head.headers.size(), 6u);
  EXPECT_EQ(head.headers[0].name, "Host");
  EXPECT_EQ(head.headers[1].name, "X-One");
  EXPECT_EQ(head.headers[1].value, "1");
  EXPECT_EQ(head.headers[4].value, "2");
  EXPECT_EQ(head.headers[5].value, "a , b");
  EXPECT_EQ(head.header("X-ONE"), "1");
  EXPECT_EQ(head.header("empty"), "");
  EXPECT_EQ(head.header("blank"), "");
  EXPECT_EQ(head.header("X-On"), std::nullopt);
  EXPECT_EQ(head.header_count("x-ONE"), 2u);
  EXPECT_EQ(head.header_count("none"), 0u);
  EXPECT_EQ(head.header_values("x-ONE"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_TRUE(head.header_values("none").empty());
}

TEST(HttpHead, ListsOverSeveralFields) {
  HttpRequestParser parser;
  read_head(parser, get("Accept: a, ,B;q=1\r\nAccept:c\r\n"));
  EXPECT_TRUE(parser.head().header_lists("accept", "A"));
  EXPECT_TRUE(parser.head().header_lists("accept", "b;Q=1"));
  EXPECT_TRUE(parser.head().header_lists("accept", "c"));
  EXPECT_FALSE(parser.head().header_lists("accept", "b"));
  EXPECT_FALSE(parser.head().header_lists("accept", ""));
  EXPECT_FALSE(parser.head().header_lists("other", "a"));
}

TEST(HttpHead, ViewsSurviveAMove) {
  HttpRequestParser parser;
  read_head(parser, "GET /long/enough/for/no/small/buffer?q HTTP/1.1\r\nHost: a\r\nX: yz\r\n\r\n");
  HttpRequestParser moved_parser = std::move(parser);
  EXPECT_EQ(moved_parser.head().path, "/long/enough/for/no/small/buffer");
  std::optional<HttpRequestParser> other(std::move(moved_parser));
  EXPECT_EQ(other->head().header("x"), "yz");
  EXPECT_EQ(other->head().method, "GET");
}

TEST(HttpHead, KeepAliveByVersionAndConnection) {
  struct Case {
    const char* version;
    const char* fields;
    bool keep_alive;
  };
  for (const Case& c : {Case{"1.1", "", true}, Case{"1.1", "Connection: close\r\n", false},
                        Case{"1.0", "", false}, Case{"1.0", "Connection: keep-alive\r\n", true},
                        Case{"1.0", "Connection: keep-alive, close\r\n", false}}) {
    HttpRequestParser parser;
    read_head(parser,
              "GET / HTTP/" + std::string(c.version) + "\r\nHost: a\r\n" + c.fields + "\r\n");
    EXPECT_EQ(parser.head().keep_alive, c.keep_alive) << c.version << c.fields;
    EXPECT_EQ(parser.head().version_minor, c.version[2] - '0');
  }
}

TEST(HttpHead, ExpectContinueOnlyWithABody) {
  HttpRequestParser with_body;
  read_head(with_body, get("Expect: 100-continue\r\nContent-Length: 1\r\n"));
  EXPECT_TRUE(with_body.head().expect_continue);
  HttpRequestParser without;
  read_head(without, get("Expect: 100-continue\r\n"));
  EXPECT_FALSE(without.head().expect_continue);
  HttpRequestParser old;
  read_head(old, "GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_FALSE(old.head().expect_continue);
}

TEST(HttpHead, BodyAnnounced) {
  HttpRequestParser sized;
  read_head(sized, get("Content-Length: 7\r\n"));
  EXPECT_EQ(sized.head().content_length, 7u);
  EXPECT_TRUE(sized.head().has_body);
  EXPECT_FALSE(sized.head().chunked);
  HttpRequestParser empty;
  read_head(empty, get("Content-Length: 0\r\n"));
  EXPECT_EQ(empty.head().content_length, 0u);
  EXPECT_FALSE(empty.head().has_body);
  HttpRequestParser chunked;
  read_head(chunked, get("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(chunked.head().content_length, std::nullopt);
  EXPECT_TRUE(chunked.head().has_body);
  EXPECT_TRUE(chunked.head().chunked);
}

TEST(HttpHead, LargestContentLength) {
  HttpRequestParser parser;
  read_head(parser, get("Content-Length: 999999999999999999\r\n"));
  EXPECT_EQ(parser.head().content_length, 999999999999999999u);
  EXPECT_EQ(parser.next("abc").body, "abc");
  EXPECT_EQ(parser.next("").event, Event::kNeedMore);
}

TEST(HttpRequestParser, EventsOfARequestWithoutABody) {
  HttpRequestParser parser;
  const std::string head = get("");
  const HttpRequestParser::Step first = parser.next(head + "GET");
  EXPECT_EQ(first.event, Event::kHead);
  EXPECT_EQ(first.consumed, head.size());
  const HttpRequestParser::Step second = parser.next("GET");
  EXPECT_EQ(second.event, Event::kComplete);
  EXPECT_EQ(second.consumed, 0u);
}

TEST(HttpRequestParser, CompletesWithNoMoreInput) {
  HttpRequestParser parser;
  read_head(parser, get(""));
  EXPECT_EQ(parser.next("").event, Event::kComplete);
}

TEST(HttpRequestParser, BodyIsAViewIntoTheInput) {
  HttpRequestParser parser;
  read_head(parser, get("Content-Length: 5\r\n"));
  const std::string input = "abcdeGET";
  const HttpRequestParser::Step step = parser.next(input);
  EXPECT_EQ(step.event, Event::kBody);
  EXPECT_EQ(step.consumed, 5u);
  EXPECT_EQ(step.body.data(), input.data());
  EXPECT_EQ(step.body.size(), 5u);
  EXPECT_EQ(parser.next("GET").event, Event::kComplete);
}

TEST(HttpRequestParser, OneChunkAtATime) {
  HttpRequestParser parser;
  read_head(parser, get("Transfer-Encoding: chunked\r\n"));
  std::string_view input = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET";
  std::vector<std::string_view> bodies;
  HttpRequestParser::Step step;
  while ((step = parser.next(input)).event == Event::kBody) {
    bodies.push_back(step.body);
    input.remove_prefix(step.consumed);
  }
  EXPECT_EQ(step.event, Event::kComplete);
  EXPECT_EQ(input.substr(step.consumed), "GET");
  EXPECT_EQ(bodies, (std::vector<std::string_view>{"abc", "de"}));
}

TEST(HttpRequestParser, MayBeMovedWithinABody) {
  HttpRequestParser parser;
  read_head(parser, get("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(parser.next("6\r\nabc").body, "abc");
  HttpRequestParser moved = std::move(parser);
  EXPECT_EQ(moved.next("def").body, "def");
  EXPECT_EQ(moved.next("\r\n0\r\n\r\n").event, Event::kComplete);
}

TEST(HttpRequestParser, CompleteAndErrorRepeat) {
  HttpRequestParser good;
  read_head(good, get(""));
  for (int i = 0; i < 3; ++i) {
    const HttpRequestParser::Step step = good.next("x y");
    EXPECT_EQ(step.event, Event::kComplete);
    EXPECT_EQ(step.consumed, 0u);
  }
  HttpRequestParser bad;
  EXPECT_EQ(bad.next("G\tT").event, Event::kError);
  for (int i = 0; i < 3; ++i) {
    const HttpRequestParser::Step step = bad.next(get(""));
    EXPECT_EQ(step.event, Event::kError);
    EXPECT_EQ(step.error, HttpError::kBadRequest);
    EXPECT_FALSE(step.detail.empty());
    EXPECT_EQ(step.consumed, 0u);
  }
}

TEST(HttpRequestParser, HeadStartsAfterTheEmptyLines) {
  HttpRequestParser parser;
  EXPECT_FALSE(parser.in_head_started());
  EXPECT_EQ(parser.next("\r\n").event, Event::kNeedMore);
  EXPECT_FALSE(parser.in_head_started());
  EXPECT_EQ(parser.buffered_bytes(), 0u);
  EXPECT_EQ(parser.next("GE").consumed, 2u);
  EXPECT_TRUE(parser.in_head_started());
  EXPECT_EQ(parser.buffered_bytes(), 2u);
}

TEST(HttpRequestParser, KeepsNothingOfABody) {
  HttpRequestParser parser;
  const std::string head = get("Content-Length: 100000\r\n");
  read_head(parser, head);
  EXPECT_EQ(parser.next(std::string(50000, 'a')).consumed, 50000u);
  EXPECT_EQ(parser.buffered_bytes(), head.size());
}

TEST(HttpRequestParser, ResetStartsAnewWithTheSameLimits) {
  HttpRequestParser parser({.target_bytes_max = 4});
  read_head(parser, "GET /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  parser.set_body_limit(3);
  EXPECT_EQ(parser.next("x").error, HttpError::kBodyTooLarge);
  parser.reset();
  EXPECT_FALSE(parser.in_head_started());
  EXPECT_EQ(parser.buffered_bytes(), 0u);
  read_head(parser, "GET /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(parser.head().headers.size(), 2u);
  EXPECT_EQ(parser.next("123456789").body, "123456789");  // the body limit was that request's
  parser.reset();
  EXPECT_EQ(parser.next("GET /abcd HTTP/1.1\r\n").error, HttpError::kTargetTooLong);
}

TEST(HttpBodyLimit, ContentLengthIsRefusedBeforeTheBody) {
  HttpRequestParser parser;
  read_head(parser, get("Content-Length: 6\r\n"));
  parser.set_body_limit(5);
  const HttpRequestParser::Step step = parser.next("");
  EXPECT_EQ(step.event, Event::kError);
  EXPECT_EQ(step.error, HttpError::kBodyTooLarge);
  EXPECT_EQ(step.consumed, 0u);
}

TEST(HttpBodyLimit, ExactlyFullIsAllowed) {
  HttpRequestParser sized;
  read_head(sized, get("Content-Length: 5\r\n"));
  sized.set_body_limit(5);
  EXPECT_EQ(sized.next("abcde").body, "abcde");
  EXPECT_EQ(sized.next("").event, Event::kComplete);
  HttpRequestParser chunked;
  read_head(chunked, get("Transfer-Encoding: chunked\r\n"));
  chunked.set_body_limit(5);
  EXPECT_EQ(chunked.next("5\r\nabcde").body, "abcde");
  EXPECT_EQ(chunked.next("\r\n0\r\n\r\n").event, Event::kComplete);
}

TEST(HttpBodyLimit, ChunkedIsRefusedWhenItGrowsPast) {
  HttpRequestParser parser;
  read_head(parser, get("Transfer-Encoding: chunked\r\n"));
  parser.set_body_limit(5);
  EXPECT_EQ(parser.next("3\r\nabc").body, "abc");
  EXPECT_EQ(parser.next("\r\n3\r").event, Event::kNeedMore);
  EXPECT_EQ(parser.next("\n").error, HttpError::kBodyTooLarge);
}

TEST(HttpBodyLimit, OfZero) {
  HttpRequestParser none;
  read_head(none, get(""));
  none.set_body_limit(0);
  EXPECT_EQ(none.next("").event, Event::kComplete);
  HttpRequestParser some;
  read_head(some, get("Transfer-Encoding: chunked\r\n"));
  some.set_body_limit(0);
  EXPECT_EQ(some.next("1\r\n").error, HttpError::kBodyTooLarge);
}

TEST(HttpUpgrade, EndsWithTheHead) {
  HttpRequestParser parser;
  const std::string head = get("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  const HttpRequestParser::Step step = parser.next(head + "\x81\x80");
  EXPECT_EQ(step.event, Event::kHead);
  EXPECT_EQ(step.consumed, head.size());
  EXPECT_TRUE(parser.head().upgrade_requested);
  EXPECT_EQ(parser.next("\x81\x80").event, Event::kComplete);
  EXPECT_EQ(parser.next("\x81\x80").consumed, 0u);
}

TEST(HttpUpgrade, ToSomethingElseIsAnOrdinaryRequest) {
  HttpRequestParser parser;
  read_head(parser, get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"));
  EXPECT_FALSE(parser.head().upgrade_requested);
  EXPECT_EQ(parser.next("").event, Event::kComplete);
}

TEST(HttpRequestParserDeathTest, LimitBeforeTheHeadIsOurMistake) {
  HttpRequestParser parser;
  EXPECT_DEATH(parser.set_body_limit(1), "before the head");
}

}  // namespace
}  // namespace livehub::wire
