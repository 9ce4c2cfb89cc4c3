#include "wire/http_response.h"

#include <gtest/gtest.h>

#include <string>

namespace livehub::wire {
namespace {

using namespace std::literals;

TEST(HttpResponse, BodyWithItsLength) {
  EXPECT_EQ(HttpResponse(200).header("X-A", "b").body("{}\n", "application/json").to_string(),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: b\r\nContent-Length: 3\r\n"
            "\r\n{}\n");
}

TEST(HttpResponse, NoBodyIsALengthOfZero) {
  EXPECT_EQ(HttpResponse(404).to_string(), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, HeadHasTheLengthButNotTheBytes) {
  EXPECT_EQ(HttpResponse(200).body("abc", "text/plain").to_string(true),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n");
}

TEST(HttpResponse, Close) {
  EXPECT_EQ(HttpResponse(400).close().to_string(),
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(HttpResponse, StatusesWithoutABodyHaveNoLength) {
  EXPECT_EQ(HttpResponse(204).to_string(), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(HttpResponse(304).body("abc", "text/plain").to_string(),
            "HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(HttpResponse(100).to_string(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(HttpResponse(101).header("Upgrade", "websocket").to_string(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
}

TEST(HttpResponse, StreamHasNoLength) {
  EXPECT_EQ(HttpResponse(200).header("Transfer-Encoding", "chunked").stream().to_string(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(HttpResponse, RefusesValuesThatWouldBreakTheirLine) {
  HttpResponse response(200);
  for (const std::string& value :
       {"a\r\nb"s, "a\rb"s, "a\nb"s, "a\0b"s, "\r\n"s, "a\x7f"s, " a"s, "a "s, "\ta"s, "\x01"s})
    EXPECT_FALSE(response.try_header("X", value)) << value;
  for (const std::string& name : {""s, "a b"s, "a:"s, "a\r\n"s, "\xc3\xa9"s, "a\0"s})
    EXPECT_FALSE(response.try_header(name, "x")) << name;
  EXPECT_FALSE(response.try_header("Content-Length", "5"));
  EXPECT_EQ(response.to_string(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponse, TakesValuesThatAreFine) {
  HttpResponse response(200);
  EXPECT_TRUE(response.try_header("X-Empty", ""));
  EXPECT_TRUE(response.try_header("X-Text", "a\tb, \"\xc3\xa9\""));
  EXPECT_EQ(
      response.to_string(),
      "HTTP/1.1 200 OK\r\nX-Empty: \r\nX-Text: a\tb, \"\xc3\xa9\"\r\nContent-Length: 0\r\n\r\n");
}

TEST(HttpResponseDeathTest, OurOwnMistakesStopTheProgram) {
  EXPECT_DEATH(HttpResponse(200).header("X", "a\r\nSet-Cookie: b"), "break its line");
  EXPECT_DEATH(HttpResponse(200).body("", "text/plain\n"), "break its line");
  EXPECT_DEATH(HttpResponse(200).header("content-LENGTH", "3"), "length");
  EXPECT_DEATH(HttpResponse(99), "status");
  EXPECT_DEATH(HttpResponse(600), "status");
}

TEST(HttpReason, KnowsWhatWeSend) {
  EXPECT_STREQ(http_reason(200), "OK");
  EXPECT_STREQ(http_reason(503), "Service Unavailable");
  for (int status : {400, 413, 414, 417, 426, 431, 505})
    EXPECT_STRNE(http_reason(status), "Unknown") << status;
  EXPECT_STREQ(http_reason(299), "Unknown");
}

}  // namespace
}  // namespace livehub::wire
