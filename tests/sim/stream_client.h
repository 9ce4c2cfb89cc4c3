// Clients that listen: SSE over HTTP/1.1 and 1.0, a plain WebSocket, a WebSocket with envelopes.
// They check every byte, and come back with the last position that they saw. One thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "client.h"
#include "stream_parser.h"
#include "wire/deflate.h"
#include "wire/ws_reader.h"

namespace livehub::sim {

enum class StreamKind : uint8_t { kSse11, kSse10, kWsPlain, kWsEnvelope };

class StreamClient final : public Client {
 public:
  StreamClient(Scene& scene, std::string name, StreamKind kind);

  void calm_down() override;
  void check_end() const override;
  bool is_settled() const override { return is_gone_ || phase_ == Phase::kOpen; }
  void leave() override;
  // How long it has heard nothing, where it is open.
  int64_t quiet_ns() const {
    return phase_ == Phase::kOpen ? scene_.kernel.now_ns() - heard_at_ns_ : 0;
  }
  bool is_websocket() const { return kind_ >= StreamKind::kWsPlain; }

 private:
  enum class Phase : uint8_t { kNone, kHead, kConnected, kOpen, kRefused, kClosing, kOver };

  void on_connected() override;
  void on_bytes(std::string bytes) override;
  void on_end(bool is_orderly) override;
  void on_cut() override { phase_ = Phase::kNone; }
  void act_freely() override;

  void draw_habits();
  std::string request();
  void on_head(const ResponseHead& head);
  void open();
  void take_sse();
  void on_block(const SseBlock& block);
  void take_ws();
  bool on_ws_event(const wire::WsEvent& event);
  void on_text(std::string_view text);
  void send_ws(wire::WsOpcode opcode, std::string_view payload, bool fin = true);
  void remember(std::string_view id);

  const StreamKind kind_;
  Phase phase_ = Phase::kNone;
  View* view_ = nullptr;
  std::string in_;    // not parsed yet
  std::string body_;  // SSE, the chunks taken off
  ChunkReader chunks_;
  bool offers_compression_ = false;
  std::unique_ptr<GunzipReader> gunzip_;      // of a gzip stream
  std::unique_ptr<wire::Inflater> inflater_;  // of a WebSocket that agreed
  bool is_chunked_ = false;
  bool has_retry_ = false;
  bool is_impatient_ = false;  // goes before its head has come, and comes back at once
  wire::WsReader ws_{wire::WsRole::kClient};
  std::deque<std::string> pings_;  // sent, not answered
  bool is_in_message_ = false;     // of its own, in fragments
  std::string key_;
  std::string last_id_;
  bool has_close_code_ = false;
  int64_t heard_at_ns_ = 0;
};

}  // namespace livehub::sim
