#include <algorithm>
#include <cstring>

#include "load/inbox.h"

namespace livehub::bench {

namespace {

// Of a line that was cut: a field's name and a stamp.
constexpr size_t kFrontBytesMax = kStampBytesMax + 16;
constexpr std::string_view kData = "data:";
constexpr std::string_view kId = "id:";
constexpr std::string_view kGap = "event: gap";

std::string_view without_cr(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool SseInbox::feed(std::string_view bytes, InboxSink& sink) {
  if (!chunked_) {
    feed_body(bytes, sink);
    return true;
  }
  while (!bytes.empty()) {
    if (phase_ == Phase::kEnded) return true;
    if (phase_ == Phase::kData) {
      const auto taken = static_cast<size_t>(std::min<uint64_t>(chunk_bytes_, bytes.size()));
      feed_body(bytes.substr(0, taken), sink);
      bytes.remove_prefix(taken);
      chunk_bytes_ -= taken;
      if (chunk_bytes_ == 0) phase_ = Phase::kDataEnd;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (phase_ == Phase::kSize && c != '\r' && c != '\n' && c != ';') {
      if (!take_size_digit(c)) return false;
    } else if (c == '\n') {
      start_chunk(sink);
    } else if (phase_ == Phase::kSize) {
      phase_ = Phase::kSizeRest;
    }
  }
  return true;
}

bool SseInbox::take_size_digit(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const size_t digit = kDigits.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
  if (digit == std::string_view::npos || chunk_bytes_ > (uint64_t{1} << 40)) return false;
  chunk_bytes_ = chunk_bytes_ * 16 + digit;
  return true;
}

// A line of the chunked coding has ended: a size's, or the empty one behind a chunk.
void SseInbox::start_chunk(InboxSink& sink) {
  if (phase_ == Phase::kDataEnd) {
    phase_ = Phase::kSize;
  } else if (chunk_bytes_ > 0) {
    phase_ = Phase::kData;
  } else {
    phase_ = Phase::kEnded;
    sink.on_end(0);
  }
}

void SseInbox::feed_body(std::string_view bytes, InboxSink& sink) {
  while (!bytes.empty()) {
    const size_t line_end = bytes.find('\n');
    const bool is_line_end = line_end != std::string_view::npos;
    const std::string_view piece = bytes.substr(0, line_end);
    take_piece(piece, is_line_end, sink);
    bytes.remove_prefix(piece.size() + (is_line_end ? 1 : 0));
  }
}

void SseInbox::take_piece(std::string_view piece, bool is_line_end, InboxSink& sink) {
  if (is_line_end && !carry_) return take_line(without_cr(piece), sink);
  if (!carry_) carry_ = std::make_unique<std::string>();
  const std::string_view kept = piece.substr(0, kFrontBytesMax - carry_->size());
  carry_->append(kept);
  piece.remove_prefix(kept.size());
  if (!piece.empty()) {
    if (!is_past_front_) take_line(*carry_, sink);
    is_past_front_ = true;
    check_.take(piece);
  }
  if (!is_line_end) return;
  const std::unique_ptr<std::string> front = std::move(carry_);
  if (!is_past_front_) take_line(without_cr(*front), sink);
  is_past_front_ = false;
}

// A line, or the front of one that is longer.
void SseInbox::take_line(std::string_view line, InboxSink& sink) {
  if (line.empty()) {
    dispatch(sink);
  } else if (line.front() == ':') {
    sink.on_ping({});
  } else if (line.starts_with(kData)) {
    take_data(line.substr(kData.size()));
  } else if (line == kGap) {
    is_gap_ = true;
  } else if (keeps_ids_ && line.starts_with(kId)) {
    line.remove_prefix(kId.size());
    if (line.starts_with(' ')) line.remove_prefix(1);
    id_ = std::make_unique<std::string>(line);
  }
}

void SseInbox::take_data(std::string_view front) {
  if (front.starts_with(' ')) front.remove_prefix(1);
  if (!has_data_) {
    stamp_ = read_stamp(front);
    check_.begin(stamp_ ? stamp_->offset : 0);
  }
  has_data_ = true;
  check_.take(front);
}

void SseInbox::dispatch(InboxSink& sink) {
  if (is_gap_) {
    sink.on_gap();
  } else if (has_data_) {
    const bool is_intact = check_.end();
    sink.on_message(stamp_, check_.bytes(), is_intact);
  }
  // As in a browser: an id counts once its event is complete.
  if (const std::unique_ptr<std::string> id = std::move(id_)) sink.on_id(*id);
  has_data_ = false;
  is_gap_ = false;
}

}  // namespace livehub::bench
