// What several rooms do with text. Pure. Tests: tests/unit/base/text_test.cc.
#pragma once

#include <string_view>

namespace livehub::base {

// Without the blanks and tabs around it (RFC 9110 5.6.3, OWS).
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace livehub::base
