#include "base/log_line.h"

#include <algorithm>

namespace livehub::base {
namespace {

constexpr size_t kRequestIdBytesMax = 64;

bool is_control(char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }

// At most the limit, and not in the middle of a character.
std::string_view cut(std::string_view message) {
  if (message.size() <= kLogLineBytesMax) return message;
  size_t end = kLogLineBytesMax;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end);
}

// Bytes beyond ASCII go out only where the whole is well formed as far as a log needs it: a lead
// byte with its continuations. Others become '?'.
size_t character_bytes(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xf0 && lead < 0xf5   ? 4
                       : lead >= 0xe0 && lead < 0xf0 ? 3
                       : lead >= 0xc2 && lead < 0xe0 ? 2
                                                     : 0;
  if (bytes == 0 || at + bytes > text.size()) return 0;
  for (size_t i = 1; i < bytes; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  const auto second = static_cast<unsigned char>(text[at + 1]);
  const bool is_wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return is_wrong ? 0 : bytes;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t bytes = character_bytes(text, i);
    if (bytes == 0 || is_control(c)) {
      out += '?';
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += text.substr(i, bytes);
    }
    i += std::max<size_t>(1, bytes);
  }
  return out + "\"";
}

}  // namespace

std::string log_json(std::string_view time, std::string_view level, std::string_view message,
                     std::string_view request_id) {
  std::string out = "{\"time\":" + quoted(time) + ",\"level\":" + quoted(level);
  if (!request_id.empty()) out += ",\"request_id\":" + quoted(request_id);
  return out + ",\"message\":" + quoted(cut(message)) + "}";
}

std::string log_text(std::string_view message, std::string_view request_id) {
  std::string out(cut(message));
  std::replace_if(out.begin(), out.end(), is_control, '?');
  if (!request_id.empty()) out += " (request " + std::string(request_id) + ")";
  return out;
}

std::string log_request_id(std::string_view header) {
  std::string out;
  for (const char c : header.substr(0, kRequestIdBytesMax)) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (is_plain) out += c;
  }
  return out;
}

bool LogLimiter::admit(int64_t now_ns, uint64_t& left_out) {
  if (last_ns_ != 0 && now_ns > last_ns_) {
    const double seconds = static_cast<double>(now_ns - last_ns_) / 1e9;
    tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
  }
  last_ns_ = std::max(last_ns_, now_ns);
  if (tokens_ < 1) {
    ++left_out_;
    return false;
  }
  tokens_ -= 1;
  left_out = left_out_;
  left_out_ = 0;
  return true;
}

}  // namespace livehub::base
