#include "hostile_client.h"

namespace livehub::sim {
namespace {

constexpr std::string_view kUpgrade =
    "GET /api/live/ws HTTP/1.1\r\nHost: sim\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

}  // namespace

HostileClient::HostileClient(Scene& scene, std::string name)
    : Client(scene, std::move(name)), is_mute_(scene.random().chance(3000)) {
  down_room_ = scene.random().chance(5000) ? 20 : 65536;
  read_rate_ = scene.random().chance(5000) ? 0 : 10'000;
  connect_in_ms(500);
}

std::string HostileClient::garbage(size_t bytes_max) {
  std::string bytes(scene_.random().between(1, bytes_max), '\0');
  for (char& c : bytes) c = static_cast<char>(scene_.random().next());
  return bytes;
}

void HostileClient::on_connected() {
  is_upgraded_ = false;
  if (is_mute_) {
    out_ = std::string(kUpgrade);
    return;
  }
  switch (scene_.random().below(8)) {
    case 0:
      out_ = garbage(300);
      return;
    case 1:
      out_ = "GET /api/live HTTP/1.1\r\nHost: sim\r\nX-Slow: ";
      return;  // and no end
    case 2:
      out_ = "GET /" + std::string(20'000, 'a');
      return;
    case 3:
      out_ = "POST /api/live/push HTTP/1.1\r\nHost: sim\r\nContent-Length: 1000\r\n\r\n{";
      return;
    case 4:
      out_ = "GET /api/live HTTP/1.1\r\nHost: sim\r\nHost: sim\r\n\r\n";
      return;
    case 5:
      out_ =
          "POST /api/live/push HTTP/1.1\r\nHost: sim\r\nTransfer-Encoding: "
          "chunked\r\n\r\nffffffffff\r\n";
      return;
    case 6:
      return;  // says nothing
    default:
      break;
  }
  is_upgraded_ = true;
  out_ = std::string(kUpgrade);
  if (scene_.random().chance(5000)) out_ += garbage(200);
}

void HostileClient::on_bytes(std::string) {
  if (!is_upgraded_ || !out_.empty()) return;
  switch (scene_.random().below(4)) {
    case 0:
      out_ = garbage(200);
      break;
    case 1:
      out_ = std::string("\x81\x05hello", 7);
      break;  // not masked
    case 2:
      out_ = std::string("\x81\x82\0\0\0\0\xc3\x28", 8);
      break;  // not UTF-8
    default:
      out_ = std::string("\x88\x80\0\0\0\0", 6);
      break;  // a close without a code
  }
}

void HostileClient::calm_down() {
  if (!is_mute_) return leave();
  Client::calm_down();
}

void HostileClient::check_end() const {
  if (link_) fail(name_ + ": a WebSocket that answers no ping is still open");
}

void HostileClient::act_freely() {
  if (is_mute_) return;
  if (out_.empty() && scene_.random().chance(1000)) out_ = garbage(50);
}

}  // namespace livehub::sim
