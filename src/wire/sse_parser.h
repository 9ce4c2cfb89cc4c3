// The reading side of server-sent events, as a browser does it (WHATWG HTML 9.2.6). For the tools
// and the tests; the server itself only writes them. It is fed bytes as they arrive, cut anywhere.
// One thread. Values are the bytes of the stream: whoever needs valid UTF-8 replaces afterwards,
// which cannot move a line break or a colon.
//
// Limits: one event (its data, type and id, and the line being read) holds at most event_bytes_max.
// Tests: tests/unit/wire/sse_parser_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::wire {

// Receives what the parser finds. The views are valid during the call only.
class SseListener {
 public:
  virtual ~SseListener() = default;
  // id is the last event id, which an earlier event may have set; type is "message" by default.
  virtual void on_event(std::string_view id, std::string_view type, std::string_view data) = 0;
  virtual void on_retry(uint64_t ms) { (void)ms; }
  // The text after the colon, with its leading space.
  virtual void on_comment(std::string_view text) { (void)text; }
};

class SseParser {
 public:
  SseParser(SseListener& listener, size_t event_bytes_max)
      : listener_(listener), event_bytes_max_(event_bytes_max) {}

  // False once an event went over the limit; from then on everything is ignored until reset().
  [[nodiscard]] bool feed(std::string_view bytes);

  // A new connection: an unfinished event is dropped, the last event id is kept as browsers do.
  void reset();

  // What a reconnecting client sends as Last-Event-ID.
  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  void set_last_event_id(std::string_view id);

 private:
  [[nodiscard]] std::string_view without_bom(std::string_view bytes);
  void take_line(std::string_view line);
  void take_field(std::string_view name, std::string_view value);
  void take_retry(std::string_view value);
  void dispatch();
  [[nodiscard]] bool fits(size_t line_bytes) const;

  SseListener& listener_;
  size_t event_bytes_max_;
  std::string line_;           // an unfinished line
  std::string data_;           // the data buffer, each line ended by LF
  std::string type_;           // the event type buffer
  std::string id_;             // the last event ID buffer
  std::string last_event_id_;  // the last event ID string
  unsigned bom_bytes_ = 0;     // how much of a BOM was seen at the start; 3: past the start
  bool after_cr_ = false;      // an LF right after a CR belongs to it
  bool too_big_ = false;
};

}  // namespace livehub::wire
