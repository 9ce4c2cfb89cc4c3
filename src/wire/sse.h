// Server-sent events as bytes (WHATWG HTML 9.2.5), and the HTTP/1.1 chunks (RFC 9112 section 7.1)
// they travel in. Pure functions: any thread, no state. The hot path asks for the size first and
// then writes into memory it owns, so nothing is allocated here.
//
// No field can smuggle another one in: the hot path takes single-line values only (its callers have
// passed the gate of the hub), the cold path splits line breaks or refuses.
// Tests: tests/unit/wire/sse_test.cc, and against our parser in sse_roundtrip_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace livehub::wire {

// One event. An empty id or event leaves its line out; data always has its line, for an event
// without one never fires in a browser. No value may contain CR, LF or NUL.
struct SseEvent {
  std::string_view id;
  std::string_view event;
  std::string_view data;
};

// Whether the value may stand in a field: it holds no CR, LF or NUL.
[[nodiscard]] bool is_sse_line(std::string_view value);

// Bytes of "id: …\nevent: …\ndata: …\n\n".
[[nodiscard]] size_t sse_event_bytes(const SseEvent& event);

// Writes exactly sse_event_bytes(event) bytes and returns their end.
char* write_sse_event(char* out, const SseEvent& event);

// Bytes that the chunk framing adds around a payload; the payload is not empty, since a chunk of
// size 0 ends the body.
[[nodiscard]] size_t chunk_overhead_bytes(size_t payload_bytes);
char* write_chunk_head(char* out, size_t payload_bytes);
char* write_chunk_tail(char* out);

// Cold path. Data of any number of lines: CR, LF and CRLF each start a new data line, which a
// client sees as LF. Refused (nullopt): NUL anywhere, CR or LF in id or event.
[[nodiscard]] std::optional<std::string> sse_multiline_event(const SseEvent& event);

// A comment block, one comment line for each line of the text. Refused (nullopt): NUL.
[[nodiscard]] std::optional<std::string> sse_comment(std::string_view text);

// "retry: …\n\n": how long a client waits before it reconnects.
[[nodiscard]] std::string sse_retry(uint32_t ms);

// "id: …\n\n": browsers store the id and fire no event. An empty id makes them forget theirs.
[[nodiscard]] std::string sse_id_only(std::string_view id);

// One chunk with that payload; an empty payload gives no bytes at all.
[[nodiscard]] std::string http_chunk(std::string_view payload);

inline constexpr std::string_view kSsePing = ": ping\n\n";
inline constexpr std::string_view kSsePingChunk = "8\r\n: ping\n\n\r\n";
inline constexpr std::string_view kSseConnected = ": connected\n\n";
inline constexpr std::string_view kSseConnectedChunk = "d\r\n: connected\n\n\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
static_assert(kSsePing.size() == 0x8 && kSseConnected.size() == 0xd);

}  // namespace livehub::wire
