// One client connection: what it is doing, and nothing that only some phases need. shard-local.
// Its bytes on the way out are the hub's (hub/peer.h), its descriptor the driver's; all three share
// an index.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/slab.h"
#include "livehub/profile.h"
#include "wire/http_request.h"
#include "wire/ws_extensions.h"
#include "wire/ws_reader.h"

namespace livehub::session {

enum class Phase : uint8_t {
  kHead,       // waits for a request, or reads its head
  kBody,       // reads a request's body
  kReply,      // the profile has the request; its reply is awaited
  kOpening,    // a stream whose first subscription is not confirmed yet: no head was sent
  kSse,        // an event stream
  kWs,         // an open WebSocket
  kWsClosing,  // our close frame is out, the peer's is awaited
  kEnding,     // the last bytes are on their way
  kLingering,  // all sent and our side shut; the peer's end is awaited, what it sends is discarded
};

// What a request in progress needs; freed when the connection becomes a stream.
struct HttpExchange {
  wire::HttpRequestParser parser;
  Route route;
  std::string body;
  std::string input;                    // arrived behind a request that is still being answered
  std::string stream_head;              // kOpening
  wire::WsDeflateOutcome deflate = {};  // of an upgrade, where COMPRESSION is on
  size_t charged_bytes = 0;             // of body and input, to the memory budget
  bool is_head_only = false;
  bool is_refused = false;  // the route's answer stands, the body is thrown away
};

struct Connection {
  enum Flag : uint32_t {
    kWebSocket = 1,
    kChunked = 2,  // SSE over HTTP/1.1
    kEnvelope = 4,
    kRefused = 8,     // accepted only to be refused: no slots or no memory
    kPeerEnded = 16,  // FIN seen
    kPingSent = 32,   // and nothing received since
    kEcho = 64,
    kPaused = 128,  // receiving is paused until own bytes are sent
    kKeepMessages = 256,
    kHeadSent = 512,  // the stream's head
    kKeepAlive = 1024,
    kCloseDeferred = 2048,
    kDraining = 4096,         // was told to go
    kAdmitted = 8192,         // counted as a stream
    kHandshaken = 16384,      // both WebSocket close frames went over
    kOfOtherProcess = 32768,  // resumes from a position of another process
    kOpenedNow = 131072,      // its head did not wait for a subscription
    kCloseOwed = 65536,       // the profile saw on_open(), and has on_close() to come
    kOfProxy = 262144,        // the peer is a trusted proxy: whose it is, its head says
    kTooMany = 524288,        // a stream that is opened only to be ended: its address has too many
    kDeflate = 1048576,       // WebSocket: permessage-deflate was agreed to
    kGzip = 2097152,          // SSE: the body is a gzip stream
    kInputWaits = 4194304,    // WebSocket: for its turn to be inflated; receiving is paused
    kPingLeft = 8388608,      // with kPingSent: the kernel has it
    kOverdue = 16777216,      // its time was over while not all was read
  };
  uint32_t generation = 0;
  Phase phase = Phase::kHead;
  uint8_t pong_seconds = 0;  // kWs; 0: the server's default
  uint16_t heartbeat_seconds = 0;
  uint32_t flags = kKeepAlive;
  uint32_t last_received_tick = 0;  // with kPingSent: when the client was asked
  uint32_t opened_tick = 0;
  uint32_t message_bytes_max = 0;
  uint16_t fragments_max = 0;  // kEcho has a limit of its own
  // Control frames that came in this second, and the second itself, as far as that goes.
  uint16_t control_second : 5 = 0;
  uint16_t control_frames : 11 = 0;
  uint32_t received_bytes = 0;  // modulo 4 GB, for whoever looks in
  std::unique_ptr<HttpExchange> http;
  wire::WsReader ws{};
  uint64_t tag = 0;

  bool has(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag) { flags |= flag; }
  void clear(Flag flag) { flags &= ~static_cast<uint32_t>(flag); }
  bool is_stream() const { return phase == Phase::kSse || phase == Phase::kWs; }
};
static_assert(base::Slab<Connection>::item_bytes() <= 64, "memory per connection is a feature");

}  // namespace livehub::session
