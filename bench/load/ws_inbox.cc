#include <algorithm>

#include "load/inbox.h"

namespace livehub::bench {

namespace {

constexpr uint8_t kFin = 0x80;
constexpr uint8_t kReservedBits = 0x70;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPing = 9;
constexpr size_t kControlBytesMax = 125;
constexpr uint16_t kNoStatus = 1005;
// The longest front that a unit is kept for: a head and a stamp, or a control frame.
constexpr size_t kUnitBytesMax = 2 + 8 + kControlBytesMax;
static_assert(kStampBytesMax <= kControlBytesMax);

constexpr std::string_view kId = R"({"id":")";
constexpr std::string_view kGap = R"("gap":true)";

// Of an envelope's front; empty: it has none. Positions hold nothing that JSON escapes.
std::string_view envelope_id(std::string_view front) {
  if (!front.starts_with(kId)) return {};
  front.remove_prefix(kId.size());
  return front.substr(0, front.find('"') == std::string_view::npos ? 0 : front.find('"'));
}

uint8_t byte_at(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return value;
}

size_t head_size(std::string_view bytes) {
  const uint8_t length = byte_at(bytes, 1) & 0x7f;
  return length == 126 ? 4 : length == 127 ? 10 : 2;
}

}  // namespace

bool WsInbox::feed(std::string_view bytes, InboxSink& sink) {
  if (carry_) {
    const size_t used = feed_carried(bytes, sink);
    if (used == kBroken) return false;
    bytes.remove_prefix(used);
  }
  while (!bytes.empty()) {
    if (to_skip_ > 0) {
      bytes.remove_prefix(skip_payload(bytes));
    } else if (const size_t whole = in_message_ ? 0 : take_whole_message(bytes, sink); whole > 0) {
      bytes.remove_prefix(whole);
      continue;
    } else {
      const size_t used = take_unit(bytes, sink);
      if (used == kBroken) return false;
      if (used == kNeedsMore) {
        carry_ = std::make_unique<std::string>(bytes);
        return true;
      }
      bytes.remove_prefix(used);
    }
    if (in_frame_ && to_skip_ == 0) finish_frame(sink);
  }
  return true;
}

// What nearly all bytes of a run are: a message in one short frame, all of it here. 0: it is not
// that.
size_t WsInbox::take_whole_message(std::string_view bytes, InboxSink& sink) {
  if (bytes.size() < 4) return 0;
  const uint8_t first = byte_at(bytes, 0);
  if (first != (kFin | kText) && first != (kFin | kBinary)) return 0;
  const uint8_t length = byte_at(bytes, 1);
  if (length > 126) return 0;
  const size_t head_bytes = length == 126 ? 4 : 2;
  const size_t payload_bytes = length == 126 ? big_endian(bytes.substr(2, 2)) : length;
  if (bytes.size() < head_bytes + payload_bytes) return 0;
  const std::string_view payload = bytes.substr(head_bytes, payload_bytes);
  const auto stamp = read_stamp(payload.substr(0, kStampBytesMax));
  tell(payload.substr(0, kStampBytesMax), stamp, payload_bytes,
       is_payload_intact(payload, stamp ? stamp->offset : 0), sink);
  return head_bytes + payload_bytes;
}

// Completes the front that was cut; returns how much of `bytes` that took.
size_t WsInbox::feed_carried(std::string_view bytes, InboxSink& sink) {
  const size_t before = carry_->size();
  carry_->append(bytes.substr(0, kUnitBytesMax - before));
  const size_t used = take_unit(*carry_, sink);
  if (used == kBroken) return kBroken;
  if (used == kNeedsMore) return bytes.size();
  carry_.reset();
  if (in_frame_ && to_skip_ == 0) finish_frame(sink);
  return used - before;
}

// The head and what has to be seen at once behind it. The result counts from the front of `bytes`.
size_t WsInbox::take_unit(std::string_view bytes, InboxSink& sink) {
  if (bytes.size() < 2) return kNeedsMore;
  const uint8_t first = byte_at(bytes, 0);
  if ((first & kReservedBits) != 0 || (byte_at(bytes, 1) & kMasked) != 0) return kBroken;
  const size_t head_bytes = head_size(bytes);
  if (bytes.size() < head_bytes) return kNeedsMore;
  if ((first & 0x0f) >= kClose) return take_control(bytes, head_bytes, sink);
  const uint64_t payload_bytes =
      head_bytes == 2 ? byte_at(bytes, 1) : big_endian(bytes.substr(2, head_bytes - 2));
  const bool starts = (first & 0x0f) == kText || (first & 0x0f) == kBinary;
  if (starts == in_message_) return kBroken;
  const size_t used = take_data_front(bytes, head_bytes, payload_bytes);
  if (used != kNeedsMore) is_last_frame_ = (first & kFin) != 0;
  return used;
}

size_t WsInbox::take_control(std::string_view bytes, size_t head_bytes, InboxSink& sink) {
  const size_t payload_bytes = byte_at(bytes, 1);
  if (head_bytes != 2) return kBroken;
  if (bytes.size() < head_bytes + payload_bytes) return kNeedsMore;
  const std::string_view payload = bytes.substr(head_bytes, payload_bytes);
  const uint8_t opcode = byte_at(bytes, 0) & 0x0f;
  if (opcode == kPing) sink.on_ping(payload);
  if (opcode == kClose) {
    sink.on_end(payload.size() < 2 ? kNoStatus
                                   : static_cast<uint16_t>(big_endian(payload.substr(0, 2))));
  }
  return head_bytes + payload_bytes;
}

size_t WsInbox::take_data_front(std::string_view bytes, size_t head_bytes, uint64_t payload_bytes) {
  const auto front_bytes = static_cast<size_t>(std::min<uint64_t>(payload_bytes, kStampBytesMax));
  if (bytes.size() < head_bytes + front_bytes) return kNeedsMore;
  const std::string_view front = bytes.substr(head_bytes, front_bytes);
  if (!in_message_) {
    stamp_ = read_stamp(front);
    check_.begin(stamp_ ? stamp_->offset : 0);
    if (keeps_ids_) front_ = std::make_unique<std::string>(front);
    in_message_ = true;
  }
  to_skip_ = payload_bytes - front_bytes;
  check_.take(front);
  in_frame_ = true;
  return head_bytes + front_bytes;
}

size_t WsInbox::skip_payload(std::string_view bytes) {
  const auto skipped = static_cast<size_t>(std::min<uint64_t>(to_skip_, bytes.size()));
  to_skip_ -= skipped;
  check_.take(bytes.substr(0, skipped));
  return skipped;
}

void WsInbox::finish_frame(InboxSink& sink) {
  in_frame_ = false;
  if (!is_last_frame_) return;
  in_message_ = false;
  const bool is_intact = check_.end();
  const std::unique_ptr<std::string> front = std::move(front_);
  tell(front ? std::string_view(*front) : std::string_view(), stamp_, check_.bytes(), is_intact,
       sink);
}

void WsInbox::tell(std::string_view front, const std::optional<Stamp>& stamp, uint64_t bytes,
                   bool intact, InboxSink& sink) const {
  if (keeps_ids_ && !stamp && front.find(kGap) != std::string_view::npos) {
    sink.on_gap();
  } else {
    sink.on_message(stamp, bytes, intact);
  }
  if (const std::string_view id = keeps_ids_ ? envelope_id(front) : front.substr(0, 0); !id.empty())
    sink.on_id(id);
}

}  // namespace livehub::bench
