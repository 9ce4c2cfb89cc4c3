#include "wire/http_guard.h"

#include <algorithm>
#include <array>

namespace livehub::wire {
namespace {

using Table = std::array<bool, 256>;

constexpr Table kTokenTable = [] {
  Table table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// All visible ASCII but '#': browsers send some characters raw that RFC 3986 would have encoded,
// as '{' or '|' in a query, and within the target none of them can move a boundary. A fragment is
// never sent by anyone.
bool is_target_byte(char c) { return c > ' ' && c <= '~' && c != '#'; }

// -1: not a hex digit.
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::string_view kBareCr = "A CR is not followed by LF.";
constexpr std::string_view kBareLf = "An LF is not preceded by CR.";

}  // namespace

bool is_token_char(char c) { return kTokenTable[static_cast<unsigned char>(c)]; }

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool is_field_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// --- field lines ---

GuardProgress FieldSectionGuard::refuse(HttpError error, std::string_view detail) {
  refusal_ = {error, detail};
  return GuardProgress::kRefused;
}

GuardProgress FieldSectionGuard::line_start(char c) {
  if (c == '\r') {
    state_ = State::kEndLf;
    return GuardProgress::kMore;
  }
  if (c == ' ' || c == '\t')
    return refuse(HttpError::kBadRequest, "A header line begins with white space.");
  if (c == '\n') return refuse(HttpError::kBadRequest, kBareLf);
  if (!is_token_char(c))
    return refuse(HttpError::kBadRequest, "A header name begins with a forbidden character.");
  if (++lines_ > lines_max_) return refuse(HttpError::kHeadTooLarge, "Too many header lines.");
  state_ = State::kName;
  return GuardProgress::kMore;
}

GuardProgress FieldSectionGuard::take(char c) {
  if (refusal_) return GuardProgress::kRefused;
  switch (state_) {
    case State::kLineStart:
      return line_start(c);
    case State::kName:
      if (c == ':') {
        state_ = State::kValue;
        return GuardProgress::kMore;
      }
      if (is_token_char(c)) return GuardProgress::kMore;
      return refuse(HttpError::kBadRequest,
                    "A header name holds a forbidden character, or white space before its colon.");
    case State::kValue:
      if (is_field_value_char(c)) return GuardProgress::kMore;
      if (c == '\r') {
        state_ = State::kLineLf;
        return GuardProgress::kMore;
      }
      if (c == '\n') return refuse(HttpError::kBadRequest, kBareLf);
      return refuse(HttpError::kBadRequest, "A header value holds a control character.");
    case State::kLineLf:
      if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
      state_ = State::kLineStart;
      return GuardProgress::kMore;
    case State::kEndLf:
      if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
      return GuardProgress::kDone;
  }
  return refuse(HttpError::kBadRequest, "The header lines make no sense.");
}

// --- head ---

GuardProgress HeadGuard::refuse(HttpError error, std::string_view detail) {
  refusal_ = {error, detail};
  return GuardProgress::kRefused;
}

HeadGuard::Scan HeadGuard::scan(std::string_view input) {
  size_t skipped = 0;
  for (size_t i = 0; i < input.size(); ++i) {
    const GuardProgress progress = take(input[i]);
    if (progress != GuardProgress::kMore) return {progress, i + 1, skipped};
    if (!started()) skipped = i + 1;
  }
  return {GuardProgress::kMore, input.size(), skipped};
}

GuardProgress HeadGuard::take(char c) {
  if (refusal_) return GuardProgress::kRefused;
  if (state_ == State::kStart || state_ == State::kStartLf) return start(c);
  if (++head_bytes_ > limits_.head_bytes_max) {
    if (state_ == State::kTarget)
      return refuse(HttpError::kTargetTooLong, "The request target is too long.");
    return refuse(HttpError::kHeadTooLarge, "The request head is too large.");
  }
  switch (state_) {
    case State::kMethod:
      return method(c);
    case State::kTarget:
      return target(c);
    case State::kVersion:
      return version(c);
    case State::kVersionLf:
      return version_end(c);
    default:
      break;
  }
  const GuardProgress progress = fields_.take(c);
  if (progress == GuardProgress::kRefused) refusal_ = fields_.refusal();
  return progress;
}

GuardProgress HeadGuard::start(char c) {
  if (state_ == State::kStartLf) {
    if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
    if (++empty_lines_ > kLeadingEmptyLinesMax)
      return refuse(HttpError::kBadRequest, "Too many empty lines before a request.");
    state_ = State::kStart;
    return GuardProgress::kMore;
  }
  if (c == '\r') {
    state_ = State::kStartLf;
    return GuardProgress::kMore;
  }
  if (c == '\n') return refuse(HttpError::kBadRequest, kBareLf);
  if (!is_token_char(c))
    return refuse(HttpError::kBadRequest, "A request does not begin with a method.");
  state_ = State::kMethod;
  head_bytes_ = 1;
  part_bytes_ = 1;
  return GuardProgress::kMore;
}

GuardProgress HeadGuard::method(char c) {
  if (c == ' ') {
    state_ = State::kTarget;
    part_bytes_ = 0;
    return GuardProgress::kMore;
  }
  if (!is_token_char(c))
    return refuse(HttpError::kBadRequest, "The method holds a forbidden character.");
  if (++part_bytes_ > kMethodBytesMax)
    return refuse(HttpError::kBadRequest, "The method is too long.");
  return GuardProgress::kMore;
}

GuardProgress HeadGuard::target(char c) {
  if (c == ' ' && part_bytes_ != 0) {
    state_ = State::kVersion;
    return GuardProgress::kMore;
  }
  if (!is_target_byte(c))
    return refuse(HttpError::kBadRequest,
                  "The request line has no version, or its target a forbidden character.");
  if (++part_bytes_ > limits_.target_bytes_max)
    return refuse(HttpError::kTargetTooLong, "The request target is too long.");
  return GuardProgress::kMore;
}

GuardProgress HeadGuard::version(char c) {
  constexpr std::string_view kPattern = "HTTP/d.d\r";
  const char expected = kPattern[version_index_];
  if (expected == 'd' ? !is_digit(c) : c != expected)
    return refuse(HttpError::kBadRequest, "The request line does not end with an HTTP version.");
  if (version_index_ == 5) major_ = c;
  if (version_index_ == 7) minor_ = c;
  if (++version_index_ == kPattern.size()) state_ = State::kVersionLf;
  return GuardProgress::kMore;
}

GuardProgress HeadGuard::version_end(char c) {
  if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
  if (major_ != '1' || minor_ > '1')
    return refuse(HttpError::kUnsupportedVersion, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  state_ = State::kFields;
  return GuardProgress::kMore;
}

// --- chunked body ---

GuardProgress ChunkGuard::refuse(HttpError error, std::string_view detail) {
  refusal_ = {error, detail};
  return GuardProgress::kRefused;
}

ChunkGuard::Run ChunkGuard::next(std::string_view input) {
  if (refusal_) return {Kind::kRefused, 0};
  if (state_ == State::kData && !input.empty()) {
    const uint64_t bytes = std::min<uint64_t>(data_left_, input.size());
    data_left_ -= bytes;
    if (data_left_ == 0) state_ = State::kDataCr;
    return {Kind::kData, static_cast<size_t>(bytes)};
  }
  for (size_t i = 0; i < input.size(); ++i) {
    const GuardProgress progress = take(input[i]);
    if (progress == GuardProgress::kRefused) return {Kind::kRefused, i + 1};
    if (progress == GuardProgress::kDone) return {Kind::kEnd, i + 1};
    if (state_ == State::kData) return {Kind::kFraming, i + 1};
  }
  return {Kind::kFraming, input.size()};
}

GuardProgress ChunkGuard::take(char c) {
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize:
      return size(c);
    case State::kExtNameFirst:
    case State::kExtName:
    case State::kExtValueFirst:
    case State::kExtValue:
      return extension(c);
    case State::kSizeLf:
      return size_line_end(c);
    case State::kDataCr:
      if (c != '\r')
        return refuse(HttpError::kBadRequest, "A chunk is longer than its announced size.");
      state_ = State::kDataLf;
      return GuardProgress::kMore;
    case State::kDataLf:
      if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
      state_ = State::kSizeFirst;
      return GuardProgress::kMore;
    case State::kTrailers:
      return trailer(c);
    case State::kData:
      break;
  }
  return refuse(HttpError::kBadRequest, "The chunked body makes no sense.");
}

GuardProgress ChunkGuard::size(char c) {
  const bool first = state_ == State::kSizeFirst;
  if (first) {
    size_digits_ = 0;
    chunk_bytes_ = 0;
  }
  const int digit = hex_value(c);
  if (digit < 0) {
    if (first) return refuse(HttpError::kBadRequest, "A chunk size is not a hexadecimal number.");
    return after_size(c);
  }
  if (++size_digits_ > kChunkSizeDigitsMax)
    return refuse(HttpError::kBadRequest, "A chunk size has too many digits.");
  chunk_bytes_ = chunk_bytes_ * 16 + static_cast<uint64_t>(digit);
  state_ = State::kSize;
  return GuardProgress::kMore;
}

GuardProgress ChunkGuard::after_size(char c) {
  if (c == '\r') {
    state_ = State::kSizeLf;
    return GuardProgress::kMore;
  }
  if (c == ';') {
    if (++extension_bytes_ > kChunkExtensionBytesMax)
      return refuse(HttpError::kBadRequest, "The chunk extensions are too long.");
    state_ = State::kExtNameFirst;
    return GuardProgress::kMore;
  }
  return refuse(HttpError::kBadRequest, "A chunk size is followed by a forbidden character.");
}

// ";name" and ";name=token", without white space. Quoted strings are refused, though RFC 9112 7.1.1
// has them: what a quoted CR, LF or quote means is where readers differ, and no client sends them.
// (llhttp 8.1 for its part refuses an extension behind one that has a value.)
GuardProgress ChunkGuard::extension(char c) {
  if (is_token_char(c)) {
    if (++extension_bytes_ > kChunkExtensionBytesMax)
      return refuse(HttpError::kBadRequest, "The chunk extensions are too long.");
    if (state_ == State::kExtNameFirst) state_ = State::kExtName;
    if (state_ == State::kExtValueFirst) state_ = State::kExtValue;
    return GuardProgress::kMore;
  }
  if (c == '=' && state_ == State::kExtName) {
    if (++extension_bytes_ > kChunkExtensionBytesMax)
      return refuse(HttpError::kBadRequest, "The chunk extensions are too long.");
    state_ = State::kExtValueFirst;
    return GuardProgress::kMore;
  }
  if (state_ == State::kExtName || state_ == State::kExtValue) return after_size(c);
  return refuse(HttpError::kBadRequest, "A chunk extension is malformed.");
}

GuardProgress ChunkGuard::size_line_end(char c) {
  if (c != '\n') return refuse(HttpError::kBadRequest, kBareCr);
  if (chunk_bytes_ == 0) {
    state_ = State::kTrailers;
    return GuardProgress::kMore;
  }
  // A limit set late may lie below what was already let through.
  if (chunk_bytes_ > data_bytes_max_ - std::min(data_bytes_, data_bytes_max_))
    return refuse(HttpError::kBodyTooLarge, "The request body is too large.");
  data_bytes_ += chunk_bytes_;
  data_left_ = chunk_bytes_;
  state_ = State::kData;
  return GuardProgress::kMore;
}

// Trailers are checked like header lines, then forgotten: nothing reads them, so a Content-Length
// or Host among them has no power.
GuardProgress ChunkGuard::trailer(char c) {
  if (++trailer_bytes_ > kTrailerBytesMax)
    return refuse(HttpError::kHeadTooLarge, "The trailers are too large.");
  const GuardProgress progress = trailers_.take(c);
  if (progress == GuardProgress::kRefused) refusal_ = trailers_.refusal();
  return progress;
}

}  // namespace livehub::wire
