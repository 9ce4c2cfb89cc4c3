// One connection to a live stream, SSE or WebSocket, read to its end: what `tail`, `tap` and the
// checks of a deployment stand on. Whoever wants to come back calls again with the last position.
// One thread.
// Limits: an event or message of 64 MB.
// Tests: tests/integration/tools_stream.test.mjs; tests/unit/tool/envelope_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tool/http.h"

namespace livehub::tool {

struct StreamRequest {
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string last_event_id;
  bool has_envelopes = false;  // WebSocket: asks for frames with positions (?last_event_id=)
  bool skips_verification = false;
  bool goes_direct = false;
  int64_t silence_ms = 60'000;
};

struct StreamMessage {
  std::string_view id;
  std::string_view event;  // empty: the default one
  std::string_view data;
};

class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual bool on_open() { return true; }
  // False: no more is wanted.
  virtual bool on_message(const StreamMessage& message) = 0;
  virtual void on_retry(uint64_t ms) { (void)ms; }
};

struct StreamEnd {
  enum class Kind : uint8_t {
    kEnded,        // properly, by the server
    kCut,          // the connection broke, or was silent for too long
    kUnreachable,  // nobody answers
    kRejected,     // an answer that says no: `status`
    kStopped,      // by us
    kForGood,      // the server wants nobody back: 204, or a policy (1008)
  };
  Kind kind = Kind::kUnreachable;
  long status = 0;
  uint16_t close_code = 0;
  std::string sentence;
  // SSE: where to go on, which a block without data may have said, or unsaid.
  std::optional<std::string> last_event_id = {};
};

[[nodiscard]] StreamEnd read_sse(const StreamRequest& request, StreamSink& sink, StopSignals& stop);
[[nodiscard]] StreamEnd read_websocket(const StreamRequest& request, StreamSink& sink,
                                       StopSignals& stop);

// {"id":"<position>","data":<payload>} or {"id":"…","gap":true}, as the hub writes them.
struct Envelope {
  std::string_view id;
  std::string_view data;
  bool is_gap = false;
};
[[nodiscard]] std::optional<Envelope> parse_envelope(std::string_view frame);

}  // namespace livehub::tool
