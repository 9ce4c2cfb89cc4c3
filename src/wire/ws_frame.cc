#include "wire/ws_frame.h"

#include <cstring>

namespace livehub::wire {
namespace {

constexpr uint8_t byte_at(std::span<const char> bytes, size_t i) {
  return static_cast<uint8_t>(bytes[i]);
}

constexpr uint8_t kRsv1 = 0x40;

const char* opcode_violation(uint8_t first, bool has_deflate) {
  const uint8_t opcode = first & 0x0F;
  const bool may_be_compressed = has_deflate && (opcode == 1 || opcode == 2);
  if ((first & (may_be_compressed ? 0x30 : 0x70)) != 0) return "a reserved bit is set";
  if (opcode > 10 || (opcode > 2 && opcode < 8)) return "the opcode is reserved";
  if (opcode >= 8 && (first & 0x80) == 0) return "a control frame is fragmented";
  return nullptr;
}

const char* length_violation(uint8_t second, WsRole role, WsOpcode opcode) {
  const bool masked = (second & 0x80) != 0;
  if (role == WsRole::kServer && !masked) return "a client frame is not masked";
  if (role == WsRole::kClient && masked) return "a server frame is masked";
  if (ws_is_control(opcode) && (second & 0x7F) > kWsControlBytesMax) {
    return "a control frame is longer than 125 bytes";
  }
  return nullptr;
}

uint64_t big_endian(std::span<const char> bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte_at(bytes, i);
  return value;
}

const char* extended_length_violation(uint64_t length, size_t length_bytes) {
  if (length >> 63 != 0) return "the highest bit of a length is set";
  const uint64_t shorter_max = length_bytes == 2 ? kWsControlBytesMax : 65535;
  if (length <= shorter_max) return "a length is not in its shortest form";
  return nullptr;
}

}  // namespace

bool ws_close_code_valid(uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

WsHeadParse parse_ws_head(std::span<const char> bytes, WsRole role, WsHead& head,
                          bool has_deflate) {
  using Known = WsHeadParse::Known;
  if (bytes.empty()) return {};
  const uint8_t first = byte_at(bytes, 0);
  if (const char* violation = opcode_violation(first, has_deflate))
    return {Known::kNothing, 2, violation};
  head.fin = (first & 0x80) != 0;
  head.compressed = (first & kRsv1) != 0;
  head.opcode = static_cast<WsOpcode>(first & 0x0F);
  if (bytes.size() < 2) return {Known::kOpcode, 2, nullptr};

  const uint8_t second = byte_at(bytes, 1);
  if (const char* violation = length_violation(second, role, head.opcode)) {
    return {Known::kOpcode, 2, violation};
  }
  const uint8_t short_length = second & 0x7F;
  const size_t length_bytes = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  const size_t mask_bytes = role == WsRole::kServer ? 4 : 0;
  const auto head_bytes = static_cast<uint8_t>(2 + length_bytes + mask_bytes);
  if (bytes.size() < 2 + length_bytes) return {Known::kOpcode, head_bytes, nullptr};

  head.payload_bytes = short_length;
  if (length_bytes != 0) {
    head.payload_bytes = big_endian(bytes.subspan(2, length_bytes));
    if (const char* violation = extended_length_violation(head.payload_bytes, length_bytes)) {
      return {Known::kOpcode, head_bytes, violation};
    }
  }
  if (bytes.size() < head_bytes) return {Known::kLength, head_bytes, nullptr};
  head.mask = {};
  if (mask_bytes != 0) std::memcpy(head.mask.data(), bytes.data() + 2 + length_bytes, 4);
  return {Known::kAll, head_bytes, nullptr};
}

void ws_mask(std::span<char> data, WsMaskKey key, uint64_t offset) {
  unsigned char rotated[8];
  for (size_t i = 0; i < sizeof rotated; ++i) rotated[i] = key[(offset + i) % 4];
  uint64_t word_key;
  std::memcpy(&word_key, rotated, sizeof word_key);
  if (word_key == 0) return;

  // Unaligned 8-byte loads cost nothing on x86-64 and ARMv8; four of them in a row become vectors.
  char* at = data.data();
  size_t left = data.size();
  for (; left >= 32; at += 32, left -= 32) {
    uint64_t words[4];
    std::memcpy(words, at, sizeof words);
    for (uint64_t& word : words) word ^= word_key;
    std::memcpy(at, words, sizeof words);
  }
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word ^= word_key;
    std::memcpy(at, &word, sizeof word);
  }
  for (size_t i = 0; i < left; ++i) at[i] = static_cast<char>(at[i] ^ rotated[i % 4]);
}

}  // namespace livehub::wire
