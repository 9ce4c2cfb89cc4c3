// HTTP/1.x requests as bytes and what a server must make of them (RFC 9112, RFC 9110, the known
// smuggling tricks). Data for two readers: the unit test of the parser, which also cuts each vector
// at every byte, and a test of a whole server, which sends the bytes and counts the answers.
//
// Numbers are for talking about a vector and never change; gaps are for new ones:
//   1xx request line, 2xx header lines, 3xx Host, 4xx length and coding, 5xx chunked bodies,
//   6xx connection and upgrade, 7xx pipelines and smuggling, 8xx limits.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace livehub::conformance {

enum class HttpVectorEnd {
  kOpen,      // all bytes were used up, the connection waits for the next request
  kPartial,   // the bytes end within a request
  kClosed,    // the last request forbids another one: what follows is never read as a request
  kUpgraded,  // the last request asks for WebSocket: `rest` belongs to that
  kRefused,   // answered with `status`, then closed; no request comes of the bytes behind
};

struct HttpVectorRequest {
  std::string_view method;
  std::string_view path;  // without the query
  std::string_view body = "";
};

struct HttpVector {
  int number;
  std::string_view name;
  std::string input;
  // In order. When refused within a body, the request it belongs to is not listed: it never
  // completed.
  std::vector<HttpVectorRequest> requests;
  HttpVectorEnd end;
  int status = 0;         // kRefused
  std::string rest = "";  // kUpgraded, kClosed: bytes left alone
};

// --- shorthand for the tables ---

using Requests = std::vector<HttpVectorRequest>;

inline HttpVector open(int number, std::string_view name, std::string input, Requests requests) {
  return {number, name, std::move(input), std::move(requests), HttpVectorEnd::kOpen};
}

inline HttpVector partial(int number, std::string_view name, std::string input,
                          Requests before = {}) {
  return {number, name, std::move(input), std::move(before), HttpVectorEnd::kPartial};
}

inline HttpVector closed(int number, std::string_view name, std::string input, Requests requests,
                         std::string rest = "") {
  return {number, name, input + rest, std::move(requests), HttpVectorEnd::kClosed, 0, rest};
}

inline HttpVector upgraded(int number, std::string_view name, std::string input, Requests requests,
                           std::string rest = "") {
  return {number, name, input + rest, std::move(requests), HttpVectorEnd::kUpgraded, 0, rest};
}

inline HttpVector refused(int number, std::string_view name, std::string input, int status = 400,
                          Requests before = {}) {
  return {number, name, std::move(input), std::move(before), HttpVectorEnd::kRefused, status};
}

// "GET / HTTP/1.1" with Host and these field lines, each with its CRLF.
inline std::string get(std::string_view fields = "") {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

// "POST /p HTTP/1.1" likewise, then the body as it stands on the wire.
inline std::string post(std::string_view fields, std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// The same, chunked.
inline std::string chunked(std::string_view body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

}  // namespace livehub::conformance

#include "http_vectors_body.h"
#include "http_vectors_connection.h"
#include "http_vectors_head.h"

namespace livehub::conformance {

// All of them, ascending by number. The limits they assume are the defaults of wire::HttpLimits,
// and no limit on bodies.
[[nodiscard]] inline std::vector<HttpVector> http_vectors() {
  std::vector<HttpVector> all;
  for (auto part : {request_line_vectors, field_vectors, host_vectors, framing_vectors,
                    chunk_vectors, connection_vectors, pipeline_vectors, limit_vectors})
    for (HttpVector& vector : part()) all.push_back(std::move(vector));
  return all;
}

}  // namespace livehub::conformance
