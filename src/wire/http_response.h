// Response heads as bytes (RFC 9112 section 4). Cold path: it builds strings. No state, any thread.
// A value cannot smuggle another field in: names must be tokens, values without CR, LF, NUL.
// Tests: tests/unit/wire/http_response_test.cc.
#pragma once

#include <string>
#include <string_view>

namespace livehub::wire {

// The reason phrase; "Unknown" for a status we do not send.
[[nodiscard]] const char* http_reason(int status);

// Whether a field of that name and value may be written: the name is a token, the value has no
// control character but HT and no white space at its ends.
[[nodiscard]] bool is_header_writable(std::string_view name, std::string_view value);

class HttpResponse {
 public:
  // 100-599.
  explicit HttpResponse(int status);

  // Values of our own making; one that is not writable is our mistake and stops the program.
  // Content-Length is written by to_string(), Connection: close by close(): neither goes through
  // here.
  HttpResponse& header(std::string_view name, std::string_view value);

  // Values that came from a peer: false, and nothing is added, if not writable.
  [[nodiscard]] bool try_header(std::string_view name, std::string_view value);

  // The last call wins; an empty content type writes none.
  HttpResponse& body(std::string bytes, std::string_view content_type);

  // Adds "Connection: close".
  HttpResponse& close();

  // The head of a stream: no Content-Length. Chunked by header("Transfer-Encoding", "chunked"),
  // else (HTTP/1.0) its body ends with the connection, so close() too.
  HttpResponse& stream();

  // Always HTTP/1.1. Content-Length is left out for a stream, 1xx, 204 and 304 (RFC 9110 8.6), and
  // so is the body. head_only: the answer to HEAD, the length without the bytes.
  [[nodiscard]] std::string to_string(bool head_only = false) const;

 private:
  int status_;
  bool close_ = false;
  bool stream_ = false;
  std::string content_type_;
  std::string fields_;
  std::string body_;
};

}  // namespace livehub::wire
