#include "auth/ip_address.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace livehub::auth {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

// Decimal digits without leading zeros, nothing around them.
std::optional<unsigned> number_of(std::string_view text, unsigned most) {
  unsigned value = 0;
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= most ? std::optional(value) : std::nullopt;
}

bool parse_v4(std::string_view text, uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == text.npos) return false;
    const std::optional<unsigned> part = number_of(text.substr(0, dot), 255);
    if (!part) return false;
    out[i] = static_cast<uint8_t>(*part);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

std::optional<uint16_t> group_of(std::string_view text) {
  uint16_t value = 0;
  if (text.empty() || text.size() > 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

// Groups with single colons between, maybe an IPv4 address as the last two; false: not such.
bool parse_groups(std::string_view text, std::vector<uint8_t>& out) {
  while (!text.empty()) {
    const size_t colon = text.find(':');
    const std::string_view word = text.substr(0, colon);
    if (colon == text.npos && word.find('.') != word.npos) {
      out.resize(out.size() + 4);
      return parse_v4(word, out.data() + out.size() - 4);
    }
    const std::optional<uint16_t> group = group_of(word);
    if (!group || out.size() >= 16) return false;
    out.push_back(static_cast<uint8_t>(*group >> 8));
    out.push_back(static_cast<uint8_t>(*group));
    if (colon == text.npos) return true;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;  // a colon at the end
  }
  return true;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  IpAddress address;
  std::vector<uint8_t> front, back;
  const size_t gap = text.find("::");
  if (gap == text.npos) {
    if (!parse_groups(text, front) || front.size() != 16) return std::nullopt;
  } else {
    const std::string_view head = text.substr(0, gap);
    if (head.find('.') != head.npos || !parse_groups(head, front) ||
        !parse_groups(text.substr(gap + 2), back) || front.size() + back.size() > 14)
      return std::nullopt;
  }
  std::copy(front.begin(), front.end(), address.bytes.begin());
  std::copy(back.begin(), back.end(), address.bytes.end() - static_cast<ptrdiff_t>(back.size()));
  return address;
}

std::string v4_text(const uint8_t* bytes) {
  std::string text;
  for (int i = 0; i < 4; ++i) text += (i > 0 ? "." : "") + std::to_string(bytes[i]);
  return text;
}

unsigned group_at(const IpAddress& address, size_t index) {
  return static_cast<unsigned>(address.bytes[2 * index] << 8 | address.bytes[2 * index + 1]);
}

// The longest run of zero groups, the first of equals, two at least; its length is 0 if none.
std::pair<size_t, size_t> longest_zeros(const IpAddress& address) {
  size_t best = 0, best_size = 1;
  for (size_t begin = 0; begin < 8; ++begin) {
    size_t end = begin;
    while (end < 8 && group_at(address, end) == 0) ++end;
    if (end - begin > best_size) best = begin, best_size = end - begin;
  }
  return {best, best_size > 1 ? best_size : 0};
}

bool has_bit(const IpAddress& address, unsigned bit) {
  return (address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

}  // namespace

bool IpAddress::is_v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.find(':') != text.npos) return parse_v6(text);
  IpAddress address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  if (!parse_v4(text, address.bytes.data() + kMapped.size())) return std::nullopt;
  return address;
}

std::string ip_text(const IpAddress& address) {
  if (address.is_v4()) return v4_text(address.bytes.data() + kMapped.size());
  const auto [zeros, zeros_size] = longest_zeros(address);
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    if (zeros_size > 0 && i == zeros) {
      text += "::";
      i += zeros_size - 1;
      continue;
    }
    char digits[4];
    const auto end = std::to_chars(digits, digits + sizeof(digits), group_at(address, i), 16).ptr;
    if (!text.empty() && text.back() != ':') text += ':';
    text.append(digits, end);
  }
  return text;
}

std::optional<NetworkList> NetworkList::parse(std::string_view comma_list, std::string& error) {
  NetworkList list;
  if (base::trimmed(comma_list) == "none") return list;
  for (bool is_last = false; !is_last;) {
    const size_t comma = comma_list.find(',');
    is_last = comma == comma_list.npos;
    const std::string_view entry = base::trimmed(comma_list.substr(0, comma));
    comma_list.remove_prefix(is_last ? comma_list.size() : comma + 1);
    const size_t slash = entry.find('/');
    const std::optional<IpAddress> first = parse_ip(entry.substr(0, slash));
    const bool is_v4 = first && entry.find(':') == entry.npos;
    const std::optional<unsigned> bits = slash == entry.npos
                                             ? std::optional(is_v4 ? 32u : 128u)
                                             : number_of(entry.substr(slash + 1), is_v4 ? 32 : 128);
    if (!first || !bits) {
      error = "each entry is an address or a network, as in 10.0.0.0/8 or fd00::/8";
      return std::nullopt;
    }
    const Network network{*first, *bits + (is_v4 ? kMappedBits : 0)};
    for (unsigned bit = network.bits; bit < 128; ++bit) {
      if (!has_bit(network.first, bit)) continue;
      error = "a network's address has no bits behind its prefix, as in 10.0.0.0/8";
      return std::nullopt;
    }
    list.networks_.push_back(network);
  }
  return list;
}

bool NetworkList::contains(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    const size_t whole = network.bits / 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<ptrdiff_t>(whole),
                    network.first.bytes.begin()))
      return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || (address.bytes[whole] ^ network.first.bytes[whole]) >> (8 - rest) == 0;
  });
}

}  // namespace livehub::auth
