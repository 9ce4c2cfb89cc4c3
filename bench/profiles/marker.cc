#include "profiles/marker.h"

#include <charconv>

namespace livehub::bench {
namespace {

constexpr std::string_view kBegin = "lhb:";

// Reads digits and the separator behind them off the front.
template <typename Number>
bool take_number(std::string_view& text, char separator, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() + text.size() || *end != separator) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

std::optional<Marker> find_marker(std::string_view text) {
  const size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + kBegin.size());
  Marker found;
  const bool is_whole = take_number(text, ':', found.publisher) &&
                        take_number(text, ':', found.sequence) &&
                        take_number(text, ';', found.due_ns);
  if (!is_whole || found.publisher >= kPublishers) return std::nullopt;
  return found;
}

std::string marker_text(const Marker& marker) {
  return std::string(kBegin) + std::to_string(marker.publisher) + ':' +
         std::to_string(marker.sequence) + ':' + std::to_string(marker.due_ns) + ';';
}

}  // namespace livehub::bench
