// The JSON gate and UTF-8, which every push goes through: the gate says the same as a second reader
// of ECMA-404 made of plain recursion, lets tokens pass unchanged, and what has passed passes
// again; UTF-8 is judged by code points.
#include <string>

#include "fuzz.h"
#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::wire {
namespace {

constexpr unsigned kDepthMax = 64;

// The grammar of ECMA-404, one function a rule; `out` gets the tokens.
class Reference {
 public:
  explicit Reference(std::string_view text) : text_(text) {}
  bool read() {
    const bool is_value = value(0);
    return is_value && text_.empty();
  }
  std::string out;

 private:
  void space() {
    while (!text_.empty() && std::string_view(" \t\r\n").find(text_[0]) != std::string_view::npos)
      text_.remove_prefix(1);
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    out += c;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    out += word;
    text_.remove_prefix(word.size());
    return true;
  }
  bool take_any(std::string_view of) {
    return !text_.empty() && of.find(text_[0]) != std::string_view::npos && take(text_[0]);
  }
  bool digits() {
    if (!take_any("0123456789")) return false;
    while (take_any("0123456789")) {
    }
    return true;
  }
  bool number() {
    (void)take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take_any("eE")) return true;
    (void)take_any("+-");
    return digits();
  }
  bool string() {
    if (!take('"')) return false;
    while (!text_.empty() && text_[0] != '"') {
      if (static_cast<unsigned char>(text_[0]) < 0x20) return false;
      if (take('\\')) {
        if (take('u')) {
          for (int i = 0; i < 4; ++i)
            if (!take_any("0123456789abcdefABCDEF")) return false;
        } else if (!take_any("\"\\/bfnrt")) {
          return false;
        }
      } else {
        (void)take(text_[0]);
      }
    }
    return take('"');
  }
  bool list(char end, bool is_object, unsigned depth) {
    (void)take(text_[0]);
    space();
    if (take(end)) return true;
    do {
      space();
      if (is_object) {
        if (!string()) return false;
        space();
        if (!take(':')) return false;
      }
      if (!value(depth)) return false;
    } while (take(','));
    return take(end);
  }
  bool value(unsigned depth) {
    space();
    bool is_good = false;
    if (text_.starts_with('{') || text_.starts_with('[')) {
      if (depth == kDepthMax) return false;
      is_good = list(text_[0] == '{' ? '}' : ']', text_[0] == '{', depth + 1);
    } else if (text_.starts_with('"')) {
      is_good = string();
    } else {
      is_good = take_word("true") || take_word("false") || take_word("null") || number();
    }
    space();
    return is_good;
  }
  std::string_view text_;
};

// By code points: how long each may be, and which there are.
bool reference_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t size = first < 0x80       ? 1
                        : first >> 5 == 6  ? 2
                        : first >> 4 == 14 ? 3
                        : first >> 3 == 30 ? 4
                                           : 0;
    if (size == 0 || text.size() < size) return false;
    uint32_t point = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; ++i) {
      const auto next = static_cast<unsigned char>(text[i]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return false;
    text.remove_prefix(size);
  }
  return true;
}

void check_utf8(std::string_view input) {
  const bool is_valid = utf8_valid(input);
  MUST(is_valid == reference_utf8(input), "UTF-8 is what RFC 3629 says");
  for (const size_t cut : fuzz::cuts_of(input.size())) {
    Utf8Validator validator;
    const bool is_fed = validator.feed(input.substr(0, cut)) && validator.feed(input.substr(cut));
    MUST((is_fed && validator.complete()) == is_valid, "where the text is cut changes nothing");
  }
  const std::string mended = utf8_with_replacement(input);
  MUST(utf8_valid(mended) && (!is_valid || mended == input), "mended is what must be, no more");
  const std::string_view prefix = utf8_prefix(mended, mended.size() / 2);
  MUST(utf8_valid(prefix) && prefix.size() + 4 > mended.size() / 2, "cut between characters");
}

FUZZ_TARGET(json) {
  check_utf8(input);
  const std::string text = utf8_with_replacement(input);
  std::string out;
  const JsonGateResult result = json_compact(text, out, kDepthMax);
  Reference reference(text);
  MUST(result.ok == reference.read(), "the gate takes exactly the JSON there is");
  if (result.ok) {
    MUST(out == reference.out, "tokens pass unchanged, white space between them does not");
    MUST(out.find_first_of(std::string_view("\r\n\0", 3)) == out.npos,
         "what comes out is one line");
    std::string again;
    MUST(json_compact(out, again, kDepthMax).ok && again == out, "what has passed passes again");
  } else {
    MUST(result.error_offset <= text.size() && result.error != nullptr, "a mistake has its place");
    const std::string sentence = json_error_message(text, result);
    MUST(sentence.find_first_of("\"\\\r\n") == sentence.npos, "its sentence may stand in JSON");
    MUST(out.empty(), "nothing of what is refused comes out");
  }
  const std::string quoted = json_quote(text);
  MUST(json_compact(quoted, out).ok && out == quoted, "a quoted text is one JSON string");
}

}  // namespace
}  // namespace livehub::wire
