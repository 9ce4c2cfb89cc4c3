#include "wire/utf8.h"

#include <algorithm>
#include <cstring>

namespace livehub::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What a lead byte promises: how many bytes follow, and the range of the first of them. The narrow
// ranges are what excludes overlong forms, surrogates and code points over U+10FFFF.
struct Lead {
  uint8_t followers;  // 0: ASCII, or no lead byte at all
  uint8_t low, high;
};

constexpr Lead lead_of(unsigned char byte) {
  if (byte < 0xC2 || byte > 0xF4) return {0, 0, 0};
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte < 0xF0) {
    const uint8_t low = byte == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = byte == 0xED ? 0x9F : 0xBF;
    return {2, low, high};
  }
  const uint8_t low = byte == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = byte == 0xF4 ? 0x8F : 0xBF;
  return {3, low, high};
}

constexpr bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

const char* skip_ascii(const char* at, const char* end) {
  constexpr uint64_t kHighBits = 0x8080808080808080U;
  for (; end - at >= 16; at += 16) {
    uint64_t words[2];
    std::memcpy(words, at, sizeof words);
    if (((words[0] | words[1]) & kHighBits) != 0) break;
  }
  while (at != end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return at;
}

// Size of the longest beginning of [at, end) that could be the beginning of one multi-byte
// sequence: `whole` says whether it is one. Zero if not even the first byte could.
struct Subpart {
  size_t bytes;
  bool whole;
};

Subpart subpart_at(const char* at, const char* end) {
  const Lead lead = lead_of(static_cast<unsigned char>(*at));
  if (lead.followers == 0) return {0, false};
  const auto available = static_cast<size_t>(end - at);
  for (size_t i = 1; i <= lead.followers; ++i) {
    if (i == available) return {i, false};
    const auto byte = static_cast<unsigned char>(at[i]);
    const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : is_continuation(byte);
    if (!fits) return {i, false};
  }
  return {size_t{lead.followers} + 1, true};
}

// The first position at which no whole valid character begins, or `end`.
const char* skip_valid(const char* at, const char* end) {
  for (;;) {
    at = skip_ascii(at, end);
    // Other scripts come in runs: stay here until the next ASCII byte.
    for (;;) {
      if (at == end) return end;
      if (static_cast<unsigned char>(*at) < 0x80) break;
      const Subpart part = subpart_at(at, end);
      if (!part.whole) return at;
      at += part.bytes;
    }
  }
}

}  // namespace

bool Utf8Validator::step(unsigned char byte) {
  if (awaited_ != 0) {
    if (byte < low_ || byte > high_) return false;
    --awaited_;
    low_ = 0x80;
    high_ = 0xBF;
    return true;
  }
  if (byte < 0x80) return true;
  const Lead lead = lead_of(byte);
  awaited_ = lead.followers;
  low_ = lead.low;
  high_ = lead.high;
  return lead.followers != 0;
}

bool Utf8Validator::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end && awaited_ != 0 && !failed_) failed_ = !step(static_cast<unsigned char>(*at++));
  if (!failed_) at = skip_valid(at, end);
  // At most three bytes of an open sequence are left, or there is an error among the next four.
  while (at != end && !failed_) failed_ = !step(static_cast<unsigned char>(*at++));
  return !failed_;
}

bool utf8_valid(std::string_view text) {
  const char* const end = text.data() + text.size();
  return skip_valid(text.data(), end) == end;
}

std::string utf8_with_replacement(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (;;) {
    const char* const bad = skip_valid(at, end);
    out.append(at, bad);
    if (bad == end) return out;
    out += kReplacement;
    at = bad + std::max<size_t>(1, subpart_at(bad, end).bytes);
  }
}

std::string_view utf8_prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t cut = bytes_max;
  while (cut > 0 && is_continuation(static_cast<unsigned char>(text[cut]))) --cut;
  return text.substr(0, cut);
}

}  // namespace livehub::wire
