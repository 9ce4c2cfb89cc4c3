#include "wire/sse_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace livehub::wire {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

}  // namespace

bool SseParser::feed(std::string_view bytes) {
  if (too_big_) return false;
  bytes = without_bom(bytes);
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    // Checked before the bytes are kept, so that memory stays within the limit too.
    if (!fits(line_.size() + piece.size())) {
      too_big_ = true;
      return false;
    }
    if (end == bytes.npos) {
      line_.append(piece);
      return true;
    }
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      take_line(piece);
    } else {
      line_.append(piece);
      take_line(line_);
      line_.clear();
    }
  }
  return true;
}

void SseParser::reset() {
  line_.clear();
  data_.clear();
  type_.clear();
  id_ = last_event_id_;
  bom_bytes_ = 0;
  after_cr_ = false;
  too_big_ = false;
}

void SseParser::set_last_event_id(std::string_view id) {
  id_ = id;
  last_event_id_ = id;
}

// One BOM at the very start is dropped, even when it comes byte by byte. What only began like one
// is part of the first line.
std::string_view SseParser::without_bom(std::string_view bytes) {
  while (bom_bytes_ < kBom.size() && !bytes.empty()) {
    if (bytes.front() != kBom[bom_bytes_]) {
      line_.append(kBom.substr(0, bom_bytes_));
      bom_bytes_ = kBom.size();
      break;
    }
    ++bom_bytes_;
    bytes.remove_prefix(1);
  }
  return bytes;
}

void SseParser::take_line(std::string_view line) {
  if (line.empty()) return dispatch();
  const size_t colon = line.find(':');
  if (colon == 0) return listener_.on_comment(line.substr(1));
  if (colon == line.npos) return take_field(line, {});
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    data_.append(value).push_back('\n');
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == value.npos) id_ = value;
  } else if (name == "retry") {
    take_retry(value);
  }
}

void SseParser::take_retry(std::string_view value) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) return;
  uint64_t ms = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), ms);
  if (parsed.ec == std::errc::result_out_of_range) ms = std::numeric_limits<uint64_t>::max();
  listener_.on_retry(ms);
}

void SseParser::dispatch() {
  last_event_id_ = id_;
  if (!data_.empty()) {
    const std::string_view data = std::string_view(data_).substr(0, data_.size() - 1);
    listener_.on_event(last_event_id_, type_.empty() ? "message" : std::string_view(type_), data);
  }
  data_.clear();
  type_.clear();
}

bool SseParser::fits(size_t line_bytes) const {
  return line_bytes + data_.size() + type_.size() + id_.size() <= event_bytes_max_;
}

}  // namespace livehub::wire
