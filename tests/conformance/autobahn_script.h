// The words in which the Autobahn cases are written: frames, right or wrong, and scripts around
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autobahn_cases.h"

namespace livehub::conformance {

using Cases = std::vector<Case>;
using Frames = std::vector<std::string>;
using Replies = std::vector<Reply>;

// How the frames go onto the wire: in one write, one write each, or byte by byte.
enum class Cut : uint8_t { kOnce, kFrames, kOctets };

inline constexpr uint8_t kFin = 0x80;
inline constexpr uint8_t kRsv1 = 0x40;
inline constexpr uint8_t kCont = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

// "Kosme" in Greek, eleven bytes, which the suite uses throughout.
inline constexpr std::string_view kKosme = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5";

// A masked frame, also one that must not be: `first` is the whole first byte.
std::string frame(uint8_t first, std::string_view payload);
std::string text(std::string_view payload);
std::string ping(std::string_view payload);
std::string close(unsigned code, std::string_view reason = "");

// The frames of a message in fragments of that size; the last one has FIN.
Frames fragments(uint8_t opcode, std::string_view payload, size_t fragment_bytes);
// The same message compressed (RFC 7692 7.2.1), and then cut.
Frames compressed_fragments(uint8_t opcode, std::string_view payload, size_t fragment_bytes);

Reply text_reply(std::string_view payload);
Reply pong_reply(std::string_view payload);

// Scripts by how they end: the client closes, the server fails the connection with that code, or
// the frames contain the close and the server answers with one of the codes.
Script echoes(const Frames& frames, Replies replies, Cut cut = Cut::kOnce);
Script fails(const Frames& frames, Replies replies, uint16_t code = 1002, Cut cut = Cut::kOnce);
Script closes(const Frames& frames, std::vector<uint16_t> codes, bool clean = true);

std::string case_number(unsigned section, unsigned part, size_t index);
void add_case(Cases& cases, std::string number, std::string description, Script script);

// Section 6, in autobahn_utf8_cases.cc.
void add_utf8_fragments(Cases& cases);
void add_utf8_sequences(Cases& cases);

}  // namespace livehub::conformance
