// Vectors 4xx (length and coding) and 5xx (chunked bodies). Include http_vectors.h, not this.
#pragma once

#include "http_vectors.h"

namespace livehub::conformance {

using namespace std::literals;

inline std::vector<HttpVector> framing_vectors() {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  const auto length = [](std::string_view value) {
    return post("Content-Length: " + std::string(value) + "\r\n", "abcde");
  };
  const auto coding = [](std::string_view value) {
    return post("Transfer-Encoding: " + std::string(value) + "\r\n", "0\r\n\r\n");
  };
  return {
      open(401, "Content-Length", length("5"), {{"POST", "/p", "abcde"}}),
      open(402, "Content-Length: 0", post("Content-Length: 0\r\n", ""), {{"POST", "/p"}}),
      open(403, "POST without a body", post("", ""), {{"POST", "/p"}}),
      open(404, "GET with a body", get("Content-Length: 3\r\n") + "abc", {{"GET", "/", "abc"}}),
      open(405, "white space around the length", length("  5  "), {{"POST", "/p", "abcde"}}),
      partial(406, "body cut short", post("Content-Length: 99\r\n", "abc")),
      refused(407, "+5", length("+5")),
      refused(408, "-5", length("-5")),
      refused(409, "5,5", length("5,5")),
      refused(410, "5, 5", length("5, 5")),
      refused(411, "0x5", length("0x5")),
      refused(412, "5.0", length("5.0")),
      refused(413, "5 5", length("5 5")),
      refused(414, "5a", length("5a")),
      refused(415, "empty", length("")),
      refused(416, "05", length("05")),
      refused(417, "2^64 + 5", length("18446744073709551621")),
      refused(418, "2^64 - 1", length("18446744073709551615")),
      refused(419, "100 digits", length(std::string(100, '9'))),
      refused(420, "quoted", length("\"5\"")),
      refused(421, "two, different", post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef")),
      refused(422, "two alike", post("Content-Length: 5\r\nContent-Length: 5\r\n", "abcde")),
      refused(423, "two, in other case",
              post("Content-Length: 5\r\ncontent-length: 0\r\n", "abcde")),
      refused(424, "a length on an error path: 0 and 5",
              post("Content-Length: 0\r\nContent-Length: 5\r\n", "abcde")),
      open(430, "Transfer-Encoding: chunked", post(te, "3\r\nabc\r\n0\r\n\r\n"),
           {{"POST", "/p", "abc"}}),
      open(431, "name in other case", post("tRANSFER-eNCODING: chunked\r\n", "0\r\n\r\n"),
           {{"POST", "/p"}}),
      open(432, "white space around the coding", coding("  chunked  "), {{"POST", "/p"}}),
      open(433, "GET, chunked", get(te) + "1\r\nx\r\n0\r\n\r\n", {{"GET", "/", "x"}}),
      refused(434, "CL.TE", post("Content-Length: 6\r\n" + te, "0\r\n\r\nG")),
      refused(435, "TE.CL", post(te + "Content-Length: 4\r\n", "5c\r\nGPOST / HTTP/1.1\r\n")),
      refused(436, "Content-Length: 0 beside a coding",
              post("Content-Length: 0\r\n" + te, "0\r\n\r\n")),
      refused(437, "TE.TE, second unknown", post(te + "Transfer-Encoding: x\r\n", "0\r\n\r\n")),
      refused(438, "TE.TE, first unknown", post("Transfer-Encoding: x\r\n" + te, "0\r\n\r\n")),
      refused(439, "chunked twice in two fields", post(te + te, "0\r\n\r\n")),
      refused(440, "chunked twice in one field", coding("chunked, chunked")),
      refused(441, "identity", coding("identity")),
      refused(442, "identity, with a length",
              post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "abcde")),
      refused(443, "gzip", coding("gzip")),
      refused(444, "gzip, chunked", coding("gzip, chunked")),
      refused(445, "chunked, gzip", coding("chunked, gzip")),
      refused(446, "chunked, identity", coding("chunked, identity")),
      refused(447, "empty coding", coding("")),
      refused(448, "xchunked", coding("xchunked")),
      refused(449, "chunkedx", coding("chunkedx")),
      refused(450, "Chunked in capitals", coding("CHUNKED")),
      refused(451, "quoted", coding("\"chunked\"")),
      refused(452, "with a parameter", coding("chunked;q=1")),
      refused(453, "list with an empty element", coding(", chunked")),
      refused(454, "trailing comma", coding("chunked,")),
      refused(455, "VT before it",
              coding("\x0b"
                     "chunked")),
      refused(456, "coding on 1.0", "POST / HTTP/1.0\r\nHost: a\r\n" + te + "\r\n0\r\n\r\n"),
      refused(457, "coding and length on 1.0",
              "POST / HTTP/1.0\r\n" + te + "Content-Length: 5\r\n\r\n0\r\n\r\n"),
      open(458, "Transfer_Encoding is another field", post("Transfer_Encoding: chunked\r\n", ""),
           {{"POST", "/p"}}),
      open(459, "X-Content-Length is another field", get("X-Content-Length: 5\r\n"),
           {{"GET", "/"}}),
      open(460, "TE and Trailer say nothing about this body", get("TE: chunked\r\nTrailer: X\r\n"),
           {{"GET", "/"}}),
  };
}

inline std::vector<HttpVector> chunk_vectors() {
  const auto post_with = [](std::string_view body) { return Requests{{"POST", "/p", body}}; };
  const std::string end = "0\r\n\r\n";
  return {
      open(501, "no data", chunked(end), post_with("")),
      open(502, "two chunks", chunked("3\r\nabc\r\n2\r\nde\r\n" + end), post_with("abcde")),
      open(503, "size in hexadecimal, both cases",
           chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n" + end),
           post_with("01234567890123456789")),
      open(504, "leading zeros", chunked("0003\r\nabc\r\n0000\r\n\r\n"), post_with("abc")),
      open(505, "data that looks like framing", chunked("7\r\n0\r\n\r\nGE\r\n" + end),
           post_with("0\r\n\r\nGE")),
      refused(506, "no size", chunked("\r\nabc\r\n" + end)),
      refused(507, "size of letters", chunked("xyz\r\n" + end)),
      refused(508, "0x3", chunked("0x3\r\nabc\r\n" + end)),
      refused(509, "-1", chunked("-1\r\nabc\r\n" + end)),
      refused(510, "+3", chunked("+3\r\nabc\r\n" + end)),
      refused(511, "nine digits", chunked("000000003\r\nabc\r\n" + end)),
      refused(512, "2^64 + 3", chunked("10000000000000003\r\nabc\r\n" + end)),
      refused(513, "2^64 - 1", chunked("ffffffffffffffff\r\nabc\r\n" + end)),
      refused(514, "space behind the size", chunked("3 \r\nabc\r\n" + end)),
      refused(515, "space before the size", chunked(" 3\r\nabc\r\n" + end)),
      refused(516, "HT behind the size", chunked("3\t\r\nabc\r\n" + end)),
      refused(517, "size line ends with LF", chunked("3\nabc\r\n" + end)),
      refused(518, "size line ends with CR", chunked("3\rabc\r\n" + end)),
      refused(519, "data ends with LF", chunked("3\r\nabc\n" + end)),
      refused(520, "data ends with CR", chunked("3\r\nabc\r" + end)),
      refused(521, "data without an end", chunked("3\r\nabc" + end)),
      refused(522, "data longer than its size", chunked("3\r\nabcd\r\n" + end)),
      refused(523, "two CRLF behind the data", chunked("3\r\nabc\r\n\r\n" + end)),
      refused(524, "NUL behind the size", chunked("3\0\r\nabc\r\n0\r\n\r\n"sv)),
      refused(525, "decimal point", chunked("3.0\r\nabc\r\n" + end)),
      refused(526, "underscore in the size", chunked("1_0\r\nabc\r\n" + end)),
      open(530, "extension", chunked("3;a\r\nabc\r\n" + end), post_with("abc")),
      open(531, "extension with a value", chunked("3;a=b\r\nabc\r\n0;c;d=e\r\n\r\n"),
           post_with("abc")),
      refused(532, "extension without a name", chunked("3;\r\nabc\r\n" + end)),
      refused(533, "extension without its value", chunked("3;a=\r\nabc\r\n" + end)),
      refused(534, "two semicolons", chunked("3;;a\r\nabc\r\n" + end)),
      refused(535, "two equals signs", chunked("3;a=b=c\r\nabc\r\n" + end)),
      refused(536, "space before the semicolon", chunked("3 ;a\r\nabc\r\n" + end)),
      refused(537, "space behind the semicolon", chunked("3; a\r\nabc\r\n" + end)),
      refused(538, "quoted value", chunked("3;a=\"b\"\r\nabc\r\n" + end)),
      refused(539, "quoted CRLF", chunked("3;a=\"\r\n\"\r\nabc\r\n" + end)),
      refused(540, "LF ends an extension (TERM.EXT)", chunked("3;a\nabc\r\n" + end)),
      refused(541, "CR ends an extension", chunked("3;a\rabc\r\n" + end)),
      refused(542, "LF within an extension", chunked("2;\nxx\r\n3\r\nabc\r\n" + end)),
      open(543, "256 bytes of extensions", chunked("0;" + std::string(255, 'a') + "\r\n\r\n"),
           post_with("")),
      refused(544, "257 bytes of extensions", chunked("0;" + std::string(256, 'a') + "\r\n\r\n")),
      refused(545, "257 bytes of extensions in two chunks",
              chunked("1;" + std::string(128, 'a') + "\r\nx\r\n0;" + std::string(127, 'a') +
                      "\r\n\r\n")),
      refused(546, "257th byte is a semicolon",
              chunked("1;" + std::string(255, 'a') + ";b\r\nx\r\n" + end)),
      open(550, "trailers", chunked("0\r\nA: b\r\nC: d\r\n\r\n"), post_with("")),
      refused(551, "trailer without a colon", chunked("0\r\nA\r\n\r\n")),
      refused(552, "trailer, space before the colon", chunked("0\r\nA : b\r\n\r\n")),
      refused(553, "folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n")),
      refused(554, "trailer ends with LF", chunked("0\r\nA: b\n\r\n")),
      refused(555, "trailer ends with CR", chunked("0\r\nA: b\r\rX: y\r\n\r\n")),
      refused(556, "last line ends with LF", chunked("0\r\n\n")),
      refused(557, "last line ends with CR", chunked("0\r\n\rX")),
      refused(558, "last size line ends with LF", chunked("0\n\r\n")),
      refused(559, "17 trailers",
              chunked("0\r\n" +
                      [] {
                        std::string lines;
                        for (int i = 0; i < 17; ++i) lines += "A: b\r\n";
                        return lines;
                      }() +
                      "\r\n"),
              431),
      refused(560, "trailers of more than 2 KB",
              chunked("0\r\nA: " + std::string(2048, 'b') + "\r\n\r\n"), 431),
      refused(561, "a request where trailers should be",
              chunked("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")),
      partial(562, "cut within a size", chunked("3")),
      partial(563, "cut within data", chunked("3\r\nab")),
      partial(564, "cut before the blank line", chunked("3\r\nabc\r\n0\r\n")),
      partial(565, "never ended", chunked("3\r\nabc\r\n")),
  };
}

}  // namespace livehub::conformance
