// The receiving side of a client, built to cost little: bytes are looked at where they were
// received, and nothing is kept but the front of a unit that was cut. A message's stamp is read
// from its front, the rest is skipped over with its edges checked (payload.h). Not a validator:
// livehub's own parsers are that; here the generator must stay cheaper than the server it loads.
//
// Thread rule: one process, one thread. Tests: bench/load/load_test.cc (each input cut at every
// byte).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "load/payload.h"

namespace livehub::bench {

// Receives what an inbox finds. Views are valid during the call only.
class InboxSink {
 public:
  virtual ~InboxSink() = default;
  // A complete message; no stamp: it is not one of ours. `bytes` is its payload's size.
  virtual void on_message(const std::optional<Stamp>& stamp, uint64_t bytes, bool intact) = 0;
  virtual void on_ping(std::string_view payload) = 0;  // a WebSocket ping or an SSE comment
  // Where a client that comes back goes on: behind the message before, or where the server says.
  virtual void on_id(std::string_view) {}
  virtual void on_gap() = 0;               // the server says that messages are missing
  virtual void on_end(uint16_t code) = 0;  // close frame (its code, or 1005), last chunk (0)
};

// Frames of a server: unmasked, possibly fragmented.
class WsInbox {
 public:
  // False: a frame that no server may send; the connection is of no use any more.
  bool feed(std::string_view bytes, InboxSink& sink);
  // Reads ids from envelopes: {"id":"…","data":…}; {"id":"…","gap":true} is a gap.
  void keep_ids() { keeps_ids_ = true; }

 private:
  static constexpr size_t kNeedsMore = 0;
  static constexpr size_t kBroken = ~size_t{0};

  size_t take_whole_message(std::string_view bytes, InboxSink& sink);
  size_t feed_carried(std::string_view bytes, InboxSink& sink);
  size_t take_unit(std::string_view bytes, InboxSink& sink);
  size_t take_control(std::string_view bytes, size_t head_bytes, InboxSink& sink);
  size_t take_data_front(std::string_view bytes, size_t head_bytes, uint64_t payload_bytes);
  size_t skip_payload(std::string_view bytes);
  void finish_frame(InboxSink& sink);
  void tell(std::string_view front, const std::optional<Stamp>& stamp, uint64_t bytes, bool intact,
            InboxSink& sink) const;

  std::unique_ptr<std::string> carry_;  // the front of a unit that was cut
  uint64_t to_skip_ = 0;                // of the current frame's payload
  PayloadCheck check_;
  std::optional<Stamp> stamp_;
  bool in_frame_ = false;
  bool in_message_ = false;
  bool is_last_frame_ = false;
  bool keeps_ids_ = false;
  std::unique_ptr<std::string> front_;  // with keep_ids(): of the message in progress
};

// A response body of server-sent events, chunked or not. A gap is an event of that name.
class SseInbox {
 public:
  void set_chunked(bool chunked) { chunked_ = chunked; }
  void keep_ids() { keeps_ids_ = true; }
  bool feed(std::string_view bytes, InboxSink& sink);

 private:
  enum class Phase : uint8_t { kSize, kSizeRest, kData, kDataEnd, kEnded };

  bool take_size_digit(char c);
  void start_chunk(InboxSink& sink);
  void feed_body(std::string_view bytes, InboxSink& sink);
  void take_piece(std::string_view piece, bool is_line_end, InboxSink& sink);
  void take_line(std::string_view line, InboxSink& sink);
  void take_data(std::string_view front);
  void dispatch(InboxSink& sink);

  std::unique_ptr<std::string> carry_;  // the front of a line that was cut
  uint64_t chunk_bytes_ = 0;            // to come; while in kSize: as far as its digits are known
  PayloadCheck check_;
  std::optional<Stamp> stamp_;
  Phase phase_ = Phase::kSize;
  bool chunked_ = true;
  bool has_data_ = false;
  bool is_gap_ = false;
  bool keeps_ids_ = false;
  std::unique_ptr<std::string> id_;  // with keep_ids(): of the event in progress
  bool is_past_front_ = false;       // the line that was cut is longer than what is kept of it
};

}  // namespace livehub::bench
