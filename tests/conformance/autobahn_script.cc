#include "autobahn_script.h"

#include <utility>

#include "wire/deflate.h"
#include "wire/ws_client.h"

namespace livehub::conformance {

using wire::WsOpcode;

std::string frame(uint8_t first, std::string_view payload) {
  std::string bytes = wire::ws_client_frame(WsOpcode::kBinary, payload, {0x5A, 0x0F, 0xC3, 0x81});
  bytes[0] = static_cast<char>(first);
  return bytes;
}

std::string text(std::string_view payload) { return frame(kFin | kText, payload); }
std::string ping(std::string_view payload) { return frame(kFin | kPing, payload); }

std::string close(unsigned code, std::string_view reason) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  payload += reason;
  return frame(kFin | kClose, payload);
}

Reply text_reply(std::string_view payload) { return {WsOpcode::kText, std::string(payload)}; }
Reply pong_reply(std::string_view payload) { return {WsOpcode::kPong, std::string(payload)}; }

Script echoes(const Frames& frames, Replies replies, Cut cut) {
  Script script;
  for (const std::string& bytes : frames) {
    if (cut == Cut::kFrames || script.chunks.empty()) script.chunks.emplace_back();
    script.chunks.back().bytes += bytes;
    if (cut == Cut::kOctets) script.chunks.back().chop_bytes = 1;
  }
  script.replies = std::move(replies);
  return script;
}

Script fails(const Frames& frames, Replies replies, uint16_t code, Cut cut) {
  Script script = echoes(frames, std::move(replies), cut);
  script.ending = Ending::kServerFails;
  script.close_codes = {code};
  script.clean = false;
  script.may_lose_replies = !script.replies.empty();
  return script;
}

Script closes(const Frames& frames, std::vector<uint16_t> codes, bool clean) {
  Script script = echoes(frames, {});
  script.ending = Ending::kClosedByClient;
  script.close_codes = std::move(codes);
  script.clean = clean;
  return script;
}

Frames fragments(uint8_t opcode, std::string_view payload, size_t fragment_bytes) {
  Frames frames;
  size_t from = 0;
  do {
    const std::string_view part = payload.substr(from, fragment_bytes);
    from += part.size();
    const uint8_t fin = from == payload.size() ? kFin : 0;
    frames.push_back(frame(frames.empty() ? fin | opcode : fin | kCont, part));
  } while (from < payload.size());
  return frames;
}

Frames compressed_fragments(uint8_t opcode, std::string_view payload, size_t fragment_bytes) {
  thread_local wire::Deflater deflater;
  std::string_view blocks = deflater.compress(payload, payload.size() + payload.size() / 100 + 64);
  blocks.remove_suffix(wire::kDeflateTail.size());
  return fragments(opcode | kRsv1, blocks, fragment_bytes);
}

std::string case_number(unsigned section, unsigned part, size_t index) {
  return std::to_string(section) + "." + std::to_string(part) + "." + std::to_string(index);
}

void add_case(Cases& cases, std::string number, std::string description, Script script) {
  cases.push_back({std::move(number), std::move(description), 1,
                   [script = std::move(script)](uint32_t) { return script; }});
}

}  // namespace livehub::conformance
