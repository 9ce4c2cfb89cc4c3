// Vectors 6xx (connection and upgrade), 7xx (pipelines and smuggling) and 8xx (limits). Include
// http_vectors.h, not this.
#pragma once

#include "http_vectors.h"

namespace livehub::conformance {

using namespace std::literals;

inline std::vector<HttpVector> connection_vectors() {
  const Requests root = {{"GET", "/"}};
  const std::string next = get();
  const std::string ws = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string frame = "\x81\x85\x01\x02\x03\x04GET /"s;
  const auto old = [](std::string_view fields) {
    return "GET / HTTP/1.0\r\n" + std::string(fields) + "\r\n";
  };
  return {
      closed(601, "close", get("Connection: close\r\n"), root, next),
      closed(602, "close in a list", get("Connection: x, CLOSE ,y\r\n"), root, next),
      closed(603, "close in a second field", get("Connection: x\r\nConnection: close\r\n"), root,
             next),
      closed(604, "close beside keep-alive", get("Connection: keep-alive, close\r\n"), root, next),
      open(605, "keep-alive", get("Connection: keep-alive\r\n"), root),
      open(606, "closed is not close", get("Connection: closed, xclose\r\n"), root),
      closed(607, "close, with a body", post("Connection: close\r\nContent-Length: 3\r\n", "abc"),
             {{"POST", "/p", "abc"}}, next),
      closed(608, "close, chunked",
             post("Connection: close\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
             {{"POST", "/p", "x"}}, next),
      closed(609, "1.0 closes", old(""), root, next),
      open(610, "1.0 with keep-alive", old("Connection: Keep-Alive\r\n"), root),
      closed(611, "1.0 with keep-alive and close", old("Connection: keep-alive, close\r\n"), root,
             next),
      closed(612, "1.0 with a body", old("Content-Length: 2\r\n") + "ab", {{"GET", "/", "ab"}},
             next),
      open(613, "list of commas", get("Connection: ,, ,\r\n"), root),
      upgraded(620, "WebSocket", get(ws), root, frame),
      upgraded(621, "in other case", get("CONNECTION: upGRADE\r\nUPGRADE: WebSocket\r\n"), root,
               frame),
      upgraded(622, "in lists",
               get("Connection: keep-alive, Upgrade\r\nUpgrade: h2c, websocket\r\n"), root, frame),
      upgraded(623, "in two fields", get("Connection: keep-alive\r\n" + ws), root, frame),
      upgraded(624, "with Content-Length: 0", get(ws + "Content-Length: 0\r\n"), root, frame),
      upgraded(625, "first bytes look like a request", get(ws), root, next),
      refused(626, "with a length", get(ws + "Content-Length: 5\r\n") + "abcde"),
      refused(627, "chunked", get(ws + "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
      refused(628, "on 1.0 with a body", old(ws + "Content-Length: 5\r\n") + "abcde"),
      closed(629, "on 1.0: ignored", old(ws), root, next),
      open(630, "Upgrade without Connection", get("Upgrade: websocket\r\n"), root),
      open(631, "Connection without Upgrade", get("Connection: upgrade\r\n"), root),
      open(632, "Upgrade in a Connection that only looks like it",
           get("Connection: upgraded\r\nUpgrade: websocket\r\n"), root),
      open(633, "h2c is ordinary", get("Connection: Upgrade\r\nUpgrade: h2c\r\n"), root),
      open(634, "h2c with a body",
           post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", "abc"),
           {{"POST", "/p", "abc"}}),
      open(635, "h2c, chunked",
           post("Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n",
                "3\r\nabc\r\n0\r\n\r\n"),
           {{"POST", "/p", "abc"}}),
      open(636, "websocket13 is something else",
           get("Connection: Upgrade\r\nUpgrade: websocket13\r\n"), root),
      open(637, "h2c, then another request", get("Connection: Upgrade\r\nUpgrade: h2c\r\n") + next,
           {{"GET", "/"}, {"GET", "/"}}),
      open(640, "Expect: 100-continue",
           post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"), {{"POST", "/p", "abc"}}),
      open(641, "Expect in capitals", post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a"),
           {{"POST", "/p", "a"}}),
      refused(642, "another expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"),
              417),
      refused(643, "two expectations", get("Expect: 100-continue, x\r\n"), 417),
      closed(644, "Expect on 1.0: ignored", old("Expect: x\r\n"), root),
      open(645, "Expect without a body", get("Expect: 100-continue\r\n"), root),
  };
}

inline std::vector<HttpVector> pipeline_vectors() {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string hidden_length = std::to_string(hidden.size());
  const auto one = [](std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  return {
      open(701, "three requests", one("/1") + one("/2") + one("/3"),
           {{"GET", "/1"}, {"GET", "/2"}, {"GET", "/3"}}),
      open(702, "a request within a body of known length",
           post("Content-Length: " + hidden_length + "\r\n", hidden) + one("/2"),
           {{"POST", "/p", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"}, {"GET", "/2"}}),
      open(703, "sized, chunked, none",
           post("Content-Length: 2\r\n", "ab") + chunked("1\r\nc\r\n0\r\n\r\n") + one("/3"),
           {{"POST", "/p", "ab"}, {"POST", "/p", "c"}, {"GET", "/3"}}),
      open(704, "an empty line between two", one("/1") + "\r\n" + one("/2"),
           {{"GET", "/1"}, {"GET", "/2"}}),
      open(705, "one CRLF too many behind a body",
           post("Content-Length: 2\r\n", "ab") + "\r\n" + one("/2"),
           {{"POST", "/p", "ab"}, {"GET", "/2"}}),
      refused(706, "second one malformed", one("/1") + "GET  / HTTP/1.1\r\n\r\n", 400,
              {{"GET", "/1"}}),
      refused(707, "bytes behind a body that are no request",
              post("Content-Length: 2\r\n", "ab\0\0"sv), 400, {{"POST", "/p", "ab"}}),
      open(708, "CL.0: a length is honoured on GET",
           get("Content-Length: " + hidden_length + "\r\n") + hidden,
           {{"GET", "/", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"}}),
      refused(709, "CL.TE with a hidden request",
              post("Content-Length: " + std::to_string(5 + hidden.size()) + "\r\n" + te,
                   "0\r\n\r\n" + hidden)),
      refused(710, "TE.CL with a hidden request",
              post("Content-Length: 4\r\n" + te, "2f\r\n" + hidden + "\r\n0\r\n\r\n")),
      refused(711, "TE.0 on 1.0", "POST / HTTP/1.0\r\n" + te + "\r\n0\r\n\r\n" + hidden),
      refused(712, "two lengths, a request between",
              post("Content-Length: 0\r\nContent-Length: " + hidden_length + "\r\n", hidden)),
      refused(713, "bare CR, a request behind it",
              get("X: a\r\rGET /hidden HTTP/1.1\r\nHost: a\r\n")),
      refused(714, "space as a line's end", get("X: a\r\n \r\n" + hidden)),
      refused(715, "extension hides a chunk's end", chunked("1;a=\"\r\n0\r\n\r\n" + hidden)),
      refused(716, "chunk size with overflow of 32 bits",
              chunked("100000003\r\nabc\r\n0\r\n\r\n" + hidden)),
      open(717, "a hidden request in a trailer's value",
           chunked("0\r\nX: GET /hidden HTTP/1.1\r\n\r\n") + one("/2"),
           {{"POST", "/p"}, {"GET", "/2"}}),
      partial(718, "second one cut short", one("/1") + "GET /2 HT", {{"GET", "/1"}}),
      upgraded(719, "an upgrade behind a request",
               one("/1") + get("Connection: Upgrade\r\nUpgrade: websocket\r\n"),
               {{"GET", "/1"}, {"GET", "/"}}, hidden),
      open(720, "HEAD, then GET", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + one("/2"),
           {{"HEAD", "/"}, {"GET", "/2"}}),
      refused(721, "Content-Length with a NUL", post("Content-Length: 5\0\r\n"sv, "abcde")),
      refused(722, "CRLF in the path by encoding of a line", "GET /\r\nHost: a\r\n\r\n" + hidden),
      refused(723, "method glued to a body", post("Content-Length: 1\r\n", "a") + " " + one("/2"),
              400, {{"POST", "/p", "a"}}),
  };
}

inline std::vector<HttpVector> limit_vectors() {
  const auto path = [](size_t bytes) { return "/" + std::string(bytes - 1, 'a'); };
  const auto with_path = [&](size_t bytes) {
    return "GET " + path(bytes) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  // A head of exactly that many bytes.
  const auto head = [](size_t bytes) {
    const std::string most = get("X: \r\n");
    return get("X: " + std::string(bytes - most.size(), 'b') + "\r\n");
  };
  const auto lines = [](size_t count) {
    std::string fields;
    for (size_t i = 1; i < count; ++i) fields += "X: y\r\n";
    return get(fields);
  };
  static const std::string longest_path = path(8192);
  return {
      open(801, "target of 8192 bytes", with_path(8192), {{"GET", longest_path}}),
      refused(802, "target of 8193 bytes", with_path(8193), 414),
      open(803, "head of 16384 bytes", head(16384), {{"GET", "/"}}),
      refused(804, "head of 16385 bytes", head(16385), 431),
      open(805, "100 lines", lines(100), {{"GET", "/"}}),
      refused(806, "101 lines", lines(101), 431),
      refused(807, "endless target", "GET /" + std::string(20000, 'a'), 414),
      refused(808, "endless value", "GET / HTTP/1.1\r\nX: " + std::string(20000, 'a'), 431),
      refused(809, "endless name", "GET / HTTP/1.1\r\n" + std::string(20000, 'a'), 431),
      refused(810, "endless method", std::string(20000, 'A'), 400),
  };
}

}  // namespace livehub::conformance
