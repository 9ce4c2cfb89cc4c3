// Clients whose frames are JSON objects over a WebSocket: the handshake, pings, and how a
// connection may end. What the frames say is for who derives from it. One thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "client.h"
#include "stream_parser.h"
#include "wire/ws_reader.h"

namespace livehub::sim {

class FrameClient : public Client {
 public:
  bool is_open() const { return phase_ == Phase::kOpen; }
  void leave() override;

 protected:
  // kJoining: the upgrade was answered, and the first frames are to come.
  enum class Phase : uint8_t { kNone, kHead, kJoining, kOpen, kRefused, kClosing };

  FrameClient(Scene& scene, std::string name, size_t smallest_room);

  // The upgrade's target; asked once for each connection, when its link is there.
  virtual std::string target() = 0;
  virtual std::string headers() const { return {}; }
  virtual void on_frame(const std::string& type, const nlohmann::json& frame,
                        std::string_view text) = 0;
  // Whether the close frame says that the server stops.
  virtual bool is_drain(const wire::WsEvent& close) const = 0;
  // Other ends that there may be, but in the calm: too slow.
  virtual bool is_excused(const wire::WsEvent& close) const { return close.close_code == 1013; }
  // The connection is over.
  virtual void forget();

  void send_text(std::string_view text) { send_ws(wire::WsOpcode::kText, text); }
  bool may_speak() const { return is_open() && !is_half_closed_; }

  Phase phase_ = Phase::kNone;

 private:
  void on_connected() final;
  void on_bytes(std::string bytes) final;
  void on_end(bool is_orderly) final;
  void on_cut() final { forget(); }

  void on_head(const ResponseHead& head);
  void take_frames();
  bool on_ws_event(const wire::WsEvent& event);
  void on_close_frame(const wire::WsEvent& close);
  void send_ws(wire::WsOpcode opcode, std::string_view payload);

  std::string in_;
  wire::WsReader ws_{wire::WsRole::kClient};
};

}  // namespace livehub::sim
