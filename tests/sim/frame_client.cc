#include "frame_client.h"

#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "wire/ws_client.h"
#include "wire/ws_handshake.h"

namespace livehub::sim {
namespace {

constexpr wire::WsMaskKey kMask = {7, 1, 8, 2};

}  // namespace

FrameClient::FrameClient(Scene& scene, std::string name, size_t smallest_room)
    : Client(scene, std::move(name)) {
  const size_t rooms[] = {smallest_room, 3000, 100'000};
  down_room_ = rooms[scene.random().below(3)];
  read_rate_ = scene.random().chance(2000) ? 300 : 10'000;
  connect_in_ms(300);
}

void FrameClient::forget() {
  phase_ = Phase::kNone;
  in_.clear();
  ws_ = wire::WsReader(wire::WsRole::kClient);
}

void FrameClient::leave() {
  Client::leave();
  forget();
}

void FrameClient::on_connected() {
  forget();
  out_ = "GET " + target() +
         " HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\n" +
         headers() + "Sec-WebSocket-Key: " + wire::ws_key_from_nonce({}) + "\r\n\r\n";
  phase_ = Phase::kHead;
}

// --- reading ---

void FrameClient::on_bytes(std::string bytes) {
  in_ += bytes;
  if (phase_ == Phase::kHead) {
    const auto head = take_head(name_, in_);
    if (!head) return;
    on_head(*head);
  }
  if (phase_ == Phase::kJoining || phase_ == Phase::kOpen) take_frames();
}

void FrameClient::on_head(const ResponseHead& head) {
  ++scene_.answers[head.status / 100];
  const bool is_refused = head.status == 503 || head.status == 408;
  if (is_refused && must_be_told()) fail(name_ + ": refused in the calm");
  if (head.status != 101 && !is_refused)
    fail(name_ + ": an upgrade answered " + std::to_string(head.status));
  phase_ = is_refused ? Phase::kRefused : Phase::kJoining;
}

void FrameClient::take_frames() {
  std::span<char> input(in_.data(), in_.size());
  for (;;) {
    const wire::WsEvent event = ws_.next(input, {});
    if (event.kind == wire::WsEvent::Kind::kNeedMore || !on_ws_event(event)) break;
  }
  if (phase_ == Phase::kClosing && !input.empty()) fail(name_ + ": bytes after a close frame");
  in_.clear();
}

// False: it was the last.
bool FrameClient::on_ws_event(const wire::WsEvent& event) {
  using Kind = wire::WsEvent::Kind;
  switch (event.kind) {
    case Kind::kText: {
      const auto frame = nlohmann::json::parse(event.payload, nullptr, false);
      on_frame(frame.is_object() ? frame.value("type", "") : "", frame, event.payload);
      return true;
    }
    case Kind::kPing:
      ++scene_.pings;
      send_ws(wire::WsOpcode::kPong, event.payload);
      return true;
    case Kind::kClose:
      on_close_frame(event);
      return false;
    default:
      fail(name_ + ": a frame that nobody sends here " + std::string(event.detail));
  }
}

void FrameClient::on_close_frame(const wire::WsEvent& close) {
  const std::string what = name_ + ": closed with " + std::to_string(close.close_code);
  if (!is_drain(close) && !is_excused(close)) fail(what);
  if (!is_drain(close) && must_be_told()) fail(what + " in the calm");
  phase_ = Phase::kClosing;
  ++scene_.told_ends;
  if (!is_half_closed_) out_ += wire::ws_client_close_frame(close.close_code, "", kMask);
}

void FrameClient::on_end(bool) {
  if (must_be_told() && phase_ == Phase::kOpen && !scene_.is_ending)
    fail(name_ + ": dropped in the calm");
  ++(phase_ == Phase::kClosing ? scene_.told_ends : scene_.untold_ends);
  forget();
}

// --- writing ---

void FrameClient::send_ws(wire::WsOpcode opcode, std::string_view payload) {
  if (!is_half_closed_) out_ += wire::ws_client_frame(opcode, payload, kMask);
}

}  // namespace livehub::sim
