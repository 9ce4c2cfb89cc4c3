#include "profile/json_tree.h"

#include <cmath>
#include <cstdlib>

#include "wire/json_gate.h"
#include "wire/utf8.h"

namespace livehub::profile {
namespace {

// The code unit of an escape \uXXXX at that place; the gate has seen that it is whole.
std::optional<unsigned> escape_at(std::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const bool is_digit = c >= '0' && c <= '9';
    value = value * 16 + static_cast<unsigned>(is_digit ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

bool is_high(unsigned unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(unsigned unit) { return unit >= 0xdc00 && unit < 0xe000; }

// Copies one string from its quote to behind the other; returns where it ends.
size_t copy_string(std::string_view text, size_t at, std::string& out) {
  out += text[at++];
  while (text[at] != '"') {
    const std::optional<unsigned> unit = escape_at(text, at);
    size_t bytes = text[at] == '\\' ? 2 : 1;
    if (unit) {
      const std::optional<unsigned> next = escape_at(text, at + 6);
      const bool is_pair = is_high(*unit) && next && is_low(*next);
      bytes = is_pair ? 12 : 6;
      if (!is_pair && (is_high(*unit) || is_low(*unit))) {
        out += "\\ufffd";
        at += bytes;
        continue;
      }
    }
    out += text.substr(at, bytes);
    at += bytes;
  }
  out += text[at];
  return at + 1;
}

size_t copy_number(std::string_view text, size_t at, std::string& out) {
  const size_t end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
  const std::string number(text.substr(at, end - at));
  const bool is_alone = out.empty();  // the whole text: then it is a number still, and not null
  if (std::isfinite(std::strtod(number.c_str(), nullptr)))
    out += number;
  else
    out += is_alone ? "0" : "null";
  return end;
}

}  // namespace

std::optional<std::string> tree_text(std::string_view json) {
  std::string compact;
  if (!wire::utf8_valid(json) || !wire::json_compact(json, compact).ok) return std::nullopt;
  std::string out;
  out.reserve(compact.size());
  for (size_t at = 0; at < compact.size();) {
    const char c = compact[at];
    if (c == '"')
      at = copy_string(compact, at, out);
    else if (c == '-' || (c >= '0' && c <= '9'))
      at = copy_number(compact, at, out);
    else
      out += compact[at++];
  }
  return out;
}

}  // namespace livehub::profile
