#include "stream_parser.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>

#include "oracle.h"

namespace livehub::sim {
namespace {

constexpr size_t kHeadBytesMax = 4096;

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

std::optional<ResponseHead> take_head(const std::string& who, std::string& bytes) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  const size_t known = std::min(bytes.size(), kStart.size());
  if (bytes.compare(0, known, kStart, 0, known) != 0)
    fail(who + ": no response begins with " + bytes.substr(0, 60));
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (bytes.size() > kHeadBytesMax) fail(who + ": a response head without end");
    return std::nullopt;
  }
  ResponseHead head;
  const std::string text = bytes.substr(0, end + 2);
  bytes.erase(0, end + 4);
  std::from_chars(text.data() + kStart.size(), text.data() + kStart.size() + 3, head.status);
  if (head.status < 100 || head.status > 599) fail(who + ": a status of " + text.substr(0, 20));
  for (size_t at = text.find("\r\n") + 2; at < text.size();) {
    const size_t line_end = text.find("\r\n", at);
    const size_t colon = text.find(": ", at);
    if (colon == std::string::npos || colon > line_end)
      fail(who + ": a header line without a colon");
    std::string name = text.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!head.headers.emplace(name, text.substr(colon + 2, line_end - colon - 2)).second)
      fail(who + ": header " + name + " twice");
    at = line_end + 2;
  }
  return head;
}

std::string ChunkReader::take(const std::string& who, std::string& bytes) {
  std::string payload;
  while (!bytes.empty()) {
    if (is_ended_) fail(who + ": bytes after the last chunk");
    if (!is_in_chunk_) {
      const size_t end = bytes.find("\r\n");
      if (end == std::string::npos && bytes.size() > 8)
        fail(who + ": a chunk size of " + bytes.substr(0, 9));
      if (end == std::string::npos) break;
      const auto [stop, error] = std::from_chars(bytes.data(), bytes.data() + end, left_, 16);
      if (error != std::errc() || stop != bytes.data() + end || end == 0)
        fail(who + ": a chunk size of " + bytes.substr(0, end));
      if (left_ == 0 && bytes.size() < 5) break;
      if (left_ == 0 && bytes.compare(0, 5, "0\r\n\r\n") != 0) fail(who + ": trailers");
      bytes.erase(0, left_ == 0 ? 5 : end + 2);
      is_ended_ = left_ == 0;
      is_in_chunk_ = !is_ended_;
      continue;
    }
    const size_t taken = std::min(left_, bytes.size());
    payload.append(bytes, 0, taken);
    bytes.erase(0, taken);
    left_ -= taken;
    if (left_ > 0 || bytes.size() < 2) break;
    if (bytes.compare(0, 2, "\r\n") != 0) fail(who + ": a chunk without its end");
    bytes.erase(0, 2);
    is_in_chunk_ = false;
  }
  return payload;
}

std::optional<SseBlock> take_block(const std::string& who, std::string& bytes) {
  const size_t end = bytes.find("\n\n");
  if (end == std::string::npos) return std::nullopt;
  const std::string block = bytes.substr(0, end + 1);
  bytes.erase(0, end + 2);
  using Kind = SseBlock::Kind;
  if (block == ": connected\n") return SseBlock{Kind::kConnected, {}, {}};
  if (block == ": ping\n") return SseBlock{Kind::kPing, {}, {}};
  if (block == ": all\n") return SseBlock{Kind::kAll, {}, {}};
  std::string_view rest = block;
  SseBlock made{Kind::kMessage, {}, {}};
  if (take_prefix(rest, "retry: ")) {
    const std::string_view line = take_line(rest);
    if (!rest.empty() || line.find_first_not_of("0123456789") != std::string_view::npos)
      fail(who + ": a retry of " + block);
    return SseBlock{Kind::kRetry, {}, std::string(line)};
  }
  if (!take_prefix(rest, "id: ")) fail(who + ": no block begins with " + block.substr(0, 60));
  made.id = take_line(rest);
  if (!hub::parse_position(made.id)) fail(who + ": an id of " + made.id.substr(0, 60));
  if (rest.empty()) return SseBlock{Kind::kId, made.id, {}};
  if (take_prefix(rest, "event: gap\n")) made.kind = Kind::kGap;
  if (!take_prefix(rest, "data: ")) fail(who + ": an event without data: " + block.substr(0, 60));
  made.data = take_line(rest);
  if (!rest.empty()) fail(who + ": an event with more than it should have: " + block.substr(0, 90));
  return made;
}

struct GunzipReader::Zlib {
  z_stream stream{};
};

GunzipReader::GunzipReader() : zlib_(std::make_unique<Zlib>()) {
  constexpr int kGzipWindow = 31;
  if (inflateInit2(&zlib_->stream, kGzipWindow) != Z_OK) fail("no memory for zlib");
}
GunzipReader::~GunzipReader() { inflateEnd(&zlib_->stream); }

std::string GunzipReader::take(const std::string& who, std::string bytes) {
  z_stream& z = zlib_->stream;
  z.next_in = reinterpret_cast<Bytef*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  while (z.avail_in > 0 || z.avail_out == 0) {
    char out[4096];
    z.next_out = reinterpret_cast<Bytef*>(out);
    z.avail_out = sizeof out;
    const int result = inflate(&z, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR) fail(who + ": not a gzip stream");
    text.append(out, sizeof out - z.avail_out);
    if (result == Z_BUF_ERROR) break;
  }
  return text;
}

}  // namespace livehub::sim
