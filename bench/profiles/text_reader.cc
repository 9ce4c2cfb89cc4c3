#include "profiles/text_reader.h"

namespace livehub::bench {
namespace {

constexpr uint8_t kText = 1, kClose = 8, kPing = 9, kFin = 0x80, kMasked = 0x80;

uint8_t byte_at(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return value;
}

}  // namespace

bool TextReader::feed(std::string_view bytes, TextSink& sink) {
  if (!carry_.empty()) {
    carry_.append(bytes);
    bytes = carry_;
  }
  size_t done = 0;
  while (done < bytes.size()) {
    const std::string_view rest = bytes.substr(done);
    const size_t used = wire_ == Wire::kWebSocket ? take_frame(rest, sink) : take_line(rest, sink);
    if (is_broken_) return false;
    if (used == 0) break;
    done += used;
  }
  std::string rest(bytes.substr(done));
  carry_.swap(rest);
  return true;
}

size_t TextReader::take_frame(std::string_view bytes, TextSink& sink) {
  if (bytes.size() < 2) return 0;
  const uint8_t opcode = byte_at(bytes, 0) & 0x0f;
  is_broken_ = (byte_at(bytes, 0) & 0xf0) != kFin || (byte_at(bytes, 1) & kMasked) != 0;
  if (is_broken_) return 0;
  const uint8_t length = byte_at(bytes, 1);
  const size_t head = length == 126 ? 4 : length == 127 ? 10 : 2;
  if (bytes.size() < head) return 0;
  const uint64_t payload_bytes = head == 2 ? length : big_endian(bytes.substr(2, head - 2));
  if (bytes.size() - head < payload_bytes) return 0;
  const std::string_view payload = bytes.substr(head, payload_bytes);
  if (opcode == kText) sink.on_text(payload);
  if (opcode == kPing) sink.on_ping(payload);
  if (opcode == kClose) sink.on_close();
  return head + payload_bytes;
}

// Sizes of chunks are lines too, and none of `event:` or `data:`.
size_t TextReader::take_line(std::string_view bytes, TextSink& sink) {
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view line = bytes.substr(0, end);
  if (line.starts_with("data:") || line.starts_with("event:")) sink.on_text(line);
  if (line == "0\r") sink.on_close();
  return end + 1;
}

}  // namespace livehub::bench
