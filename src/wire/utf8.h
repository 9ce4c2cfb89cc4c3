// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
// Noncharacters such as U+FFFE are valid. Everything here is pure. Tests:
// tests/unit/wire/utf8_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::wire {

// Checks text that arrives in pieces, and fails at the first byte that no valid text could continue
// with (not only at the end of the broken sequence), as RFC 6455 section 8.1 lets a server do.
class Utf8Validator {
 public:
  // False once the bytes so far cannot be the beginning of valid text; it then stays false.
  [[nodiscard]] bool feed(std::string_view bytes);

  // Whether the text could end here: nothing was wrong and no sequence is half received.
  bool complete() const { return !failed_ && awaited_ == 0; }

  void reset() { *this = Utf8Validator(); }

 private:
  bool step(unsigned char byte);

  uint8_t awaited_ = 0;  // continuation bytes that the open sequence still lacks
  uint8_t low_ = 0x80;   // the range that its next byte must be in
  uint8_t high_ = 0xBF;
  bool failed_ = false;
};
static_assert(sizeof(Utf8Validator) == 4);

bool utf8_valid(std::string_view text);

// The WHATWG "UTF-8 decode" of the bytes, encoded again: each maximal subpart of an ill-formed
// sequence becomes one U+FFFD. A byte order mark is kept.
std::string utf8_with_replacement(std::string_view bytes);

// The longest beginning of at most `bytes_max` bytes that cuts no sequence of valid text in two.
std::string_view utf8_prefix(std::string_view text, size_t bytes_max);

}  // namespace livehub::wire
