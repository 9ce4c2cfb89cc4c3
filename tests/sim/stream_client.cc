#include "stream_client.h"

#include <utility>

#include "wire/ws_client.h"
#include "wire/ws_handshake.h"

namespace livehub::sim {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

Position position_of(const std::string& who, std::string_view text) {
  const auto position = hub::parse_position(text);
  if (!position) fail(who + ": a position of " + std::string(text.substr(0, 60)));
  return *position;
}

}  // namespace

StreamClient::StreamClient(Scene& scene, std::string name, StreamKind kind)
    : Client(scene, std::move(name)), kind_(kind) {
  is_impatient_ = scene.is_hasty || scene.random().chance(2000);
  draw_habits();
  // By its number, so that it takes no draw.
  offers_compression_ = scene.may_compress && kind != StreamKind::kSse10 && name_.back() % 2 == 0;
  connect_in_ms(500);
}

void StreamClient::draw_habits() {
  io::SimRandom& random = scene_.random();
  constexpr size_t kRooms[] = {40, 150, 600, 3000, 20'000, 100'000};
  down_room_ = kRooms[random.below(6)];
  read_bytes_max_ = random.chance(3000) ? random.between(1, 50) : 100'000;
  const uint64_t pace = random.below(10);
  read_rate_ = pace == 0 ? 0 : pace < 3 ? 200 : pace < 5 ? 3000 : 10'000;
}

// --- connecting ---

std::string StreamClient::request() {
  std::string head = "GET ";
  // Another machine has served it meanwhile.
  if (scene_.elsewhere.epoch != 0 && scene_.random().chance(2000))
    last_id_ = text_of(scene_.elsewhere);
  const bool resumes = !last_id_.empty() && scene_.random().chance(8500);
  std::string id = resumes ? last_id_ : "";
  if (!resumes && scene_.random().chance(1000)) id = "none-of-yours";
  const bool may_resume = kind_ != StreamKind::kWsPlain;
  if (resumes && may_resume) {
    view_->asked = hub::parse_position(id);
    ++scene_.resumes;
  }
  head += is_websocket() ? "/api/live/ws" : "/api/live";
  const bool in_query = !is_websocket() && scene_.random().chance(3000) && !id.empty();
  if (kind_ == StreamKind::kWsEnvelope || in_query) head += "?last_event_id=" + id;
  head += kind_ == StreamKind::kSse10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\nHost: sim\r\n";
  if (!is_websocket() && !id.empty() && !in_query) head += "Last-Event-ID: " + id + "\r\n";
  if (kind_ == StreamKind::kSse11 && scene_.random().chance(1000)) head += "Connection: close\r\n";
  if (is_websocket()) {
    std::array<uint8_t, 16> nonce;
    for (uint8_t& byte : nonce) byte = static_cast<uint8_t>(scene_.random().next());
    key_ = wire::ws_key_from_nonce(nonce);
    head += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    head += "Sec-WebSocket-Key: " + key_ + "\r\n";
    if (offers_compression_) head += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  } else if (offers_compression_) {
    head += "Accept-Encoding: gzip\r\n";
  }
  return head + "\r\n";
}

void StreamClient::on_connected() {
  view_ = &scene_.oracle.make_view();
  view_->who = name_ + "/" + std::to_string(link_->id);
  view_->engine = scene_.engine;
  view_->may_jump = scene_.may_jump;
  view_->was_elsewhere = scene_.elsewhere.epoch != 0;
  in_.clear();
  body_.clear();
  chunks_ = {};
  is_chunked_ = has_retry_ = has_close_code_ = is_in_message_ = false;
  ws_ = wire::WsReader(wire::WsRole::kClient);
  gunzip_.reset();
  inflater_.reset();
  pings_.clear();
  out_ = request();
  phase_ = Phase::kHead;
  // Frames that come with the upgrade request are read as well.
  if (is_websocket() && scene_.random().chance(1000) && !scene_.is_calm)
    send_ws(wire::WsOpcode::kPing, pings_.emplace_back("early"));
}

void StreamClient::on_head(const ResponseHead& head) {
  ++scene_.answers[head.status / 100];
  if (is_websocket()) {
    if (head.status == 503) {
      ++scene_.refused_streams;
      phase_ = Phase::kRefused;
      in_.clear();
      return;
    }
    if (head.status == 408 && !must_be_told()) {
      phase_ = Phase::kRefused;
      return;
    }
    if (head.status != 101) fail(name_ + ": an upgrade answered " + std::to_string(head.status));
    if (head.header("sec-websocket-accept") != wire::ws_accept_key(key_))
      fail(name_ + ": a wrong accept key");
    const bool is_agreed = !head.header("sec-websocket-extensions").empty();
    if (is_agreed != offers_compression_) fail(name_ + ": the offer of compression was misread");
    if (is_agreed) inflater_ = std::make_unique<wire::Inflater>();
    view_->head_step = scene_.step;
    return open();
  }
  if (head.status == 408 && !must_be_told()) {
    phase_ = Phase::kRefused;
    return;
  }
  if (head.status != 200) fail(name_ + ": a stream answered " + std::to_string(head.status));
  if (!head.header("content-type").starts_with("text/event-stream"))
    fail(name_ + ": not an event stream");
  is_chunked_ = head.header("transfer-encoding") == "chunked";
  if (is_chunked_ && kind_ == StreamKind::kSse10) fail(name_ + ": chunks for HTTP/1.0");
  const bool is_gzip = head.header("content-encoding") == "gzip";
  if (is_gzip != (offers_compression_ && is_chunked_)) fail(name_ + ": gzip to the wrong one");
  if (is_gzip) gunzip_ = std::make_unique<GunzipReader>();
  phase_ = Phase::kConnected;
}

void StreamClient::open() {
  phase_ = Phase::kOpen;
  heard_at_ns_ = scene_.kernel.now_ns();
}

// --- reading ---

void StreamClient::on_bytes(std::string bytes) {
  heard_at_ns_ = scene_.kernel.now_ns();
  in_ += bytes;
  if (phase_ == Phase::kHead)
    if (const auto head = take_head(name_, in_)) on_head(*head);
  if (phase_ == Phase::kHead || phase_ == Phase::kRefused) return;
  if (is_websocket()) return take_ws();
  std::string bytes_of_body = is_chunked_ ? chunks_.take(name_, in_) : std::exchange(in_, {});
  body_ += gunzip_ ? gunzip_->take(name_, std::move(bytes_of_body)) : bytes_of_body;
  take_sse();
}

void StreamClient::take_sse() {
  while (const auto block = take_block(name_, body_)) on_block(*block);
  if (body_.size() > 1'000'000) fail(name_ + ": an event without end");
  if (chunks_.is_ended() && (!body_.empty() || !has_retry_)) fail(name_ + ": an end in the middle");
}

void StreamClient::remember(std::string_view id) { last_id_ = id; }

void StreamClient::on_block(const SseBlock& block) {
  using Kind = SseBlock::Kind;
  if (has_retry_) fail(name_ + ": an event after the retry time");
  if (phase_ == Phase::kConnected && block.kind != Kind::kConnected && block.kind != Kind::kRetry)
    fail(name_ + ": a stream that does not begin with ': connected'");
  switch (block.kind) {
    case Kind::kConnected:
      if (phase_ != Phase::kConnected) fail(name_ + ": connected twice");
      view_->head_step = scene_.step;
      return open();
    case Kind::kPing:
      ++scene_.pings;
      return;
    case Kind::kAll:
      return;
    case Kind::kId:
      if (view_->announced || !view_->items.empty()) fail(name_ + ": an id in the middle");
      view_->announced = position_of(name_, block.id);
      return remember(block.id);
    case Kind::kGap:
      scene_.oracle.on_gap(*view_, position_of(name_, block.id));
      return remember(block.id);
    case Kind::kMessage:
      if (!view_->announced) fail(name_ + ": a message before the id");
      scene_.oracle.on_message(*view_, position_of(name_, block.id), block.data);
      return remember(block.id);
    case Kind::kRetry:
      has_retry_ = true;
      if (phase_ == Phase::kConnected) ++scene_.refused_streams;
      phase_ = Phase::kClosing;
      ++scene_.told_ends;
      return;
  }
}

void StreamClient::take_ws() {
  wire::WsLimits limits;
  limits.message_bytes_max = 4 << 20;
  limits.inflater = inflater_.get();
  std::span<char> input(in_);
  while (phase_ == Phase::kOpen) {
    const wire::WsEvent event = ws_.next(input, limits);
    if (event.kind == wire::WsEvent::Kind::kNeedMore || !on_ws_event(event)) break;
  }
  if (phase_ == Phase::kClosing && !input.empty()) fail(name_ + ": bytes after a close frame");
  in_.clear();
}

bool StreamClient::on_ws_event(const wire::WsEvent& event) {
  switch (event.kind) {
    case wire::WsEvent::Kind::kText:
      on_text(event.payload);
      return true;
    case wire::WsEvent::Kind::kPing:
      ++scene_.pings;
      send_ws(wire::WsOpcode::kPong, event.payload);
      return true;
    case wire::WsEvent::Kind::kPong:
      if (pings_.empty() || pings_.front() != event.payload)
        fail(name_ + ": a pong without its ping");
      pings_.pop_front();
      return true;
    case wire::WsEvent::Kind::kClose:
      if (event.close_code != 1012 && event.close_code != 1013 && event.close_code != 1000)
        fail(name_ + ": closed with " + std::to_string(event.close_code));
      phase_ = Phase::kClosing;
      ++scene_.told_ends;
      has_close_code_ = true;
      if (!is_half_closed_) out_ += wire::ws_client_close_frame(event.close_code, "", {1, 2, 3, 4});
      return false;
    case wire::WsEvent::Kind::kBinary:
      fail(name_ + ": a binary message");
    case wire::WsEvent::Kind::kError:
      fail(name_ + ": " + event.detail);
    case wire::WsEvent::Kind::kNeedMore:
      return false;
  }
  return false;
}

void StreamClient::on_text(std::string_view text) {
  if (kind_ == StreamKind::kWsPlain) return scene_.oracle.on_message(*view_, std::nullopt, text);
  constexpr std::string_view kId = "{\"id\":\"", kData = "\",\"data\":", kGap = "\",\"gap\":true}";
  const size_t end = text.find('"', kId.size());
  if (!text.starts_with(kId) || end == std::string_view::npos) fail(name_ + ": no envelope");
  const std::string id(text.substr(kId.size(), end - kId.size()));
  const std::string_view rest = text.substr(end);
  const Position position = position_of(name_, id);
  if (rest == kGap)
    scene_.oracle.on_gap(*view_, position);
  else if (rest.starts_with(kData) && rest.ends_with("}"))
    scene_.oracle.on_message(*view_, position,
                             rest.substr(kData.size(), rest.size() - kData.size() - 1));
  else
    fail(name_ + ": an envelope with something else");
  remember(id);
}

// --- writing ---

void StreamClient::send_ws(wire::WsOpcode opcode, std::string_view payload, bool fin) {
  if (is_half_closed_) return;
  wire::WsMaskKey mask;
  for (uint8_t& byte : mask) byte = static_cast<uint8_t>(scene_.random().next());
  out_ += wire::ws_client_frame(opcode, payload, mask, fin);
}

void StreamClient::act_freely() {
  if (is_impatient_ && phase_ == Phase::kHead && out_.empty() && scene_.random().chance(3000)) {
    scene_.kernel.count(io::SimFault::kClientReset);
    scene_.kernel.reset(*link_);
    on_cut();
    drop_link();
    return connect_in_ms(0);
  }
  if (!is_websocket() || phase_ != Phase::kOpen || is_half_closed_) return;
  const uint64_t what = scene_.random().below(6);
  const std::string text(scene_.random().below(what == 5 ? 3000 : 120), 't');
  if (what < 2) return send_ws(wire::WsOpcode::kPing, pings_.emplace_back(text));
  if (what == 2) return send_ws(wire::WsOpcode::kPong, text);
  if (what == 3) {  // in fragments, pings may come between
    send_ws(is_in_message_ ? wire::WsOpcode::kContinuation : wire::WsOpcode::kText, text,
            is_in_message_);
    is_in_message_ = !is_in_message_;
    return;
  }
  if (!is_in_message_) send_ws(what == 4 ? wire::WsOpcode::kBinary : wire::WsOpcode::kText, text);
}

// --- ends ---

void StreamClient::on_end(bool is_orderly) {
  const bool was_told = phase_ == Phase::kClosing || phase_ == Phase::kRefused;
  if (!was_told) ++scene_.untold_ends;
  if (must_be_told() && !was_told && (is_orderly || !scene_.is_poor))
    fail(name_ + (is_orderly ? ": ended" : ": reset") + " without a word in the calm");
  if (is_orderly && is_chunked_ && was_told && phase_ == Phase::kClosing && !chunks_.is_ended())
    fail(name_ + ": a chunked body without its last chunk");
  if (is_orderly && was_told && !body_.empty()) fail(name_ + ": an end in the middle of an event");
  phase_ = Phase::kNone;
  if (!scene_.is_calm && scene_.random().chance(3000)) draw_habits();
}

void StreamClient::calm_down() {
  Client::calm_down();
  if (link_ && is_in_message_ && phase_ == Phase::kOpen) {
    send_ws(wire::WsOpcode::kContinuation, "end");
    is_in_message_ = false;
  }
}

void StreamClient::check_end() const {
  if (phase_ != Phase::kOpen) fail(name_ + ": not connected at the end");
  if (!in_.empty() || !body_.empty()) fail(name_ + ": half a frame at the end");
  if (!pings_.empty()) fail(name_ + ": a ping without its pong");
  if (is_websocket() ? quiet_ns() > 3600 * kSecondNs : quiet_ns() > 16 * kSecondNs)
    fail(name_ + ": silent for " + std::to_string(quiet_ns() / kSecondNs) + " s");
  view_->is_live_at_end = true;
}

void StreamClient::leave() {
  Client::leave();
  phase_ = Phase::kOver;
}

}  // namespace livehub::sim
