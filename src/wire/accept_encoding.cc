#include "wire/accept_encoding.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace livehub::wire {
namespace {

// Off the front up to the separator, which goes too.
std::string_view take_until(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return base::trimmed(part);
}

bool equals(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, {}, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "q=0.5": 0 or 1, or up to three digits behind the point (RFC 9110 12.4.2). Whether it is over 0;
// nothing where it is no weight.
std::optional<bool> weight(std::string_view parameter) {
  if (parameter.size() < 3 || parameter.size() > 7) return std::nullopt;
  if (!equals(parameter.substr(0, 2), "q=")) return std::nullopt;
  const std::string_view value = parameter.substr(2);
  const std::string_view digits = value.size() > 1 ? value.substr(2) : "";
  const bool is_one = value[0] == '1';
  const bool is_well_formed = (is_one || value[0] == '0') &&
                              (value.size() == 1 || value[1] == '.') &&
                              std::ranges::all_of(digits, is_digit);
  const bool has_more = digits.find_first_not_of('0') != digits.npos;
  if (!is_well_formed || (is_one && has_more)) return std::nullopt;
  return is_one || has_more;
}

}  // namespace

bool accepts_gzip(std::span<const std::string_view> fields) {
  std::optional<bool> named, any;
  for (std::string_view field : fields) {
    while (!field.empty()) {
      std::string_view element = take_until(field, ',');
      const std::string_view coding = take_until(element, ';');
      const bool is_wanted = element.empty() || weight(base::trimmed(element)).value_or(false);
      if (equals(coding, "gzip") || equals(coding, "x-gzip"))
        named = named.value_or(false) || is_wanted;
      else if (coding == "*")
        any = is_wanted;
    }
  }
  return named.value_or(any.value_or(false));
}

}  // namespace livehub::wire
