// The strict byte guard in front of llhttp (RFC 9112 sections 2-7). Why it exists: llhttp forgives
// what proxies read differently (a bare CR or LF, folded lines, odd chunk sizes), and every such
// difference is a way to smuggle a second request past a proxy. The guards here know only the
// narrow grammar we accept; they remember their place, so a head that arrives byte by byte costs no
// more than a whole one.
//
// Owned by one HttpRequestParser; **shard-local**; nothing is allocated. Limits: those of
// HttpLimits and the constants below. Invariants:
//  1. A guard looks at each byte once; what it says depends on the bytes alone, never on the cuts
//     between the calls.
//  2. Once refused, always refused: the owner starts anew.
// Tests: tests/unit/wire/http_guard_test.cc, and all vectors of tests/conformance/http_vectors.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace livehub::wire {

// What a peer did wrong, by the status it is answered with (http_status()).
enum class HttpError : uint8_t {
  kNone,
  kBadRequest,          // 400
  kTargetTooLong,       // 414
  kHeadTooLarge,        // 431
  kBodyTooLarge,        // 413
  kUnsupportedVersion,  // 505
  kExpectationFailed,   // 417
};

// Bytes of the whole head with its blank line, bytes of the target, number of header lines.
struct HttpLimits {
  size_t head_bytes_max = 16384;
  size_t target_bytes_max = 8192;
  size_t headers_max = 100;
};

// RFC 9112 2.2 asks to skip at least one empty line before a request; old clients send one CRLF
// more than the body they announced.
inline constexpr size_t kLeadingEmptyLinesMax = 2;
inline constexpr size_t kMethodBytesMax = 32;
// 4 GiB in one chunk is more than any body we take; longer sizes serve only to overflow someone.
inline constexpr size_t kChunkSizeDigitsMax = 8;
// Chunk extensions of one body together. RFC 9112 7.1.1: unknown ones are ignored, their total
// length ought to be limited (one extension byte per body byte is a known way to burn a server's
// time).
inline constexpr size_t kChunkExtensionBytesMax = 256;
inline constexpr size_t kTrailerBytesMax = 2048;
inline constexpr size_t kTrailersMax = 16;

// Why a guard or a parser says no; `detail` is a static sentence. error == kNone: it does not.
struct HttpRefusal {
  HttpError error = HttpError::kNone;
  std::string_view detail;
  explicit operator bool() const { return error != HttpError::kNone; }
};

enum class GuardProgress : uint8_t { kMore, kDone, kRefused };

// tchar of RFC 9110 5.6.2.
[[nodiscard]] bool is_token_char(char c);
// Whether all of it, and at least one byte, is tchar.
[[nodiscard]] bool is_token(std::string_view text);
// What a field value may hold: visible ASCII, SP, HT, and bytes of 0x80 and over (RFC 9110 5.5).
[[nodiscard]] bool is_field_value_char(char c);

// Field lines up to and including the blank line: the fields of a head, or trailers.
class FieldSectionGuard {
 public:
  explicit FieldSectionGuard(size_t lines_max) : lines_max_(lines_max) {}
  GuardProgress take(char c);
  [[nodiscard]] size_t lines() const { return lines_; }
  [[nodiscard]] HttpRefusal refusal() const { return refusal_; }

 private:
  enum class State : uint8_t { kLineStart, kName, kValue, kLineLf, kEndLf };
  GuardProgress line_start(char c);
  GuardProgress refuse(HttpError error, std::string_view detail);

  State state_ = State::kLineStart;
  size_t lines_ = 0;
  size_t lines_max_;
  HttpRefusal refusal_;
};

// A request head, from the empty lines before it to the blank line that ends it.
class HeadGuard {
 public:
  explicit HeadGuard(HttpLimits limits) : limits_(limits), fields_(limits.headers_max) {}

  struct Scan {
    GuardProgress progress;
    size_t consumed;  // all of the input while kMore
    size_t skipped;   // of these, the first ones are empty lines before the head
  };
  Scan scan(std::string_view input);

  // At least one byte of the head itself was seen.
  [[nodiscard]] bool started() const { return head_bytes_ != 0; }
  [[nodiscard]] size_t field_lines() const { return fields_.lines(); }
  [[nodiscard]] HttpRefusal refusal() const { return refusal_; }

 private:
  enum class State : uint8_t { kStart, kStartLf, kMethod, kTarget, kVersion, kVersionLf, kFields };
  GuardProgress take(char c);
  GuardProgress start(char c);
  GuardProgress method(char c);
  GuardProgress target(char c);
  GuardProgress version(char c);
  GuardProgress version_end(char c);
  GuardProgress refuse(HttpError error, std::string_view detail);

  HttpLimits limits_;
  State state_ = State::kStart;
  uint8_t version_index_ = 0;
  char major_ = 0;
  char minor_ = 0;
  size_t empty_lines_ = 0;
  size_t head_bytes_ = 0;
  size_t part_bytes_ = 0;  // of the method or the target
  FieldSectionGuard fields_;
  HttpRefusal refusal_;
};

// A chunked body (RFC 9112 7.1). It cuts the input into runs, each of one kind, so that whoever
// decodes the same bytes can be held to it.
class ChunkGuard {
 public:
  enum class Kind : uint8_t { kFraming, kData, kEnd, kRefused };
  struct Run {
    Kind kind;
    size_t bytes;  // of the input; kEnd: framing, the body's last bytes. 0 only for an empty input
  };
  Run next(std::string_view input);

  // Data bytes of all chunks together. A chunk that would exceed it is refused at its size line.
  void set_data_limit(uint64_t bytes_max) { data_bytes_max_ = bytes_max; }
  [[nodiscard]] HttpRefusal refusal() const { return refusal_; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kExtNameFirst,
    kExtName,
    kExtValueFirst,
    kExtValue,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailers,
  };
  GuardProgress take(char c);
  GuardProgress size(char c);
  GuardProgress extension(char c);
  GuardProgress after_size(char c);
  GuardProgress size_line_end(char c);
  GuardProgress trailer(char c);
  GuardProgress refuse(HttpError error, std::string_view detail);

  State state_ = State::kSizeFirst;
  uint8_t size_digits_ = 0;
  uint64_t chunk_bytes_ = 0;  // announced by the size line being read
  uint64_t data_left_ = 0;
  uint64_t data_bytes_ = 0;
  uint64_t data_bytes_max_ = std::numeric_limits<uint64_t>::max();
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  FieldSectionGuard trailers_{kTrailersMax};
  HttpRefusal refusal_;
};

}  // namespace livehub::wire
