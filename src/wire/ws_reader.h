// Reads WebSocket frames (RFC 6455) from borrowed bytes and says what they mean. Shard-local; owned
// by a session. It costs 16 bytes while nothing is incomplete: whole frames are lent out of the
// caller's input, and only what has not arrived in full is kept on the heap.
//
// Limits: the kept bytes of a message never exceed WsLimits::message_bytes_max and grow with what
// has arrived, not with what a head announces; a message has at most fragments_max frames. A
// compressed message (RFC 7692) is collected as it comes, within a little more than that limit, and
// inflated at its end, up to the limit itself: nothing of zlib is held for a connection.
//
// Invariants:
//   1. held_ is null, or something is incomplete, or the event just returned points into it.
//   2. Inside a message, message_bytes counts what its heads announced, and is within the limit.
//   3. After kClose and kError nothing more may be fed; after kError nothing is held.
// Tests: tests/unit/wire/ws_reader_test.cc, ws_reader_random_test.cc, ws_autobahn_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "wire/ws_frame.h"

namespace livehub::wire {

class Inflater;

struct WsLimits {
  size_t message_bytes_max = 65536;  // over all fragments; control frames do not count
  uint32_t fragments_max = 1024;     // frames of one message
  // False: everything is checked all the same, but messages are not stored and come with an empty
  // payload. Must not change between the calls for one reader.
  bool keep_payload = true;
  // Set where permessage-deflate was agreed to: reads the compressed messages of this connection
  // and of others. Must not come and go between the calls for one reader.
  Inflater* inflater = nullptr;
};

struct WsEvent {
  enum class Kind : uint8_t { kNeedMore, kText, kBinary, kPing, kPong, kClose, kError };
  Kind kind = Kind::kNeedMore;
  std::string_view payload;  // the message, the data of a ping or pong, or the close reason
  uint16_t close_code =
      0;  // kClose: the peer's code, 1005 if it gave none; kError: the code to send
  const char* detail = "";  // kError: which rule was broken, a literal
  bool compressed = false;  // a message that came compressed
};

class WsReader {
 public:
  explicit WsReader(WsRole role = WsRole::kServer);
  WsReader(const WsReader&) = delete;
  WsReader& operator=(const WsReader&) = delete;
  ~WsReader();
  WsReader(WsReader&&) noexcept;
  WsReader& operator=(WsReader&&) noexcept;

  // Takes bytes from the front of `input` (unmasking them in place) up to the end of the first
  // event, or all of them with kNeedMore. Payloads are valid until the next call (to any reader
  // with the same inflater) or until the input's bytes go away, whichever is first. Call it until
  // kNeedMore; never after kClose or kError.
  //
  // kError carries 1002 (RFC 6455 violated, a length not in its shortest form included), 1007 (text
  // or close reason is not UTF-8, told at the first wrong byte even inside a frame; or a compressed
  // message is not DEFLATE, or not UTF-8, told at its end), 1009 (too big, told by the head that
  // announces it, or once inflated) or 1008 (over fragments_max: small, but abusive).
  [[nodiscard]] WsEvent next(std::span<char>& input, const WsLimits& limits);

  // Heap bytes held for what is incomplete, for the memory budget.
  size_t buffered_bytes() const;

 private:
  struct Held;

  Held& hold();
  bool in_message() const;
  void release_if_complete();
  WsEvent fail(uint16_t code, const char* detail);
  WsEvent read_head(std::span<char>& input, const WsLimits& limits, WsHead& head, bool& whole);
  WsEvent check_head(const WsHead& head, WsHeadParse::Known known, const WsLimits& limits);
  WsEvent lend_frame(std::span<char>& input, const WsHead& head, const WsLimits& limits);
  void enter_frame(const WsHead& head);
  WsEvent take_payload(std::span<char>& input, const WsLimits& limits);
  WsEvent take_control(std::span<const char> bytes, bool last);
  WsEvent take_data(std::span<const char> bytes, bool last, const WsLimits& limits);
  WsEvent take_compressed(std::span<const char> bytes, bool last, const WsLimits& limits);
  WsEvent inflated(WsOpcode opcode, std::string_view blocks, const WsLimits& limits);
  WsEvent control_event(WsOpcode opcode, std::string_view payload);

  std::unique_ptr<Held> held_;
  WsRole role_;
  bool ended_ = false;
};
static_assert(sizeof(WsReader) <= 16, "memory per idle connection is a feature");

}  // namespace livehub::wire
