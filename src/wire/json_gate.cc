#include "wire/json_gate.h"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace livehub::wire {
namespace {

constexpr const char* kUnexpected = "Unexpected token";
constexpr const char* kUnexpectedEnd = "Unexpected end of JSON input";
constexpr const char* kControl = "Bad control character in string literal";
constexpr const char* kEscape = "Bad escaped character";
constexpr const char* kUnicodeEscape = "Bad Unicode escape";
constexpr const char* kTooDeep = "Nesting is too deep";

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Whether some byte of the word is a quote, a backslash or below 0x20: each term is nonzero exactly
// where a byte matches.
bool has_special_byte(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  const uint64_t quote = word ^ (kOnes * '"');
  const uint64_t backslash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
          ((word - kOnes * 0x20) & ~word)) &
         kHighs;
}

// What may come next, apart from white space.
enum class Expect { kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kCommaOrEnd, kNothing };

// One pass with an explicit stack of one bit for each open array or object. Input is copied in runs
// that end where white space begins, so compact input is copied once, in bulk.
class Gate {
 public:
  Gate(std::string_view in, std::string& out, unsigned depth_max)
      : begin_(in.data()),
        at_(begin_),
        end_(begin_ + in.size()),
        run_(begin_),
        out_(out),
        depth_max_(depth_max) {}

  JsonGateResult compact() {
    for (;;) {
      skip_space();
      if (at_ == end_ && expect_ == Expect::kNothing) return {true, 0, nullptr};
      if (at_ == end_ ? !fail(kUnexpectedEnd) : !take_token())
        return {false, static_cast<size_t>(at_ - begin_), error_};
    }
  }

 private:
  // Leaves at_ at the next token or at the end, with everything before it copied.
  void skip_space() {
    if (at_ != end_ && !is_space(*at_)) return;
    if (at_ != run_) out_.append(run_, at_);
    while (at_ != end_ && is_space(*at_)) ++at_;
    run_ = at_;
  }

  bool take_token() {
    const char c = *at_;
    switch (expect_) {
      case Expect::kValueOrEnd:
        if (c == ']') return close();
        [[fallthrough]];
      case Expect::kValue:
        return take_value(c);
      case Expect::kKeyOrEnd:
        if (c == '}') return close();
        [[fallthrough]];
      case Expect::kKey:
        expect_ = Expect::kColon;
        return c == '"' ? take_string() : fail(kUnexpected);
      case Expect::kColon:
        expect_ = Expect::kValue;
        return c == ':' ? step() : fail(kUnexpected);
      case Expect::kCommaOrEnd:
        if (c == (in_object_[depth_ - 1] ? '}' : ']')) return close();
        expect_ = in_object_[depth_ - 1] ? Expect::kKey : Expect::kValue;
        return c == ',' ? step() : fail(kUnexpected);
      case Expect::kNothing:
        break;
    }
    return fail(kUnexpected);
  }

  bool take_value(char c) {
    if (c == '{' || c == '[') return open(c == '{');
    expect_ = after_value();
    if (c == '"') return take_string();
    if (c == 't') return take_word("true");
    if (c == 'f') return take_word("false");
    if (c == 'n') return take_word("null");
    return take_number();
  }

  bool open(bool is_object) {
    if (depth_ == depth_max_) return fail(kTooDeep);
    in_object_[depth_++] = is_object;
    expect_ = is_object ? Expect::kKeyOrEnd : Expect::kValueOrEnd;
    return step();
  }

  bool close() {
    --depth_;
    expect_ = after_value();
    return step();
  }

  Expect after_value() const { return depth_ == 0 ? Expect::kNothing : Expect::kCommaOrEnd; }

  bool take_word(std::string_view word) {
    for (const char c : word) {
      if (at_ == end_ || *at_ != c) return fail_here();
      ++at_;
    }
    return true;
  }

  // -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
  bool take_number() {
    if (*at_ == '-') ++at_;
    if (at_ != end_ && *at_ == '0') {
      ++at_;
    } else if (!take_digits()) {
      return false;
    }
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      if (!take_digits()) return false;
    }
    if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      return take_digits();
    }
    return true;
  }

  bool take_digits() {
    if (at_ == end_ || !is_digit(*at_)) return fail_here();
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return true;
  }

  bool take_string() {
    ++at_;
    for (;;) {
      skip_plain();
      if (at_ == end_) return fail(kUnexpectedEnd);
      const char c = *at_;
      if (c == '"') return step();
      if (c != '\\') return fail(kControl);
      if (!take_escape()) return false;
    }
  }

  // Past all bytes that stand for themselves in a string.
  void skip_plain() {
    uint64_t word;
    while (static_cast<size_t>(end_ - at_) >= sizeof word) {
      std::memcpy(&word, at_, sizeof word);
      if (has_special_byte(word)) break;
      at_ += sizeof word;
    }
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20)
      ++at_;
  }

  bool take_escape() {
    ++at_;
    if (at_ == end_) return fail(kUnexpectedEnd);
    if (*at_ != 'u')
      return std::string_view("\"\\/bfnrt").find(*at_) != std::string_view::npos ? step()
                                                                                 : fail(kEscape);
    ++at_;
    for (int digit = 0; digit < 4; ++digit) {
      if (at_ == end_) return fail(kUnexpectedEnd);
      if (!is_hex(*at_)) return fail(kUnicodeEscape);
      ++at_;
    }
    return true;
  }

  bool step() {
    ++at_;
    return true;
  }

  bool fail(const char* error) {
    error_ = error;
    return false;
  }

  bool fail_here() { return fail(at_ == end_ ? kUnexpectedEnd : kUnexpected); }

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* run_;  // the first byte that was not copied yet
  std::string& out_;
  unsigned depth_max_;
  unsigned depth_ = 0;
  Expect expect_ = Expect::kValue;
  const char* error_ = nullptr;
  std::bitset<kJsonDepthMax> in_object_;
};

void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 0xf]);
}

}  // namespace

JsonGateResult json_compact(std::string_view in, std::string& out, unsigned depth_max) {
  LIVEHUB_CHECK(depth_max <= kJsonDepthMax, "the JSON gate has room for kJsonDepthMax levels");
  out.clear();
  out.reserve(in.size());
  const JsonGateResult result = Gate(in, out, depth_max).compact();
  if (!result.ok) out.clear();
  return result;
}

std::string json_error_message(std::string_view in, const JsonGateResult& result) {
  if (result.ok) return {};
  const std::string_view before = in.substr(0, result.error_offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // the first byte of a character
  });
  std::string out = result.error;
  if (result.error_offset < in.size()) {
    const char c = in[result.error_offset];
    const bool is_plain = c > ' ' && c < 0x7f && c != '"' && c != '\\';
    if (is_plain) {
      out.append({' ', c});
    } else {
      append_hex(out.append(" (byte 0x"), static_cast<unsigned char>(c));
      out.push_back(')');
    }
  }
  return out + " at position " + std::to_string(result.error_offset) + " (line " +
         std::to_string(lines + 1) + ", column " + std::to_string(columns + 1) + ")";
}

std::string json_quote(std::string_view utf8) {
  constexpr std::string_view kBytes = "\b\f\n\r\t\"\\", kLetters = "bfnrt\"\\";
  std::string out = "\"";
  for (const char c : utf8) {
    const size_t named = kBytes.find(c);
    if (named != kBytes.npos) {
      out.append({'\\', kLetters[named]});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_hex(out.append("\\u00"), static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out.append("\"");
}

}  // namespace livehub::wire
