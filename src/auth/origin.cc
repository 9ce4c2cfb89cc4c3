#include "auth/origin.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace livehub::auth {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

bool only(std::string_view text, std::string_view a, std::string_view b, std::string_view c = {}) {
  return std::all_of(text.begin(), text.end(), [&](char x) {
    return a.find(x) != a.npos || b.find(x) != b.npos || c.find(x) != c.npos;
  });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// A sentence stays one line of moderate length, whatever the list held.
std::string printable(std::string_view entry) {
  constexpr size_t kShown = 80;
  std::string out(entry.substr(0, kShown));
  for (char& c : out)
    if ((c >= 0 && c < ' ') || c == '\x7f') c = '?';
  return entry.size() > kShown ? out + "..." : out;
}

bool is_scheme(std::string_view scheme) {
  return !scheme.empty() && kLetters.find(scheme[0]) != kLetters.npos &&
         only(scheme, kLetters, kDigits, "+-.");
}

bool is_host(std::string_view host) {
  if (host.starts_with('['))
    return host.size() > 3 && host.ends_with(']') &&
           only(host.substr(1, host.size() - 2), kDigits, "abcdef", ":.");
  return !host.empty() && only(host, kLetters, kDigits, "-._");
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || port[0] == '0' || !only(port, kDigits, {})) return false;
  return std::stoul(std::string(port)) <= 65535;
}

bool is_default_port(std::string_view scheme, std::string_view port) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kDefaults = {
      {{"http", "80"}, {"https", "443"}, {"ws", "80"}, {"wss", "443"}}};
  return std::find(kDefaults.begin(), kDefaults.end(), std::pair(scheme, port)) != kDefaults.end();
}

// Where the port's colon is, or the end; the colons of an IPv6 address stand in brackets.
size_t port_colon(std::string_view authority) {
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  return std::min(colon, authority.size());
}

// As browsers write it, or nothing where no browser would ever send it.
std::optional<std::string> normalized(std::string_view entry) {
  const std::string origin = lower_case(entry);
  const size_t mark = origin.find("://");
  if (mark == std::string::npos) return std::nullopt;
  const std::string_view scheme = std::string_view(origin).substr(0, mark);
  const std::string_view authority = std::string_view(origin).substr(mark + 3);
  const size_t colon = port_colon(authority);
  if (!is_scheme(scheme) || !is_host(authority.substr(0, colon))) return std::nullopt;
  if (colon == authority.size()) return origin;
  const std::string_view port = authority.substr(colon + 1);
  if (!is_port(port)) return std::nullopt;
  return is_default_port(scheme, port) ? origin.substr(0, mark + 3 + colon) : origin;
}

}  // namespace

std::optional<OriginList> OriginList::parse(std::string_view comma_list, std::string& error) {
  OriginList list;
  while (!comma_list.empty()) {
    const size_t comma = std::min(comma_list.find(','), comma_list.size());
    const std::string_view entry = base::trimmed(comma_list.substr(0, comma));
    comma_list.remove_prefix(std::min(comma + 1, comma_list.size()));
    if (entry.empty()) continue;
    if (entry == "*") {
      list.any_ = true;
    } else if (std::optional<std::string> origin = normalized(entry)) {
      list.entries_.push_back(*std::move(origin));
    } else {
      error = "'" + printable(entry) +
              "' is not an origin; write scheme://host or scheme://host:port without a path or a "
              "slash at the end, or * for every origin";
      return std::nullopt;
    }
  }
  if (list.any_ || !list.entries_.empty()) return list;
  error = "the list names no origin";
  return std::nullopt;
}

bool OriginList::allows(std::string_view origin) const {
  return any_ || std::find(entries_.begin(), entries_.end(), origin) != entries_.end();
}

}  // namespace livehub::auth
