// Why connections ended: a count for each cause, and the last of them with their circumstances, so
// that "why was I disconnected" has an answer. Front writes, the admin port reads (Front::insight).
// shard-local. Limits: kKept entries; addresses of kAddressesASecond. Tests:
// tests/unit/session/closed_log_test.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace livehub::session {

enum class Cause : uint8_t {
  kClientLeft,      // it closed its side of the socket without a word
  kClientClosed,    // with a WebSocket close frame
  kConnectionLost,  // reset, or the network gave up
  kSendFailed,
  kNoPong,
  kTooSlow,
  kDraining,
  kMemory,
  kProfile,  // the service ended it
  kBadFrame,
  kBadRequest,
  kSlowRequest,
  kNoSlots,
  kTooManyOfAddress,  // its address has too many connections open, or opens them too fast
  kStopped,           // by us, for want of any better cause: the shard's end
};
inline constexpr size_t kCauses = 15;

inline std::string_view cause_name(Cause cause) {
  constexpr std::array<std::string_view, kCauses> kNames = {
      "client left",     "client closed",
      "connection lost", "send failed",
      "no pong",         "too slow",
      "draining",        "memory",
      "profile",         "bad frame",
      "bad request",     "request too slow",
      "no slots",        "too many of address",
      "stopped"};
  return kNames[static_cast<size_t>(cause)];
}

enum class EndKind : uint8_t { kSse, kWebSocket, kHttp };
inline constexpr size_t kEndKinds = 3;

struct Ended {
  int64_t unix_ms = 0;
  EndKind kind = EndKind::kSse;
  Cause cause = Cause::kStopped;
  uint16_t code = 0;
  uint8_t reason_bytes = 0;
  uint8_t address_bytes = 0;
  uint32_t age_ms = 0;
  uint32_t sent_bytes = 0;
  uint32_t received_bytes = 0;
  char reason[60] = {};
  char address[48] = {};

  std::string_view reason_view() const { return {reason, reason_bytes}; }
  std::string_view address_view() const { return {address, address_bytes}; }
  void set_reason(std::string_view text) { reason_bytes = copy(reason, sizeof(reason), text); }
  void set_address(std::string_view text) { address_bytes = copy(address, sizeof(address), text); }

 private:
  static uint8_t copy(char* to, size_t room, std::string_view text) {
    size_t bytes = std::min(text.size(), room);
    // Not in the middle of a character.
    while (bytes > 0 && bytes < text.size() && (text[bytes] & 0xc0) == 0x80) --bytes;
    if (bytes > 0) std::memcpy(to, text.data(), bytes);
    return static_cast<uint8_t>(bytes);
  }
};

class ClosedLog {
 public:
  static constexpr size_t kKept = 256;
  static constexpr uint32_t kAddressesASecond = 32;

  ClosedLog() : entries_(kKept) {}

  // Whether this one's address is worth its system call: of a crowd that leaves only the first are
  // asked.
  bool may_ask_address(int64_t unix_seconds) {
    if (unix_seconds != second_) {
      second_ = unix_seconds;
      asked_ = 0;
    }
    return asked_++ < kAddressesASecond;
  }

  void note(const Ended& ended) {
    entries_[written_++ % kKept] = ended;
    ++counts_[static_cast<size_t>(ended.kind)][static_cast<size_t>(ended.cause)];
  }

  // Newest first.
  std::vector<Ended> newest(size_t most) const {
    std::vector<Ended> out;
    const size_t have = std::min<size_t>(written_, kKept);
    for (size_t i = 0; i < std::min(most, have); ++i)
      out.push_back(entries_[(written_ - 1 - i) % kKept]);
    return out;
  }

  using Counts = std::array<std::array<uint64_t, kCauses>, kEndKinds>;
  const Counts& counts() const { return counts_; }

 private:
  std::vector<Ended> entries_;
  size_t written_ = 0;
  int64_t second_ = 0;
  uint32_t asked_ = 0;
  Counts counts_{};
};

}  // namespace livehub::session
