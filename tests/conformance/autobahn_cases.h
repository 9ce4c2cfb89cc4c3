// The 517 cases of the Autobahn|Testsuite (fuzzing client, 1.1.1 to 13.7.18) as data: what a client
// sends to an echo endpoint and what must come back. Two runners use them: the one in memory
// (tests/unit/wire/ws_autobahn_test.cc) and the one over a socket.
//
// The endpoint echoes messages, answers pings, and needs limits of 16 MB a message and 65,536
// fragments (9.3.1 and 9.4.1). Sections 12 and 13 are about compression: they offer it, and have a
// script for where it was agreed to; a server that declines echoes them plainly. Their files are
// replaced by made-up data of the same kind and size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "wire/ws_frame.h"

namespace livehub::conformance {

// One write. Between two chunks the runner pauses, so that the server reads them apart.
struct Chunk {
  std::string bytes;
  size_t chop_bytes = 0;  // write it in pieces of this size; 0: at once
};

struct Reply {
  wire::WsOpcode opcode;  // kText, kBinary or kPong
  std::string payload;
  bool operator==(const Reply&) const = default;
};

enum class Ending : uint8_t {
  kClientCloses,    // all replies are in: the runner sends close 1000 and awaits the answer
  kClosedByClient,  // the chunks contain the close frame
  kServerFails,     // the server must fail the connection by itself
};

struct Script {
  std::vector<Chunk> chunks;
  std::vector<Reply> replies;  // in this order, and nothing else

  Ending ending = Ending::kClientCloses;
  std::vector<uint16_t> close_codes = {1000};  // of the server's close frame
  bool clean = true;  // false: a close frame without a code, or none before the end, is right too

  // Set where failing fast is the point: after this chunk the connection must be failed, before it
  // not.
  std::optional<size_t> fails_at_chunk;

  // What the suite calls "non-strict" and lets pass; we do not use it: no reply before the failure
  // (sections 3, 4, 5), a failure only at the last chunk (6.4).
  bool may_lose_replies = false;
  bool may_fail_late = false;
  bool informational = false;  // any outcome is right, as long as the connection ends

  // Sections 12 and 13, where compression was agreed to: whether each reply must be compressed.
  bool has_compressed_replies = false;
};

struct Case {
  std::string number;
  std::string description;
  uint32_t rounds;  // a round is sent when the replies of the one before it are in
  std::function<Script(uint32_t round)> script;  // made on demand: some are 16 MB

  // Sections 12 and 13: what the client offers in Sec-WebSocket-Extensions, what a server that does
  // no context takeover and only the whole window answers (empty: it declines, and `script` is
  // run), and the script with compressed messages.
  std::string offer = {};
  std::string answer = {};
  std::function<Script(uint32_t round)> compressed_script = {};
};

const std::vector<Case>& autobahn_cases();

}  // namespace livehub::conformance
