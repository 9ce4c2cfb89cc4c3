// Vectors 1xx (request line), 2xx (header lines) and 3xx (Host). Include http_vectors.h, not this.
#pragma once

#include "http_vectors.h"

namespace livehub::conformance {

using namespace std::literals;

inline std::vector<HttpVector> request_line_vectors() {
  const std::string host = " HTTP/1.1\r\nHost: a\r\n\r\n";
  return {
      open(101, "smallest GET", "GET /" + host, {{"GET", "/"}}),
      open(102, "HEAD", "HEAD /x" + host, {{"HEAD", "/x"}}),
      open(103, "DELETE", "DELETE /x" + host, {{"DELETE", "/x"}}),
      open(104, "OPTIONS *", "OPTIONS *" + host, {{"OPTIONS", "*"}}),
      open(105, "OPTIONS with a path", "OPTIONS /x" + host, {{"OPTIONS", "/x"}}),
      refused(106, "GET *", "GET *" + host),
      refused(107, "CONNECT, authority-form", "CONNECT a:443" + host),
      refused(108, "CONNECT with a path", "CONNECT /" + host),
      refused(109, "GET, authority-form", "GET a:443" + host),
      open(110, "absolute-form", "GET http://b/x?q" + host, {{"GET", "/x"}}),
      open(111, "absolute-form without path", "GET http://b" + host, {{"GET", "/"}}),
      open(112, "absolute-form, query without path", "GET http://b?q=1" + host, {{"GET", "/"}}),
      open(113, "absolute-form, scheme in capitals", "GET HTTP://b:80/x" + host, {{"GET", "/x"}}),
      refused(114, "absolute-form, other scheme", "GET ftp://b/x" + host),
      refused(115, "absolute-form with userinfo", "GET http://u@b/x" + host),
      refused(116, "absolute-form without authority", "GET http:///x" + host),
      refused(117, "absolute-form, port too large", "GET http://b:65536/x" + host),
      open(118, "percent-encoded path stays encoded", "GET /a%2Fb%20c" + host,
           {{"GET", "/a%2Fb%20c"}}),
      open(119, "raw braces and bars, as browsers send them", "GET /?q={a|b}" + host,
           {{"GET", "/"}}),
      open(120, "two slashes", "GET //b/x" + host, {{"GET", "//b/x"}}),
      refused(121, "fragment", "GET /x#y" + host),
      refused(122, "relative target", "GET x" + host),
      refused(123, "empty target", "GET " + host),
      refused(124, "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
      refused(125, "two spaces before the target", "GET  /" + host),
      refused(126, "two spaces before the version", "GET / " + host),
      refused(127, "space in the target", "GET /a b" + host),
      refused(128, "HT instead of SP", "GET\t/" + host),
      refused(129, "HT before the version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
      refused(130, "space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
      refused(131, "space before the method", " GET /" + host),
      refused(132, "NUL in the target", "GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n"s),
      refused(133, "DEL in the target", "GET /\x7f" + host),
      refused(134, "byte over 127 in the target", "GET /\xc3\xa9" + host),
      refused(135, "CR in the target", "GET /\rx" + host),
      refused(136, "LF in the target", "GET /\nx" + host),
      refused(137, "forbidden byte in the method", "G@T /" + host),
      refused(138, "method in small letters", "get /" + host),
      refused(139, "valid but unknown method", "FROBNICATE /" + host),
      refused(140, "method of 33 bytes", std::string(33, 'A') + " /" + host),
      refused(141, "HTTP/0.9", "GET /\r\n"),
      refused(142, "HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
      refused(143, "HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
      refused(144, "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
      refused(145, "HTTP/0.9 written out", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
      refused(146, "HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
      refused(147, "HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n"),
      refused(148, "version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
      refused(149, "RTSP", "OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n"),
      refused(150, "ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"),
      refused(151, "method of RTSP over HTTP", "DESCRIBE /" + host),
      refused(152, "TLS", "\x16\x03\x01\x02\x00\x01"s),
      open(153, "two empty lines first", "\r\n\r\nGET /" + host, {{"GET", "/"}}),
      refused(154, "three empty lines first", "\r\n\r\n\r\nGET /" + host),
      refused(155, "bare LF first", "\nGET /" + host),
      refused(156, "bare CR first", "\rGET /" + host),
      refused(157, "request line ends with LF", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
      refused(158, "request line ends with CR", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
      partial(159, "cut within the method", "GE"),
      partial(160, "cut before the blank line", "GET / HTTP/1.1\r\nHost: a\r\n"),
  };
}

inline std::vector<HttpVector> field_vectors() {
  const Requests root = {{"GET", "/"}};
  return {
      open(201, "empty value", get("X:\r\n"), root),
      open(202, "white space around a value", get("X: \t a b \t\r\n"), root),
      open(203, "no space after the colon", get("X:a\r\n"), root),
      open(204, "all token characters in a name", get("!#$%&'*+-.^_`|~09Az: 1\r\n"), root),
      open(205, "bytes over 127 in a value", get("X: \xc3\xa9\xff\r\n"), root),
      open(206, "colons in a value", get("X: a:b:c\r\n"), root),
      refused(207, "folded line, SP", get("X: a\r\n b\r\n")),
      refused(208, "folded line, HT", get("X: a\r\n\tb\r\n")),
      refused(209, "folded line of white space", get("X: a\r\n \r\n")),
      refused(210, "SP before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
      refused(211, "folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", "")),
      refused(212, "space before the colon", get("X : a\r\n")),
      refused(213, "HT before the colon", get("X\t: a\r\n")),
      refused(214, "space within a name", get("X Y: a\r\n")),
      refused(215, "space before Content-Length's colon", post("Content-Length : 3\r\n", "abc")),
      refused(216, "space before Transfer-Encoding's colon",
              post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
      refused(217, "no colon", get("Xa\r\n")),
      refused(218, "empty name", get(": a\r\n")),
      refused(219, "NUL in a name", get("X\0Y: a\r\n"sv)),
      refused(220, "byte over 127 in a name", get("X\xe9: a\r\n")),
      refused(221, "parenthesis in a name", get("X(: a\r\n")),
      refused(222, "quote in a name", get("\"X\": a\r\n")),
      refused(223, "NUL in a value", get("X: a\0b\r\n"sv)),
      refused(224, "control character in a value", get("X: a\x01\r\n")),
      refused(225, "ESC in a value", get("X: \x1b[2J\r\n")),
      refused(226, "DEL in a value", get("X: a\x7f\r\n")),
      refused(227, "line ends with LF", get("X: a\nY: b\r\n")),
      refused(228, "line ends with CR", get("X: a\rY: b\r\n")),
      refused(229, "CR hides a coding", post("X:\rZTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
      refused(230, "LF hides a coding", post("X:\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
      refused(231, "CR CR LF", get("X: a\r\r\n")),
      refused(232, "head ends with LF LF", "GET / HTTP/1.1\r\nHost: a\n\n"),
      refused(233, "head ends with CRLF LF", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
      refused(234, "head ends with CRLF CR", "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
      refused(235, "VT before a name", get("\x0bX: a\r\n")),
      refused(236, "FF after Transfer-Encoding's value",
              post("Transfer-Encoding: chunked\x0c\r\n", "0\r\n\r\n")),
  };
}

inline std::vector<HttpVector> host_vectors() {
  const auto with = [](std::string_view fields) {
    return "GET / HTTP/1.1\r\n" + std::string(fields) + "\r\n";
  };
  const Requests root = {{"GET", "/"}};
  return {
      refused(301, "none on 1.1", with("")),
      refused(302, "two", with("Host: a\r\nHost: b\r\n")),
      refused(303, "two alike", with("Host: a\r\nHost: a\r\n")),
      refused(304, "two, apart and in other case", with("Host: a\r\nX: y\r\nhOST: a\r\n")),
      refused(305, "empty", with("Host:\r\n")),
      refused(306, "white space", with("Host: \t \r\n")),
      open(307, "with a port", with("Host: a:8080\r\n"), root),
      open(308, "name in capitals", with("HOST: a\r\n"), root),
      open(309, "IPv6", with("Host: [::1]:80\r\n"), root),
      open(310, "IPv4", with("Host: 127.0.0.1\r\n"), root),
      open(311, "port left empty", with("Host: a:\r\n"), root),
      refused(312, "port of letters", with("Host: a:b\r\n")),
      refused(313, "port over 65535", with("Host: a:65536\r\n")),
      refused(314, "only a port", with("Host: :80\r\n")),
      refused(315, "two names", with("Host: a b\r\n")),
      refused(316, "a list", with("Host: a,b\r\n")),
      refused(317, "userinfo", with("Host: u@a\r\n")),
      refused(318, "a path", with("Host: a/b\r\n")),
      refused(319, "bracket not closed", with("Host: [::1\r\n")),
      refused(320, "bytes behind the bracket", with("Host: [::1]x\r\n")),
      refused(321, "none, with an absolute target", "GET http://b/ HTTP/1.1\r\n\r\n"),
      refused(322, "bare CR behind it", with("Host: a\r\n\rX\r\n")),
      refused(323, "bytes over 127", with("Host: \xc3\xa9\r\n")),
      closed(324, "none on 1.0", "GET / HTTP/1.0\r\n\r\n", root),
      refused(325, "two on 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
      refused(326, "malformed on 1.0", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n"),
  };
}

}  // namespace livehub::conformance
