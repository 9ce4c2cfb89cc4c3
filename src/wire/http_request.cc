#include "wire/http_request.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace livehub::wire {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

// Calls visit(element) for each element of a comma-separated list that is not empty.
template <typename Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = base::trimmed(list.substr(0, comma));
    if (!element.empty()) visit(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

HttpRefusal bad_request(std::string_view detail) { return {HttpError::kBadRequest, detail}; }

// --- what the fields mean ---

// host [":" port] without userinfo. Of the characters RFC 3986 allows in a name only those that
// occur in names of machines: a comma or a quote there is an attempt at something.
bool is_sane_authority(std::string_view authority) {
  size_t host_bytes = 0;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view address = authority.substr(1, end - 1);
    const auto allowed = [](char c) { return is_alnum(c) || c == ':' || c == '.' || c == '%'; };
    if (!std::all_of(address.begin(), address.end(), allowed)) return false;
    if (address.find(':') == std::string_view::npos) return false;
    host_bytes = end + 1;
  } else {
    host_bytes = std::min(authority.find(':'), authority.size());
    const std::string_view name = authority.substr(0, host_bytes);
    const auto allowed = [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), allowed)) return false;
  }
  std::string_view port = authority.substr(host_bytes);
  if (port.empty()) return true;
  if (port[0] != ':') return false;
  port.remove_prefix(1);
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return false;
  uint32_t number = 0;
  for (char c : port) number = number * 10 + static_cast<uint32_t>(c - '0');
  return number <= 65535;
}

// RFC 9112 3.2: 400 unless a 1.1 request has exactly one Host, and for any invalid one. An empty
// Host is refused too: no URI that can lead here has an empty authority.
HttpRefusal judge_host(HttpHead& head) {
  const size_t count = head.header_count("Host");
  if (count > 1) return bad_request("There is more than one Host field.");
  if (count == 0) {
    if (head.version_minor == 0) return {};
    return bad_request("There is no Host field.");
  }
  head.host = *head.header("Host");
  if (!is_sane_authority(head.host)) return bad_request("The Host field is malformed.");
  return {};
}

// Splits "/path?query".
void take_path(HttpHead& head, std::string_view path_and_query) {
  const size_t mark = std::min(path_and_query.find('?'), path_and_query.size());
  head.path = path_and_query.substr(0, mark);
  head.query = path_and_query.substr(std::min(mark + 1, path_and_query.size()));
}

// The four forms of RFC 9112 3.2, less the one for proxies (authority-form, CONNECT).
HttpRefusal judge_target(HttpHead& head) {
  const std::string_view target = head.target;
  if (target.starts_with('/')) {
    take_path(head, target);
    return {};
  }
  if (target == "*") {
    if (head.method != "OPTIONS") return bad_request("Only OPTIONS may have the target '*'.");
    head.path = target;
    return {};
  }
  const size_t scheme_bytes = target.find("://");
  const std::string_view scheme =
      scheme_bytes == std::string_view::npos ? "" : target.substr(0, scheme_bytes);
  if (!equal_in_any_case(scheme, "http") && !equal_in_any_case(scheme, "https"))
    return bad_request("The request target is neither a path nor an http address.");
  const std::string_view rest = target.substr(scheme_bytes + 3);
  const size_t authority_bytes = std::min(rest.find_first_of("/?"), rest.size());
  head.host = rest.substr(0, authority_bytes);
  if (!is_sane_authority(head.host))
    return bad_request("The address in the request target is malformed.");
  take_path(head, rest.substr(authority_bytes));
  if (head.path.empty()) head.path = "/";
  return {};
}

// Digits only. Leading zeros are refused (some readers take them for octal), and so are numbers
// over 18 digits, before they can overflow anyone.
std::optional<uint64_t> parse_content_length(std::string_view value) {
  if (value.empty() || value.size() > 18) return std::nullopt;
  if (value.size() > 1 && value[0] == '0') return std::nullopt;
  uint64_t length = 0;
  for (char c : value) {
    if (!is_digit(c)) return std::nullopt;
    length = length * 10 + static_cast<uint64_t>(c - '0');
  }
  return length;
}

// RFC 9112 6.1-6.3, its SHOULDs and MAYs taken on the side of refusing. "Chunked" in capitals is
// legal, but a proxy that does not recognise it would see no body: only the spelling that all
// clients use.
HttpRefusal judge_framing(HttpHead& head) {
  const size_t lengths = head.header_count("Content-Length");
  const size_t codings = head.header_count("Transfer-Encoding");
  if (codings > 0) {
    if (head.version_minor == 0) return bad_request("HTTP/1.0 has no Transfer-Encoding.");
    if (lengths > 0) return bad_request("Transfer-Encoding and Content-Length contradict.");
    if (codings > 1 || *head.header("Transfer-Encoding") != "chunked")
      return bad_request("Transfer-Encoding is not exactly 'chunked'.");
    head.chunked = true;
  }
  if (lengths > 1) return bad_request("There is more than one Content-Length field.");
  if (lengths == 1) {
    head.content_length = parse_content_length(*head.header("Content-Length"));
    if (!head.content_length) return bad_request("Content-Length is malformed.");
  }
  head.has_body = head.chunked || head.content_length.value_or(0) > 0;
  return {};
}

HttpRefusal judge_connection(HttpHead& head) {
  const bool close = head.header_lists("Connection", "close");
  head.keep_alive =
      !close && (head.version_minor == 1 || head.header_lists("Connection", "keep-alive"));
  const bool names_websocket =
      head.header_lists("Connection", "upgrade") && head.header_lists("Upgrade", "websocket");
  // On 1.0 too, where the upgrade itself would be ignored: nobody means this.
  if (names_websocket && head.has_body) return bad_request("An upgrade request has a body.");
  head.upgrade_requested = names_websocket && head.version_minor == 1;
  return {};
}

// RFC 9110 10.1.1: 100-continue is the only expectation there is, and HTTP/1.0 has none.
HttpRefusal judge_expectation(HttpHead& head) {
  bool known = false;
  bool unknown = false;
  for (const HttpHeader& field : head.headers) {
    if (!equal_in_any_case(field.name, "Expect")) continue;
    for_each_element(field.value, [&](std::string_view element) {
      (equal_in_any_case(element, "100-continue") ? known : unknown) = true;
    });
  }
  if (head.version_minor == 0) return {};
  if (unknown) return {HttpError::kExpectationFailed, "The expectation cannot be met."};
  head.expect_continue = known && head.has_body;
  return {};
}

HttpRefusal judge_head(HttpHead& head) {
  using Judge = HttpRefusal (*)(HttpHead&);
  // Host before the target, which may override it; framing before the connection, which asks for
  // bodies.
  constexpr Judge kJudges[] = {judge_host, judge_target, judge_framing, judge_connection,
                               judge_expectation};
  for (Judge judge : kJudges)
    if (const HttpRefusal refusal = judge(head)) return refusal;
  return {};
}

constexpr std::string_view kReadersDisagree = "The request can be read in two ways.";

}  // namespace

int http_status(HttpError error) {
  switch (error) {
    case HttpError::kNone:
      return 200;
    case HttpError::kBadRequest:
      return 400;
    case HttpError::kTargetTooLong:
      return 414;
    case HttpError::kHeadTooLarge:
      return 431;
    case HttpError::kBodyTooLarge:
      return 413;
    case HttpError::kUnsupportedVersion:
      return 505;
    case HttpError::kExpectationFailed:
      return 417;
  }
  return 400;
}

std::optional<std::string_view> HttpHead::header(std::string_view name) const {
  for (const HttpHeader& field : headers)
    if (equal_in_any_case(field.name, name)) return field.value;
  return std::nullopt;
}

size_t HttpHead::header_count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(headers.begin(), headers.end(),
                    [&](const HttpHeader& field) { return equal_in_any_case(field.name, name); }));
}

std::vector<std::string_view> HttpHead::header_values(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const HttpHeader& field : headers)
    if (equal_in_any_case(field.name, name)) values.push_back(field.value);
  return values;
}

bool HttpHead::header_lists(std::string_view name, std::string_view token) const {
  bool found = false;
  for (const HttpHeader& field : headers) {
    if (!equal_in_any_case(field.name, name)) continue;
    for_each_element(field.value, [&](std::string_view element) {
      found = found || equal_in_any_case(element, token);
    });
  }
  return found;
}

// --- llhttp ---

// What llhttp calls. It is stopped at the end of the head and at the end of the message, so that it
// never looks at a byte that is not its own; llhttp_t::data is set for the length of one call.
struct LlhttpHooks {
  static HttpRequestParser& self(llhttp_t* llhttp) {
    return *static_cast<HttpRequestParser*>(llhttp->data);
  }

  static int url(llhttp_t* llhttp, const char* at, size_t bytes) {
    self(llhttp).head_.target = {at, bytes};
    return 0;
  }

  static int field_name(llhttp_t* llhttp, const char* at, size_t bytes) {
    // Once the head is done these are trailers.
    if (!self(llhttp).llhttp_head_done_) self(llhttp).head_.headers.push_back({{at, bytes}, {}});
    return 0;
  }

  static int field_value(llhttp_t* llhttp, const char* at, size_t bytes) {
    if (self(llhttp).llhttp_head_done_) return 0;
    // A value may be reported in several pieces; all of the head lies in one buffer.
    std::string_view& value = self(llhttp).head_.headers.back().value;
    const char* const begin = value.data() == nullptr ? at : value.data();
    value = {begin, static_cast<size_t>(at + bytes - begin)};
    return 0;
  }

  static int head_done(llhttp_t* llhttp) {
    self(llhttp).llhttp_head_done_ = true;
    return HPE_PAUSED;
  }

  static int body(llhttp_t* llhttp, const char* at, size_t bytes) {
    self(llhttp).llhttp_body_ = {at, bytes};
    return 0;
  }

  static int message_done(llhttp_t* llhttp) {
    self(llhttp).llhttp_message_done_ = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t kSettings = [] {
      llhttp_settings_t hooks;
      llhttp_settings_init(&hooks);
      hooks.on_url = url;
      hooks.on_header_field = field_name;
      hooks.on_header_value = field_value;
      hooks.on_headers_complete = head_done;
      hooks.on_body = body;
      hooks.on_message_complete = message_done;
      return hooks;
    }();
    return &kSettings;
  }
};

HttpRefusal HttpRequestParser::run_llhttp_on_head() {
  llhttp_init(&llhttp_, HTTP_REQUEST, LlhttpHooks::settings());
  llhttp_.data = this;
  head_.headers.reserve(head_guard_.field_lines());
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, head_.bytes.data(), head_.bytes.size());
  if (outcome != HPE_PAUSED || !llhttp_head_done_)
    return bad_request("The method is unknown, or the head is malformed.");
  if (head_.headers.size() != head_guard_.field_lines()) return bad_request(kReadersDisagree);
  for (HttpHeader& header : head_.headers) header.value = base::trimmed(header.value);
  head_.version_minor = llhttp_.http_minor;
  return {};
}

HttpRefusal HttpRequestParser::parse_head() {
  const std::string_view text(head_.bytes.data(), head_.bytes.size());
  head_.method = text.substr(0, text.find(' '));
  if (head_.method == "CONNECT") return bad_request("This is not a proxy.");
  // Methods that llhttp does not know are refused by it, valid tokens or not.
  if (const HttpRefusal refusal = run_llhttp_on_head()) return refusal;
  if (const HttpRefusal refusal = judge_head(head_)) return refusal;
  const bool llhttp_chunked = (llhttp_.flags & F_CHUNKED) != 0;
  if (llhttp_chunked != head_.chunked || llhttp_.content_length != head_.content_length.value_or(0))
    return bad_request(kReadersDisagree);
  return {};
}

// Whether llhttp, given that run of the body, finds exactly that data in it and the message's end
// only at its end.
bool HttpRequestParser::llhttp_agrees(std::string_view run, std::string_view body, bool last) {
  llhttp_resume(&llhttp_);
  llhttp_.data = this;
  llhttp_body_ = {};
  const llhttp_errno_t outcome = llhttp_execute(&llhttp_, run.data(), run.size());
  if (outcome != (last ? HPE_PAUSED : HPE_OK) || llhttp_message_done_ != last) return false;
  return llhttp_body_.size() == body.size() && (body.empty() || llhttp_body_.data() == body.data());
}

// --- the parser ---

HttpRequestParser::HttpRequestParser(HttpLimits limits) : limits_(limits), head_guard_(limits) {
  llhttp_init(&llhttp_, HTTP_REQUEST, LlhttpHooks::settings());
}

void HttpRequestParser::reset() { *this = HttpRequestParser(limits_); }

void HttpRequestParser::set_body_limit(uint64_t bytes_max) {
  LIVEHUB_CHECK(stage_ != Stage::kHead, "a body limit is set before the head is known");
  body_bytes_max_ = bytes_max;
  chunk_guard_.set_data_limit(bytes_max);
}

HttpRequestParser::Step HttpRequestParser::next(std::string_view input) {
  switch (stage_) {
    case Stage::kHead:
      return read_head(input);
    case Stage::kSizedBody:
      return read_sized_body(input);
    case Stage::kChunkedBody:
      return read_chunked_body(input);
    case Stage::kComplete:
      return complete(0);
    case Stage::kFailed:
      break;
  }
  return fail(refusal_, 0);
}

HttpRequestParser::Step HttpRequestParser::complete(size_t consumed) {
  stage_ = Stage::kComplete;
  return {.event = Event::kComplete, .consumed = consumed};
}

HttpRequestParser::Step HttpRequestParser::fail(HttpRefusal refusal, size_t consumed) {
  stage_ = Stage::kFailed;
  refusal_ = refusal;
  return {Event::kError, consumed, {}, refusal.error, refusal.detail};
}

HttpRequestParser::Step HttpRequestParser::read_head(std::string_view input) {
  const HeadGuard::Scan scan = head_guard_.scan(input);
  if (scan.progress == GuardProgress::kRefused) return fail(head_guard_.refusal(), scan.consumed);
  const std::string_view fresh = input.substr(scan.skipped, scan.consumed - scan.skipped);
  head_.bytes.insert(head_.bytes.end(), fresh.begin(), fresh.end());
  if (scan.progress == GuardProgress::kMore) return {.consumed = scan.consumed};
  if (const HttpRefusal refusal = parse_head()) return fail(refusal, scan.consumed);
  // A request without a body ends here, whatever llhttp makes of its Upgrade.
  stage_ = head_.chunked    ? Stage::kChunkedBody
           : head_.has_body ? Stage::kSizedBody
                            : Stage::kComplete;
  body_bytes_left_ = head_.content_length.value_or(0);
  return {.event = Event::kHead, .consumed = scan.consumed};
}

HttpRequestParser::Step HttpRequestParser::read_sized_body(std::string_view input) {
  if (*head_.content_length > body_bytes_max_)
    return fail({HttpError::kBodyTooLarge, "The request body is too large."}, 0);
  if (body_bytes_left_ == 0) return complete(0);
  if (input.empty()) return {};
  const std::string_view data =
      input.substr(0, static_cast<size_t>(std::min<uint64_t>(body_bytes_left_, input.size())));
  body_bytes_left_ -= data.size();
  if (!llhttp_agrees(data, data, body_bytes_left_ == 0))
    return fail(bad_request(kReadersDisagree), data.size());
  return {.event = Event::kBody, .consumed = data.size(), .body = data};
}

HttpRequestParser::Step HttpRequestParser::read_chunked_body(std::string_view input) {
  size_t consumed = 0;
  while (consumed < input.size()) {
    const ChunkGuard::Run run = chunk_guard_.next(input.substr(consumed));
    const std::string_view bytes = input.substr(consumed, run.bytes);
    consumed += run.bytes;
    if (run.kind == ChunkGuard::Kind::kRefused) return fail(chunk_guard_.refusal(), consumed);
    const bool is_data = run.kind == ChunkGuard::Kind::kData;
    const bool is_end = run.kind == ChunkGuard::Kind::kEnd;
    if (!llhttp_agrees(bytes, is_data ? bytes : std::string_view(), is_end))
      return fail(bad_request(kReadersDisagree), consumed);
    if (is_end) return complete(consumed);
    if (is_data) return {.event = Event::kBody, .consumed = consumed, .body = bytes};
  }
  return {.consumed = consumed};
}

}  // namespace livehub::wire
