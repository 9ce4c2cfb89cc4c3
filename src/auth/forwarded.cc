#include "auth/forwarded.h"

#include "base/text.h"

namespace livehub::auth {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::optional<IpAddress> parse_forwarded_entry(std::string_view entry) {
  entry = base::trimmed(entry);
  if (entry.starts_with('[')) {
    const size_t end = entry.find(']');
    if (end == entry.npos) return std::nullopt;
    const std::string_view behind = entry.substr(end + 1);
    if (!behind.empty() && (behind[0] != ':' || !is_port(behind.substr(1)))) return std::nullopt;
    const std::string_view inside = entry.substr(1, end - 1);
    return inside.find(':') == inside.npos ? std::nullopt : parse_ip(inside);
  }
  const size_t colon = entry.find(':');
  const bool has_port = colon != entry.npos && entry.find(':', colon + 1) == entry.npos;
  if (!has_port) return parse_ip(entry);
  return is_port(entry.substr(colon + 1)) ? parse_ip(entry.substr(0, colon)) : std::nullopt;
}

std::optional<IpAddress> forwarded_client(const NetworkList& trusted,
                                          std::span<const std::string_view> forwarded_for) {
  for (size_t field = forwarded_for.size(); field-- > 0;) {
    std::string_view list = forwarded_for[field];
    while (true) {
      const size_t comma = list.rfind(',');
      const std::string_view entry = comma == list.npos ? list : list.substr(comma + 1);
      const std::optional<IpAddress> address = parse_forwarded_entry(entry);
      if (!address) return std::nullopt;
      if (!trusted.contains(*address)) return address;
      if (comma == list.npos) break;
      list = list.substr(0, comma);
    }
  }
  return std::nullopt;
}

}  // namespace livehub::auth
