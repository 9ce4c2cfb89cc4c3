// WebSocket frames, as a server reads them. However the bytes are cut, the same comes out; a
// second reader, which has all the bytes at once, finds the same messages; what a client writes
// comes back.
#include <algorithm>
#include <string>

#include "fuzz.h"
#include "wire/utf8.h"
#include "wire/ws_client.h"
#include "wire/ws_reader.h"

namespace livehub::wire {
namespace {

using Kind = WsEvent::Kind;

struct Seen {
  Kind kind;
  std::string payload;
  uint16_t code = 0;
  bool operator==(const Seen&) const = default;
  bool is_last() const { return kind == Kind::kError || kind == Kind::kClose; }
};
using List = std::vector<Seen>;

constexpr WsLimits kLimits{.message_bytes_max = 400, .fragments_max = 8};

void feed(WsReader& reader, std::string_view piece, List& seen) {
  std::vector<char> bytes(piece.begin(), piece.end());  // gone afterwards
  std::span<char> input(bytes);
  while (seen.empty() || !seen.back().is_last()) {
    const WsEvent event = reader.next(input, kLimits);
    MUST(reader.buffered_bytes() <= kLimits.message_bytes_max + 400, "what is kept is bounded");
    if (event.kind == Kind::kNeedMore) {
      MUST(input.empty(), "all is taken before more is asked for");
      return;
    }
    seen.push_back({event.kind, std::string(event.payload), event.close_code});
  }
}

List read(std::string_view bytes, size_t cut) {
  WsReader reader;
  List seen;
  feed(reader, bytes.substr(0, cut), seen);
  feed(reader, bytes.substr(cut), seen);
  return seen;
}

// The second reader: whole frames only, and every mistake is one kind of error.
class Reference {
 public:
  explicit Reference(std::string_view bytes) : bytes_(bytes) {}
  List read() {
    while (frame()) {
    }
    return seen_;
  }

 private:
  bool fail() {
    seen_.push_back({Kind::kError, "", 0});
    return false;
  }
  uint8_t at(size_t index) const { return static_cast<uint8_t>(bytes_[index]); }

  bool frame() {
    if (bytes_.size() < 2) return false;
    const bool fin = (at(0) & 0x80) != 0;
    const unsigned opcode = at(0) & 15;
    if ((at(0) & 0x70) != 0 || (opcode > 2 && opcode < 8) || opcode > 10) return fail();
    if ((at(1) & 0x80) == 0) return fail();
    size_t head = 2, length = at(1) & 0x7f;
    const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (opcode >= 8 && (extra != 0 || !fin)) return fail();
    if (bytes_.size() < head + extra) return false;
    if (extra != 0) length = 0;
    for (size_t i = 0; i < extra; ++i) length = length << 8 | at(head++);
    if ((extra == 2 && length < 126) || (extra == 8 && length < 65536)) return fail();
    if (opcode < 8) {
      if ((opcode == 0) != is_open_) return fail();
      if (length > kLimits.message_bytes_max - message_.size()) return fail();
      if (++frames_ > kLimits.fragments_max) return fail();
    }
    if (bytes_.size() < head + 4 + length) return false;
    std::string payload(bytes_.substr(head + 4, length));
    for (size_t i = 0; i < length; ++i)
      payload[i] = static_cast<char>(payload[i] ^ at(head + i % 4));
    bytes_.remove_prefix(head + 4 + length);
    return opcode >= 8 ? control(opcode, payload) : data(opcode, fin, payload);
  }

  bool control(unsigned opcode, const std::string& payload) {
    if (opcode == 9) return seen_.push_back({Kind::kPing, payload}), true;
    if (opcode == 10) return seen_.push_back({Kind::kPong, payload}), true;
    if (payload.empty()) return seen_.push_back({Kind::kClose, "", kWsCloseNoStatus}), false;
    if (payload.size() == 1) return fail();
    const auto code = static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 |
                                            static_cast<uint8_t>(payload[1]));
    const bool is_valid = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                          (code >= 3000 && code <= 4999);
    if (!is_valid || !utf8_valid(std::string_view(payload).substr(2))) return fail();
    seen_.push_back({Kind::kClose, payload.substr(2), code});
    return false;
  }

  bool data(unsigned opcode, bool fin, const std::string& payload) {
    if (opcode != 0) is_text_ = opcode == 1;
    message_ += payload;
    is_open_ = !fin;
    // A wrong byte is told as it comes, not at the message's end.
    if (is_text_ && !Utf8Validator().feed(message_)) return fail();
    if (!fin) return true;
    if (is_text_ && !utf8_valid(message_)) return fail();
    seen_.push_back({is_text_ ? Kind::kText : Kind::kBinary, message_});
    message_.clear();
    frames_ = 0;
    return true;
  }

  std::string_view bytes_;
  std::string message_;
  bool is_open_ = false, is_text_ = false;
  uint32_t frames_ = 0;
  List seen_;
};

void compare(const List& seen, const List& reference) {
  for (size_t i = 0; i < reference.size(); ++i) {
    MUST(i < seen.size(), "nothing that has arrived in full is held back");
    if (reference[i].kind == Kind::kError)
      MUST(seen[i].kind == Kind::kError, "what the reference refuses is refused");
    else
      MUST(seen[i] == reference[i], "both readers see the same messages");
  }
  // Of the last, incomplete frame a mistake may show early.
  MUST(seen.size() <= reference.size() + 1, "no message out of nothing");
  if (seen.size() > reference.size())
    MUST(seen.back().kind == Kind::kError, "what is incomplete is no message");
}

// The input as a client's doings: an opcode, how many pieces, a payload.
void write_and_read(std::string_view input) {
  fuzz::Input script(input);
  std::string bytes;
  List expected;
  while (!script.empty() && expected.size() < 8) {
    const uint8_t what = script.byte();
    const std::string payload = utf8_with_replacement(script.until('\n').substr(0, 100));
    const WsMaskKey mask = {what, script.byte(), 3, static_cast<uint8_t>(what * 7)};
    if (what % 4 == 0) {
      const std::string_view data = utf8_prefix(payload, kWsControlBytesMax);
      bytes += ws_client_frame(WsOpcode::kPing, data, mask);
      expected.push_back({Kind::kPing, std::string(data)});
      continue;
    }
    const size_t half = what % 8 > 3 ? payload.size() / 2 : payload.size();
    const bool is_text = what % 2 == 1;
    const std::string_view view = payload;
    bytes += ws_client_frame(is_text ? WsOpcode::kText : WsOpcode::kBinary, view.substr(0, half),
                             mask, half == payload.size());
    if (half != payload.size())
      bytes += ws_client_frame(WsOpcode::kContinuation, view.substr(half), mask);
    expected.push_back({is_text ? Kind::kText : Kind::kBinary, payload});
  }
  bytes += ws_client_close_frame(1000, "end", {1, 2, 3, 4});
  expected.push_back({Kind::kClose, "end", 1000});
  MUST(read(bytes, bytes.size()) == expected, "what a client writes is what a server reads");
}

FUZZ_TARGET(websocket) {
  const List whole = read(input, input.size());
  for (const size_t cut : fuzz::cuts_of(input.size()))
    MUST(read(input, cut) == whole, "what is read does not depend on where the bytes are cut");
  compare(whole, Reference(input).read());
  write_and_read(input);
}

}  // namespace
}  // namespace livehub::wire
