#include "wire/sse.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace livehub::wire {
namespace {

constexpr std::string_view kIdField = "id: ";
constexpr std::string_view kEventField = "event: ";
constexpr std::string_view kDataField = "data: ";

char* put(char* out, std::string_view text) {
  // A default string_view has no address, which memcpy must not be given.
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_line(char* out, std::string_view field, std::string_view value) {
  out = put(put(out, field), value);
  *out++ = '\n';
  return out;
}

size_t hex_digits(size_t value) {
  return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 3) / 4;
}

bool has_nul(std::string_view text) { return text.find('\0') != text.npos; }

// One "<field><line>\n" for each line of the text, at least one.
void append_lines(std::string& out, std::string_view field, std::string_view text) {
  for (;;) {
    const size_t end = text.find_first_of("\r\n");
    out.append(field).append(text.substr(0, end)).push_back('\n');
    if (end == text.npos) return;
    const bool is_crlf = text.substr(end, 2) == "\r\n";
    text.remove_prefix(end + (is_crlf ? 2 : 1));
  }
}

}  // namespace

// Three bulk searches are much faster than one that compares each byte with a set.
bool is_sse_line(std::string_view value) {
  return value.find('\n') == value.npos && value.find('\r') == value.npos && !has_nul(value);
}

size_t sse_event_bytes(const SseEvent& event) {
  size_t bytes = kDataField.size() + event.data.size() + 2;
  if (!event.id.empty()) bytes += kIdField.size() + event.id.size() + 1;
  if (!event.event.empty()) bytes += kEventField.size() + event.event.size() + 1;
  return bytes;
}

char* write_sse_event(char* out, const SseEvent& event) {
  LIVEHUB_CHECK(is_sse_line(event.id) && is_sse_line(event.event),
                "an SSE id or event name is one line");
  LIVEHUB_DCHECK(is_sse_line(event.data), "SSE data on the hot path is one line");
  if (!event.id.empty()) out = put_line(out, kIdField, event.id);
  if (!event.event.empty()) out = put_line(out, kEventField, event.event);
  out = put_line(out, kDataField, event.data);
  *out++ = '\n';
  return out;
}

size_t chunk_overhead_bytes(size_t payload_bytes) { return hex_digits(payload_bytes) + 4; }

char* write_chunk_head(char* out, size_t payload_bytes) {
  LIVEHUB_CHECK(payload_bytes > 0, "an empty chunk would end the response");
  for (size_t digit = hex_digits(payload_bytes); digit-- > 0;)
    *out++ = "0123456789abcdef"[(payload_bytes >> (4 * digit)) & 0xf];
  return put(out, "\r\n");
}

char* write_chunk_tail(char* out) { return put(out, "\r\n"); }

std::optional<std::string> sse_multiline_event(const SseEvent& event) {
  if (!is_sse_line(event.id) || !is_sse_line(event.event) || has_nul(event.data))
    return std::nullopt;
  std::string out;
  out.reserve(sse_event_bytes(event));
  if (!event.id.empty()) append_lines(out, kIdField, event.id);
  if (!event.event.empty()) append_lines(out, kEventField, event.event);
  append_lines(out, kDataField, event.data);
  out.push_back('\n');
  return out;
}

std::optional<std::string> sse_comment(std::string_view text) {
  if (has_nul(text)) return std::nullopt;
  std::string out;
  append_lines(out, ": ", text);
  out.push_back('\n');
  return out;
}

std::string sse_retry(uint32_t ms) { return "retry: " + std::to_string(ms) + "\n\n"; }

std::string sse_id_only(std::string_view id) {
  LIVEHUB_CHECK(is_sse_line(id), "an SSE id is one line");
  std::string out(kIdField);
  return out.append(id).append("\n\n");
}

std::string http_chunk(std::string_view payload) {
  if (payload.empty()) return {};
  std::string out(payload.size() + chunk_overhead_bytes(payload.size()), '\0');
  char* at = write_chunk_head(out.data(), payload.size());
  write_chunk_tail(put(at, payload));
  return out;
}

}  // namespace livehub::wire
