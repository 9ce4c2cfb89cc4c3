#include "load/payload.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "load/clock.h"

namespace livehub::bench {

namespace {

// A prime period: a shift by any power of two, or by a frame's head, shows.
constexpr size_t kPeriod = 61;
constexpr std::string_view kAlphabet =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";
static_assert(kAlphabet.size() == kPeriod);

char pad_at(uint64_t position) { return kAlphabet[position % kPeriod]; }

char* append(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

template <typename Number>
char* append_number(char* out, Number value) {
  return std::to_chars(out, out + 20, value).ptr;
}

// The value of eight decimal digits, or nothing if one of them is none: all at once, since this
// runs for every message that a saturated run delivers.
bool take_eight_digits(const char*& at, uint64_t& value) {
  uint64_t chunk = 0;
  std::memcpy(&chunk, at, 8);
  const uint64_t above = chunk + 0x4646464646464646;  // sets the top bit of bytes over '9'
  const uint64_t digits = chunk - 0x3030303030303030;
  if (((above | digits) & 0x8080808080808080) != 0) return false;
  const uint64_t pairs = digits * 10 + (digits >> 8);
  constexpr uint64_t kMask = 0x000000ff000000ff;
  const uint64_t high = (pairs & kMask) * (100 + (uint64_t{1'000'000} << 32));
  const uint64_t low = ((pairs >> 16) & kMask) * (1 + (uint64_t{10'000} << 32));
  value = value * 100'000'000 + ((high + low) >> 32);
  at += 8;
  return true;
}

// Takes `name` and the number behind it. std::from_chars() is thorough and costs three times as
// much.
template <size_t kBytes>
bool take_number(const char*& at, const char* end, const char (&name)[kBytes], uint64_t& value) {
  constexpr size_t kNameBytes = kBytes - 1;
  if (static_cast<size_t>(end - at) <= kNameBytes || std::memcmp(at, name, kNameBytes) != 0)
    return false;
  at += kNameBytes;
  const char* const first_digit = at;
  value = 0;
  while (end - at >= 8 && take_eight_digits(at, value)) continue;
  while (at < end && *at >= '0' && *at <= '9')
    value = value * 10 + static_cast<uint64_t>(*at++ - '0');
  return at > first_digit;
}

// Digits of 6 bits, the low ones first.
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned kDigitBits = 6;
constexpr size_t kSeqDigits = 5;
constexpr size_t kTimeDigits = 7;  // of microseconds: 50 days, then they begin anew
constexpr size_t kPublisherDigits = 2;
static_assert(2 + kSeqDigits + kTimeDigits + kPublisherDigits == kShortPayloadBytes);

char* append_digits(char* out, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i, value >>= kDigitBits) *out++ = kDigits[value % kDigits.size()];
  return out;
}

bool take_digits(const char*& at, size_t count, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t digit = kDigits.find(*at++);
    if (digit == std::string_view::npos) return false;
    value |= uint64_t{digit} << (i * kDigitBits);
  }
  return true;
}

void write_string(char* out, size_t bytes, const Stamp& stamp) {
  char* at = out;
  *at++ = '"';
  at = append_digits(at, stamp.seq, kSeqDigits);
  at = append_digits(at, static_cast<uint64_t>(stamp.t_ns / 1000), kTimeDigits);
  at = append_digits(at, stamp.publisher, kPublisherDigits);
  for (; at < out + bytes - 1; ++at) *at = pad_at(static_cast<uint64_t>(at - out));
  *at = '"';
}

std::optional<Stamp> read_string(std::string_view front) {
  if (front.size() < kShortPayloadBytes) return std::nullopt;
  const char* at = front.data() + 1;
  uint64_t seq = 0;
  uint64_t t_us = 0;
  uint64_t publisher = 0;
  if (!take_digits(at, kSeqDigits, seq) || !take_digits(at, kTimeDigits, t_us) ||
      !take_digits(at, kPublisherDigits, publisher)) {
    return std::nullopt;
  }
  // The last time before now that ends so.
  const auto now_us = static_cast<uint64_t>(now_ns() / 1000);
  const uint64_t age_us = (now_us - t_us) & ((uint64_t{1} << (kTimeDigits * kDigitBits)) - 1);
  return Stamp{seq, static_cast<int64_t>((now_us - age_us) * 1000),
               static_cast<uint32_t>(publisher), 0};
}

// Whether a string of so many bytes ends as write_string() would end it.
bool ends_like_string(std::string_view tail, uint64_t bytes) {
  return bytes >= kShortPayloadBytes && bytes < kPayloadBytesMin && tail.ends_with('"') &&
         (bytes == kShortPayloadBytes || tail[tail.size() - 2] == pad_at(bytes - 2));
}

// Without the brackets that close what a server has put around a document.
std::string_view without_wrapping(std::string_view text) {
  while (text.size() > 2 && !text.ends_with("\"}") && (text.ends_with('}') || text.ends_with(']')))
    text.remove_suffix(1);
  return text;
}

}  // namespace

void write_payload(char* out, size_t bytes, const Stamp& stamp) {
  if (bytes < kPayloadBytesMin) return write_string(out, bytes, stamp);
  char* const end = out + bytes - 2;
  char* at = append_number(append(out, R"({"seq":)"), stamp.seq);
  at = append_number(append(at, R"(,"t":)"), stamp.t_ns);
  at = append_number(append(at, R"(,"p":)"), stamp.publisher);
  at = append(at, R"(,"pad":")");
  while (at < end) {
    *at = pad_at(static_cast<uint64_t>(at - out));
    ++at;
  }
  append(end, "\"}");
}

std::optional<Stamp> read_stamp(std::string_view front) {
  if (front.starts_with('"')) return read_string(front);
  static constexpr char kSeq[] = R"("seq":)";
  const size_t found = front.starts_with(R"({"seq":)") ? 1 : front.find(kSeq);
  if (found == std::string_view::npos) return std::nullopt;
  const char* at = front.data() + found;
  const char* const end = front.data() + front.size();
  uint64_t seq = 0;
  uint64_t t_ns = 0;
  uint64_t publisher = 0;
  if (!take_number(at, end, kSeq, seq)) return std::nullopt;
  if (!take_number(at, end, R"(,"t":)", t_ns)) return std::nullopt;
  if (!take_number(at, end, R"(,"p":)", publisher)) return std::nullopt;
  return Stamp{seq, static_cast<int64_t>(t_ns), static_cast<uint32_t>(publisher),
               static_cast<uint32_t>(found - (found > 0 ? 1 : 0))};
}

bool is_payload_intact(std::string_view payload, uint32_t offset) {
  if (payload.starts_with('"')) return ends_like_string(payload, payload.size());
  payload.remove_prefix(offset);
  if (offset > 0) payload = without_wrapping(payload);
  const size_t bytes = payload.size();
  return bytes >= kPayloadBytesMin && payload[bytes - 1] == '}' && payload[bytes - 2] == '"' &&
         payload[bytes - 3] == pad_at(bytes - 3);
}

bool PayloadCheck::is_plausible(char c, uint64_t position) const {
  return position < kStampBytesMax || c == pad_at(position - offset_) || c == '"' || c == '}' ||
         c == '\r';
}

void PayloadCheck::take(std::string_view piece) {
  if (piece.empty()) return;
  if (bytes_ == 0) is_string_ = piece.front() == '"';
  is_plausible_ = is_plausible_ && is_plausible(piece.front(), bytes_) &&
                  is_plausible(piece.back(), bytes_ + piece.size() - 1);
  bytes_ += piece.size();
  if (piece.size() >= tail_.size()) {
    std::memcpy(tail_.data(), piece.data() + piece.size() - tail_.size(), tail_.size());
    return;
  }
  const std::string_view last = piece.substr(piece.size() - std::min(piece.size(), tail_.size()));
  std::memmove(tail_.data(), tail_.data() + last.size(), tail_.size() - last.size());
  std::memcpy(tail_.data() + tail_.size() - last.size(), last.data(), last.size());
}

bool PayloadCheck::end() {
  std::string_view tail(tail_.data(), tail_.size());
  if (tail.ends_with('\r')) tail.remove_suffix(1);
  bytes_ -= tail_.size() - tail.size();
  if (is_string_) return ends_like_string(tail, bytes_);
  const size_t before = tail.size();
  if (offset_ > 0) tail = without_wrapping(tail);
  const uint64_t end = bytes_ - (before - tail.size());  // of the document
  if (end < kPayloadBytesMin + offset_ || !tail.ends_with("\"}") || tail.size() < 3) return false;
  return is_plausible_ && tail[tail.size() - 3] == pad_at(end - 3 - offset_);
}

}  // namespace livehub::bench
