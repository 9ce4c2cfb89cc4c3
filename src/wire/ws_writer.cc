#include "wire/ws_writer.h"

#include "base/check.h"
#include "wire/utf8.h"
#include "wire/ws_client.h"

namespace livehub::wire {
namespace {

constexpr char kFin = '\x80';
constexpr char kRsv1 = '\x40';
constexpr char kMasked = '\x80';

void put_big_endian(char* out, uint64_t value, size_t bytes) {
  for (size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 0xFF);
}

}  // namespace

size_t ws_frame_head_size(size_t payload_bytes) {
  if (payload_bytes <= 125) return 2;
  return payload_bytes <= 65535 ? 4 : 10;
}

size_t write_ws_frame_head(char* out, WsOpcode opcode, size_t payload_bytes, bool compressed) {
  LIVEHUB_CHECK(!ws_is_control(opcode) || (payload_bytes <= kWsControlBytesMax && !compressed),
                "a control frame holds at most 125 bytes, never compressed");
  const size_t head_bytes = ws_frame_head_size(payload_bytes);
  out[0] = static_cast<char>(kFin | static_cast<char>(opcode));
  if (compressed) out[0] = static_cast<char>(out[0] | kRsv1);
  if (head_bytes == 2) {
    out[1] = static_cast<char>(payload_bytes);
  } else {
    out[1] = static_cast<char>(head_bytes == 4 ? 126 : 127);
    put_big_endian(out + 2, payload_bytes, head_bytes - 2);
  }
  return head_bytes;
}

std::string ws_frame(WsOpcode opcode, std::string_view payload, bool compressed) {
  std::string frame(ws_frame_head_size(payload.size()), '\0');
  write_ws_frame_head(frame.data(), opcode, payload.size(), compressed);
  frame += payload;
  return frame;
}

std::string ws_close_payload(uint16_t code, std::string_view reason) {
  if (!ws_close_code_valid(code)) return {};
  std::string payload(2, '\0');
  put_big_endian(payload.data(), code, 2);
  constexpr size_t kReasonBytesMax = kWsControlBytesMax - 2;
  if (utf8_valid(reason)) {
    payload += utf8_prefix(reason, kReasonBytesMax);
  } else {
    payload += utf8_prefix(utf8_with_replacement(reason), kReasonBytesMax);
  }
  return payload;
}

std::string ws_close_frame(uint16_t code, std::string_view reason) {
  return ws_frame(WsOpcode::kClose, ws_close_payload(code, reason));
}

std::string ws_client_frame(WsOpcode opcode, std::string_view payload, WsMaskKey mask, bool fin) {
  std::string frame(ws_frame_head_size(payload.size()), '\0');
  write_ws_frame_head(frame.data(), opcode, payload.size());
  if (!fin) frame[0] = static_cast<char>(frame[0] & ~kFin);
  frame[1] = static_cast<char>(frame[1] | kMasked);
  frame.append(reinterpret_cast<const char*>(mask.data()), mask.size());
  const size_t head_bytes = frame.size();
  frame += payload;
  ws_mask(std::span(frame).subspan(head_bytes), mask);
  return frame;
}

std::string ws_client_close_frame(uint16_t code, std::string_view reason, WsMaskKey mask) {
  return ws_client_frame(WsOpcode::kClose, ws_close_payload(code, reason), mask);
}

}  // namespace livehub::wire
