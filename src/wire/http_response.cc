#include "wire/http_response.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wire/http_guard.h"

namespace livehub::wire {
namespace {

bool is_content_length(std::string_view name) {
  constexpr std::string_view kName = "content-length";
  return std::equal(name.begin(), name.end(), kName.begin(), kName.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

const char* http_reason(int status) {
  static constexpr std::pair<int, const char*> kReasons[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [known, reason] : kReasons)
    if (known == status) return reason;
  return "Unknown";
}

bool is_header_writable(std::string_view name, std::string_view value) {
  if (!is_token(name)) return false;
  if (!value.empty() && (is_blank(value.front()) || is_blank(value.back()))) return false;
  return std::all_of(value.begin(), value.end(), is_field_value_char);
}

HttpResponse::HttpResponse(int status) : status_(status) {
  LIVEHUB_CHECK(status >= 100 && status <= 599, "a response has a status outside 100-599");
}

HttpResponse& HttpResponse::header(std::string_view name, std::string_view value) {
  LIVEHUB_CHECK(is_header_writable(name, value), "a response header would break its line");
  LIVEHUB_CHECK(!is_content_length(name), "the length of a body is written by to_string() alone");
  append_field(fields_, name, value);
  return *this;
}

bool HttpResponse::try_header(std::string_view name, std::string_view value) {
  if (!is_header_writable(name, value) || is_content_length(name)) return false;
  append_field(fields_, name, value);
  return true;
}

HttpResponse& HttpResponse::body(std::string bytes, std::string_view content_type) {
  LIVEHUB_CHECK(is_header_writable("Content-Type", content_type),
                "a content type would break its line");
  body_ = std::move(bytes);
  content_type_ = content_type;
  return *this;
}

HttpResponse& HttpResponse::close() {
  close_ = true;
  return *this;
}

HttpResponse& HttpResponse::stream() {
  stream_ = true;
  return *this;
}

std::string HttpResponse::to_string(bool head_only) const {
  const bool sized = !stream_ && may_have_body(status_);
  std::string out = "HTTP/1.1 " + std::to_string(status_) + " " + http_reason(status_) + "\r\n";
  if (!content_type_.empty() && may_have_body(status_))
    append_field(out, "Content-Type", content_type_);
  out += fields_;
  if (sized) append_field(out, "Content-Length", std::to_string(body_.size()));
  if (close_) append_field(out, "Connection", "close");
  out += "\r\n";
  if (sized && !head_only) out += body_;
  return out;
}

}  // namespace livehub::wire
