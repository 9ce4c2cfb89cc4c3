// Percent-encoding and query strings: what is encoded comes back; what is decoded, a second reader
// decodes to the same; a query's value is found where WHATWG's form parser would find it first.
#include <string>

#include "fuzz.h"
#include "wire/url.h"

namespace livehub::wire {
namespace {

std::optional<std::string> reference_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  while (!text.empty()) {
    if (text[0] == '%') {
      const std::string hex(text.substr(1, 2));
      if (hex.size() != 2 || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos)
        return std::nullopt;
      out += static_cast<char>(std::stoi(hex, nullptr, 16));
      text.remove_prefix(3);
    } else {
      out += plus_is_space && text[0] == '+' ? ' ' : text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

// The query's pairs in order, as they stand.
std::vector<std::pair<std::string_view, std::string_view>> pairs_of(std::string_view query) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (size_t from = 0; from <= query.size();) {
    const size_t end = std::min(query.find('&', from), query.size());
    const std::string_view pair = query.substr(from, end - from);
    from = end + 1;
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    pairs.emplace_back(pair.substr(0, equals),
                       equals == pair.npos ? std::string_view() : pair.substr(equals + 1));
  }
  return pairs;
}

std::optional<std::string> reference_value(std::string_view query, std::string_view name) {
  for (const auto& [key, value] : pairs_of(query))
    if (reference_decode(key, true) == name) return reference_decode(value, true);
  return std::nullopt;
}

FUZZ_TARGET(url) {
  for (const bool plus : {false, true})
    MUST(percent_decode(input, plus) == reference_decode(input, plus), "both decode the same");
  const std::string encoded = percent_encode(input);
  MUST(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                 "-._~%") == encoded.npos,
       "what is encoded may stand anywhere in a URL");
  for (const bool plus : {false, true})
    MUST(percent_decode(encoded, plus) == std::string(input), "what is encoded comes back");

  fuzz::Input parts(input);
  const std::string_view name = parts.until('#');
  const std::string_view query = parts.rest();
  MUST(query_value(query, name) == reference_value(query, name), "both find the same value");
  for (const auto& [key, value] : pairs_of(input))
    if (const auto plain = reference_decode(key, true))
      MUST(query_value(input, *plain) == reference_value(input, *plain), "each name is found");
  const std::string made = "x=1&" + percent_encode(name) + "=" + percent_encode(query) + "&y";
  if (name != "x") MUST(query_value(made, name) == std::string(query), "a value comes back");
}

}  // namespace
}  // namespace livehub::wire
