// What is published: a JSON document of exactly the wished size that carries its own proof.
//
//   {"seq":17,"t":123456789,"p":0,"pad":"abc…"}
//
// seq counts the messages of publisher p from 0; t is when the message was due to be sent
// (monotonic nanoseconds: a late generator or a late server both show as latency, nothing is
// omitted). The padding is a fixed pattern by position, so a torn, shifted or shortened message is
// seen without keeping it. It is compact already: a server that minifies JSON passes it on
// unchanged.
//
// What is too short for that is a JSON string instead: "AAAAAtttttttPPabc…", the same three as
// digits of 6 bits (the time in microseconds, as far as it has room), then the pattern. No server
// may wrap it. Pure, but that such a time is found by what time it is. Tests:
// bench/load/load_test.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace livehub::bench {

struct Stamp {
  uint64_t seq = 0;
  int64_t t_ns = 0;
  uint32_t publisher = 0;  // the number of its sequence (board.h)
  uint32_t offset = 0;     // read: where in what was received its document begins
};

inline constexpr size_t kShortPayloadBytes = 16;  // a string's quotes and its stamp
inline constexpr size_t kPayloadBytesMin = 72;    // the longest stamp and one byte of padding
inline constexpr uint32_t kShortSequencesMax = 4096;
inline constexpr size_t kStampBytesMax = 125;  // a stamp lies within so many bytes of its payload

// Writes exactly `bytes` (at least kShortPayloadBytes) bytes: below kPayloadBytesMin a string.
void write_payload(char* out, size_t bytes, const Stamp& stamp);

// The stamp at the front of a payload, or further on where a server wraps what it sends.
std::optional<Stamp> read_stamp(std::string_view front);

// Looks at a payload as its pieces come, at the edges of each: what was torn, shifted or cut short
// shows there, and looking at every byte would cost the generator more than receiving it.
class PayloadCheck {
 public:
  // `offset`: of the document in what is received, where a server wraps it into an object.
  void begin(uint32_t offset = 0) {
    *this = PayloadCheck();
    offset_ = offset;
  }
  void take(std::string_view piece);
  // No more pieces: whether all of it can have come from write_payload(). A CR at the end is not
  // counted, nor is what closes a wrapping.
  bool end();
  uint64_t bytes() const { return bytes_; }

 private:
  bool is_plausible(char c, uint64_t position) const;

  uint64_t bytes_ = 0;
  uint32_t offset_ = 0;
  std::array<char, 8> tail_{};  // the last bytes
  bool is_plausible_ = true;
  bool is_string_ = false;
};

// The same for a payload that came in one piece (without a CR at its end).
bool is_payload_intact(std::string_view payload, uint32_t offset = 0);

}  // namespace livehub::bench
