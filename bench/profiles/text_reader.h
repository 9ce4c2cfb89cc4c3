// The receiving side of a client that needs each message's text: WebSocket frames of a server, or
// the lines of an event stream. Costs little: nothing is kept but the front of what was cut.
//
// Thread rule: one process, one thread. Limits: a server's frames are not fragmented here, and an
// event is taken line by line. Tests: bench/profiles/fleet_test.cc (each input cut at every byte).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace livehub::bench {

// Receives what a reader finds. Views are valid during the call only.
class TextSink {
 public:
  virtual ~TextSink() = default;
  virtual void on_text(
      std::string_view text) = 0;  // a text frame; a line of an event, name and all
  virtual void on_ping(std::string_view payload) = 0;
  virtual void on_close() = 0;
};

enum class Wire : uint8_t { kWebSocket, kEvents };

class TextReader {
 public:
  explicit TextReader(Wire wire) : wire_(wire) {}
  // False: bytes that no server may send.
  bool feed(std::string_view bytes, TextSink& sink);

 private:
  // How much of the front was used; 0: the unit goes on beyond it.
  size_t take_frame(std::string_view bytes, TextSink& sink);
  static size_t take_line(std::string_view bytes, TextSink& sink);

  const Wire wire_;
  bool is_broken_ = false;
  std::string carry_;
};

}  // namespace livehub::bench
