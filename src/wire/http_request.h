// HTTP/1.1 requests as bytes (RFC 9110, 9112): one head, then its body, in pieces as they arrive.
//
// Why two readers: our byte guard (http_guard.h) refuses whatever two HTTP implementations might
// read differently; llhttp then parses what is left, and both must agree on the number of fields
// and on every byte of the body. A request they see differently is refused, never guessed at.
//
// Owned by one connection; **shard-local**; no I/O, no clock. Holds the head only (at most
// HttpLimits::head_bytes_max); bodies are views into the caller's bytes. Invariants:
//  1. The events depend on the bytes alone, never on how they were cut into calls, except that one
//     kBody may become several.
//  2. At most one of content_length and chunked; an upgrade request has no body.
//  3. After kComplete nothing behind `consumed` was looked at; after kError nothing ever is.
// Tests: http_request_test.cc and http_vectors_test.cc in tests/unit/wire, and the table of
// tests/conformance/http_vectors.h.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/http_guard.h"

namespace livehub::wire {

// The status to answer with; 200 for kNone.
[[nodiscard]] int http_status(HttpError error);

// Value without the white space around it. Bytes of 0x80 and over may occur in values, not in
// names.
struct HttpHeader {
  std::string_view name;
  std::string_view value;
};

// A complete request head. It owns its bytes (all views point into them or at static text), so it
// can be moved but not copied.
struct HttpHead {
  HttpHead() = default;
  HttpHead(const HttpHead&) = delete;
  HttpHead& operator=(const HttpHead&) = delete;
  HttpHead(HttpHead&&) = default;
  HttpHead& operator=(HttpHead&&) = default;
  ~HttpHead() = default;

  std::string_view method;
  std::string_view target;  // as sent
  std::string_view path;    // "/…" without the query, or "*" (OPTIONS); not percent-decoded
  std::string_view query;   // without '?'
  // Authority of an absolute-form target, which overrides the field (RFC 9112 3.2.2), else the
  // value of Host; empty only on HTTP/1.0.
  std::string_view host;
  std::vector<HttpHeader> headers;
  uint8_t version_minor = 1;
  bool keep_alive = true;  // the peer allows another request on this connection
  bool chunked = false;
  bool has_body = false;  // chunked, or a content_length over 0
  std::optional<uint64_t> content_length;
  bool expect_continue = false;  // the peer may wait for 100 before it sends its body
  // Upgrade names websocket and Connection names upgrade, on HTTP/1.1 (RFC 9110 7.8: ignored
  // on 1.0). The method is not looked at. Upgrades to anything else are ordinary requests.
  bool upgrade_requested = false;

  // First of that name, in any case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] size_t header_count(std::string_view name) const;
  // The values of all fields of that name, in order.
  [[nodiscard]] std::vector<std::string_view> header_values(std::string_view name) const;
  // Whether the comma-separated list in all fields of that name holds the token, in any case.
  [[nodiscard]] bool header_lists(std::string_view name, std::string_view token) const;

  std::vector<char> bytes;  // owned by the views above: not to be changed
};

class HttpRequestParser {  // one per request in progress; reset() for the next on the same
                           // connection
 public:
  explicit HttpRequestParser(HttpLimits limits = {});

  enum class Event : uint8_t { kNeedMore, kHead, kBody, kComplete, kError };
  struct Step {
    Event event = Event::kNeedMore;
    size_t consumed = 0;
    std::string_view body = {};  // kBody: never empty, a view into `input`, freed of chunk framing
    HttpError error = HttpError::kNone;
    std::string_view detail = {};  // kError: a static sentence
  };

  // Consumes from the front of `input`. Call again with the rest, even when nothing is left, until
  // kNeedMore (all was consumed), kComplete or kError; those two repeat until reset().
  // kHead: head() is valid until reset(). kComplete: the request has ended; the bytes after
  // `consumed` belong to the next one, or, if head().upgrade_requested, to the other protocol.
  // kError: answer, then close; what follows on the connection has no meaning any more.
  Step next(std::string_view input);

  // Valid after kHead.
  [[nodiscard]] const HttpHead& head() const { return head_; }

  // Call after kHead. A body over it is kError kBodyTooLarge: by its Content-Length at the next
  // call, chunked at the size line of the chunk that grows past it. Without the call there is no
  // limit here (nothing of a body is kept).
  void set_body_limit(uint64_t bytes_max);

  // At least one byte of a head was seen, the empty lines before it not counted; true until
  // reset().
  [[nodiscard]] bool in_head_started() const { return head_guard_.started(); }

  // Bytes kept here: those of the head so far.
  [[nodiscard]] size_t buffered_bytes() const { return head_.bytes.size(); }

  // Starts anew with the same limits and frees the head.
  void reset();

 private:
  enum class Stage : uint8_t { kHead, kSizedBody, kChunkedBody, kComplete, kFailed };
  friend struct LlhttpHooks;

  Step read_head(std::string_view input);
  Step read_sized_body(std::string_view input);
  Step read_chunked_body(std::string_view input);
  Step complete(size_t consumed);
  Step fail(HttpRefusal refusal, size_t consumed);
  HttpRefusal parse_head();
  HttpRefusal run_llhttp_on_head();
  bool llhttp_agrees(std::string_view run, std::string_view body, bool last);

  HttpLimits limits_;
  Stage stage_ = Stage::kHead;
  HeadGuard head_guard_;
  ChunkGuard chunk_guard_;
  HttpHead head_;
  uint64_t body_bytes_left_ = 0;
  uint64_t body_bytes_max_ = std::numeric_limits<uint64_t>::max();
  HttpRefusal refusal_;

  // llhttp and what it reported during one call of it.
  llhttp_t llhttp_;
  std::string_view llhttp_body_;
  bool llhttp_head_done_ = false;
  bool llhttp_message_done_ = false;
};

}  // namespace livehub::wire
