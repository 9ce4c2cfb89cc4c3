#include "wire/ws_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "wire/deflate.h"
#include "wire/utf8.h"

namespace livehub::wire {

// What outlives a call: a head that is not complete, the state of a frame whose payload is not, and
// the message that its frames add up to.
struct WsReader::Held {
  // The head, up to its last byte.
  std::array<char, kWsHeadBytesMax> head_buf;
  uint8_t head_bytes = 0;

  // The frame whose payload is arriving.
  bool in_frame = false;
  WsHead frame;
  uint64_t frame_bytes = 0;  // of its payload, so far
  std::array<char, kWsControlBytesMax> control_buf;

  // The message whose frames are arriving.
  bool in_message = false;
  WsOpcode message_opcode = WsOpcode::kContinuation;
  bool is_compressed = false;
  uint32_t fragments = 0;
  uint64_t message_bytes = 0;  // announced by the heads so far
  Utf8Validator utf8;
  std::vector<char> message;  // a vector, because its reserve() takes no more than it is asked for

  bool complete() const { return head_bytes == 0 && !in_frame && !in_message; }
};

WsReader::WsReader(WsRole role) : role_(role) {}
WsReader::~WsReader() = default;
WsReader::WsReader(WsReader&&) noexcept = default;
WsReader& WsReader::operator=(WsReader&&) noexcept = default;

namespace {

std::string_view view(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

std::span<char> take(std::span<char>& input, size_t bytes) {
  const std::span<char> taken = input.first(bytes);
  input = input.subspan(bytes);
  return taken;
}

WsEvent message_event(WsOpcode opcode, std::string_view payload) {
  const bool text = opcode == WsOpcode::kText;
  return {text ? WsEvent::Kind::kText : WsEvent::Kind::kBinary, payload};
}

// Doubles, but never beyond what the message may come to.
void append_bounded(std::vector<char>& message, std::span<const char> bytes, size_t bytes_max) {
  const size_t needed = message.size() + bytes.size();
  if (needed > message.capacity()) {
    message.reserve(std::max(needed, std::min(2 * message.capacity(), bytes_max)));
  }
  message.insert(message.end(), bytes.begin(), bytes.end());
}

constexpr const char* kNotUtf8 = "text is not UTF-8";

// What a compressed message may have on the wire: where nothing gets smaller, blocks get larger,
// and more so for whoever flushes often.
size_t wire_bytes_max(bool is_compressed, const WsLimits& limits) {
  const size_t most = limits.message_bytes_max;
  const size_t more = most / 16 + 256;
  return is_compressed && most < SIZE_MAX - more ? most + more : most;
}

}  // namespace

WsEvent WsReader::next(std::span<char>& input, const WsLimits& limits) {
  LIVEHUB_CHECK(!ended_, "a reader is not fed again after a close frame or an error");
  release_if_complete();
  while (!input.empty()) {
    if (!held_ || !held_->in_frame) {
      WsHead head;
      bool whole = false;
      const WsEvent event = read_head(input, limits, head, whole);
      if (!whole) return event;
      const bool unfragmented = ws_is_control(head.opcode) || (head.fin && !in_message());
      if (unfragmented && head.payload_bytes <= input.size())
        return lend_frame(input, head, limits);
      enter_frame(head);
    }
    const WsEvent event = take_payload(input, limits);
    if (event.kind != WsEvent::Kind::kNeedMore) return event;
  }
  return {};
}

size_t WsReader::buffered_bytes() const {
  return held_ ? sizeof(Held) + held_->message.capacity() : 0;
}

WsReader::Held& WsReader::hold() {
  if (!held_) held_ = std::make_unique<Held>();
  return *held_;
}

bool WsReader::in_message() const { return held_ && held_->in_message; }

// The previous call's event may have pointed into held_; now its payload has had its time.
void WsReader::release_if_complete() {
  if (held_ && held_->complete()) held_.reset();
}

WsEvent WsReader::fail(uint16_t code, const char* detail) {
  ended_ = true;
  held_.reset();
  return {WsEvent::Kind::kError, {}, code, detail};
}

// Takes a head out of the input, through head_buf where it came in pieces. Without `whole` the
// event is what next() shall return: an error, or kNeedMore with the pieces kept.
WsEvent WsReader::read_head(std::span<char>& input, const WsLimits& limits, WsHead& head,
                            bool& whole) {
  const size_t held_bytes = held_ ? held_->head_bytes : 0;
  std::array<char, kWsHeadBytesMax> joined;
  const size_t fresh_bytes = std::min(input.size(), joined.size() - held_bytes);
  if (held_bytes != 0) std::memcpy(joined.data(), held_->head_buf.data(), held_bytes);
  std::memcpy(joined.data() + held_bytes, input.data(), fresh_bytes);

  const std::span<const char> bytes(joined.data(), held_bytes + fresh_bytes);
  const WsHeadParse parse = parse_ws_head(bytes, role_, head, limits.inflater != nullptr);
  // In the order of arrival: what an earlier byte got wrong is told before a later byte's mistake.
  const WsEvent verdict = check_head(head, parse.known, limits);
  if (verdict.kind == WsEvent::Kind::kError) return verdict;
  if (parse.violation != nullptr) return fail(kWsCloseProtocolError, parse.violation);

  if (parse.known == WsHeadParse::Known::kAll) {
    take(input, parse.bytes - held_bytes);
    if (held_) held_->head_bytes = 0;
    whole = true;
    return {};
  }
  Held& held = hold();
  std::memcpy(held.head_buf.data(), joined.data(), bytes.size());
  held.head_bytes = static_cast<uint8_t>(bytes.size());
  take(input, fresh_bytes);
  return {};
}

// The rules that need to know the message so far; changes nothing unless one is broken, because a
// head that comes in pieces is checked again with each.
WsEvent WsReader::check_head(const WsHead& head, WsHeadParse::Known known, const WsLimits& limits) {
  using Known = WsHeadParse::Known;
  if (known == Known::kNothing || ws_is_control(head.opcode)) return {};
  const bool continues = head.opcode == WsOpcode::kContinuation;
  if (continues && !in_message()) {
    return fail(kWsCloseProtocolError, "a continuation frame without a message to continue");
  }
  if (!continues && in_message()) {
    return fail(kWsCloseProtocolError, "a new message inside a fragmented one");
  }
  const uint32_t fragments = in_message() ? held_->fragments : 0;
  if (fragments >= limits.fragments_max) {
    return fail(kWsClosePolicyViolation, "a message of too many fragments");
  }
  if (known < Known::kLength) return {};
  const uint64_t so_far = in_message() ? held_->message_bytes : 0;
  const bool is_compressed = in_message() ? held_->is_compressed : head.compressed;
  const size_t bytes_max = wire_bytes_max(is_compressed, limits);
  if (so_far > bytes_max || head.payload_bytes > bytes_max - so_far) {
    return fail(kWsCloseTooBig, "a message is too big");
  }
  return {};
}

// The hot path: the whole frame is in the input and is all of its message.
WsEvent WsReader::lend_frame(std::span<char>& input, const WsHead& head, const WsLimits& limits) {
  const std::span<char> payload = take(input, static_cast<size_t>(head.payload_bytes));
  if (ws_is_control(head.opcode)) {
    ws_mask(payload, head.mask);
    return control_event(head.opcode, view(payload));
  }
  if (head.compressed) {
    ws_mask(payload, head.mask);
    return inflated(head.opcode, view(payload), limits);
  }
  const bool text = head.opcode == WsOpcode::kText;
  if (text || limits.keep_payload) ws_mask(payload, head.mask);
  if (text && !utf8_valid(view(payload))) return fail(kWsCloseInvalidPayload, kNotUtf8);
  return message_event(head.opcode, limits.keep_payload ? view(payload) : std::string_view());
}

void WsReader::enter_frame(const WsHead& head) {
  Held& held = hold();
  held.in_frame = true;
  held.frame = head;
  held.frame_bytes = 0;
  if (ws_is_control(head.opcode)) return;
  if (!held.in_message) {
    // The rest is as it was made: what the message before left was released before this head.
    held.in_message = true;
    held.message_opcode = head.opcode;
    held.is_compressed = head.compressed;
  }
  ++held.fragments;
  held.message_bytes += head.payload_bytes;
}

WsEvent WsReader::take_payload(std::span<char>& input, const WsLimits& limits) {
  Held& held = *held_;
  const uint64_t missing = held.frame.payload_bytes - held.frame_bytes;
  const std::span<char> bytes =
      take(input, static_cast<size_t>(std::min<uint64_t>(missing, input.size())));
  ws_mask(bytes, held.frame.mask, held.frame_bytes);
  const bool last = bytes.size() == missing;
  if (last) held.in_frame = false;
  const WsEvent event =
      ws_is_control(held.frame.opcode) ? take_control(bytes, last) : take_data(bytes, last, limits);
  if (held_) held_->frame_bytes += bytes.size();
  return event;
}

WsEvent WsReader::take_control(std::span<const char> bytes, bool last) {
  Held& held = *held_;
  std::ranges::copy(bytes, held.control_buf.begin() + static_cast<ptrdiff_t>(held.frame_bytes));
  if (!last) return {};
  return control_event(held.frame.opcode,
                       {held.control_buf.data(), static_cast<size_t>(held.frame.payload_bytes)});
}

WsEvent WsReader::take_data(std::span<const char> bytes, bool last, const WsLimits& limits) {
  Held& held = *held_;
  if (held.is_compressed) return take_compressed(bytes, last, limits);
  const bool text = held.message_opcode == WsOpcode::kText;
  if (text && !held.utf8.feed(view(bytes))) return fail(kWsCloseInvalidPayload, kNotUtf8);
  const bool final = held.frame.fin;
  if (limits.keep_payload) {
    const uint64_t bytes_max = final ? held.message_bytes : limits.message_bytes_max;
    append_bounded(held.message, bytes, static_cast<size_t>(bytes_max));
  }
  if (!last || !final) return {};
  if (text && !held.utf8.complete()) return fail(kWsCloseInvalidPayload, kNotUtf8);
  held.in_message = false;
  return message_event(held.message_opcode, view(held.message));
}

// Kept even where payloads are not: there is nothing to check before the message's end.
WsEvent WsReader::take_compressed(std::span<const char> bytes, bool last, const WsLimits& limits) {
  Held& held = *held_;
  const bool final = held.frame.fin;
  append_bounded(held.message, bytes,
                 final ? static_cast<size_t>(held.message_bytes) : wire_bytes_max(true, limits));
  if (!last || !final) return {};
  held.in_message = false;
  return inflated(held.message_opcode, view(held.message), limits);
}

WsEvent WsReader::inflated(WsOpcode opcode, std::string_view blocks, const WsLimits& limits) {
  using Verdict = Inflater::Verdict;
  const auto [verdict, text] =
      limits.inflater->inflate(blocks, limits.message_bytes_max, opcode == WsOpcode::kText);
  switch (verdict) {
    case Verdict::kOk:
      break;
    case Verdict::kBroken:
      return fail(kWsCloseInvalidPayload, "a compressed message is not DEFLATE");
    case Verdict::kTooBig:
      return fail(kWsCloseTooBig, "a compressed message is too big");
    case Verdict::kNotUtf8:
      return fail(kWsCloseInvalidPayload, kNotUtf8);
  }
  WsEvent event = message_event(opcode, limits.keep_payload ? text : std::string_view());
  event.compressed = true;
  return event;
}

WsEvent WsReader::control_event(WsOpcode opcode, std::string_view payload) {
  if (opcode == WsOpcode::kPing) return {WsEvent::Kind::kPing, payload};
  if (opcode == WsOpcode::kPong) return {WsEvent::Kind::kPong, payload};
  if (payload.size() == 1) return fail(kWsCloseProtocolError, "a close frame with half a code");
  uint16_t code = kWsCloseNoStatus;
  if (!payload.empty()) {
    const auto high = static_cast<uint8_t>(payload[0]);
    const auto low = static_cast<uint8_t>(payload[1]);
    code = static_cast<uint16_t>(high << 8 | low);
    payload.remove_prefix(2);
    if (!ws_close_code_valid(code)) return fail(kWsCloseProtocolError, "a close code is not valid");
  }
  if (!utf8_valid(payload)) return fail(kWsCloseInvalidPayload, "a close reason is not UTF-8");
  ended_ = true;
  return {WsEvent::Kind::kClose, payload, code};
}

}  // namespace livehub::wire
