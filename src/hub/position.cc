#include "hub/position.h"

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

}  // namespace

size_t write_position(char* out, Position position) {
  char* p = out;
  for (int shift = 60; shift >= 0; shift -= 4) *p++ = kDigits[position.epoch >> shift & 15];
  *p++ = '-';
  int shift = 60;
  while (shift > 0 && (position.offset >> shift & 15) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) *p++ = kDigits[position.offset >> shift & 15];
  return static_cast<size_t>(p - out);
}

std::optional<Position> parse_position(std::string_view text) {
  if (text.size() < 18 || text.size() > kPositionTextMax || text[16] != '-') return std::nullopt;
  const std::string_view offset_text = text.substr(17);
  if (offset_text.size() > 1 && offset_text[0] == '0') return std::nullopt;
  const auto epoch = parse_hex(text.substr(0, 16));
  const auto offset = parse_hex(offset_text);
  if (!epoch || !offset) return std::nullopt;
  return Position{*epoch, *offset};
}

}  // namespace livehub::hub
