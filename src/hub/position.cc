#include "hub/position.h"

#include <charconv>

namespace livehub::hub {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = digit_value(c);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
  return value;
}

size_t write_time(char* out, uint64_t offset) {
  const uint64_t count = offset & ((uint64_t{1} << kTimeCountBits) - 1);
  char* p = std::to_chars(out, out + 16, offset >> kTimeCountBits).ptr;
  *p++ = '-';
  p = std::to_chars(p, p + 16, count).ptr;
  return static_cast<size_t>(p - out);
}

bool parse_decimal(std::string_view text, uint64_t& value) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Position> parse_time(std::string_view text, size_t dash) {
  uint64_t ms = 0, count = 0;
  if (!parse_decimal(text.substr(0, dash), ms) || !parse_decimal(text.substr(dash + 1), count))
    return std::nullopt;
  if (ms >> (64 - kTimeCountBits) != 0 || count >> kTimeCountBits != 0) return std::nullopt;
  return Position{kTimeEpoch, (ms << kTimeCountBits) + count};
}

}  // namespace

size_t write_position(char* out, Position position) {
  if (position.epoch == kTimeEpoch) return write_time(out, position.offset);
  char* p = out;
  for (int shift = 60; shift >= 0; shift -= 4) *p++ = kDigits[position.epoch >> shift & 15];
  *p++ = '-';
  int shift = 60;
  while (shift > 0 && (position.offset >> shift & 15) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *p++ = kDigits[position.offset >> shift & 15];
  return static_cast<size_t>(p - out);
}

std::optional<Position> parse_position(std::string_view text) {
  if (const size_t dash = text.find('-'); dash > 0 && dash < 16) return parse_time(text, dash);
  if (text.size() < 18 || text.size() > kPositionTextMax || text[16] != '-') return std::nullopt;
  const std::string_view offset_text = text.substr(17);
  if (offset_text.size() > 1 && offset_text[0] == '0') return std::nullopt;
  const auto epoch = parse_hex(text.substr(0, 16));
  const auto offset = parse_hex(offset_text);
  if (!epoch || !offset) return std::nullopt;
  return Position{*epoch, *offset};
}

}  // namespace livehub::hub
