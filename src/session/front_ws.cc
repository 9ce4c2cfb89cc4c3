// WebSocket sessions: the handshake, what clients send, and how sessions end (RFC 6455 sections 4,
// 5, 7).
#include "session/front.h"
#include "wire/http_response.h"
#include "wire/ws_handshake.h"
#include "wire/ws_writer.h"

namespace livehub::session {
namespace {

constexpr uint32_t kEchoFragmentsMax = 1 << 20;
constexpr uint32_t kControlFramesMax = 1000;  // of a client in a second

}  // namespace

// RFC 6455 4.2.1. False: it was answered with an error.
bool Front::check_upgrade(uint32_t index) {
  HttpExchange& http = *connections_[index].http;
  const wire::HttpHead& head = http.parser.head();
  if (options_.compress_websocket)
    http.deflate = wire::answer_ws_deflate(head.header_values("Sec-WebSocket-Extensions"));
  Reply reply;
  reply.content_type = "text/plain; charset=utf-8";
  reply.close = true;
  const auto key = head.header("Sec-WebSocket-Key");
  if (head.method != "GET") {
    reply.status = 400;
    reply.body = "An upgrade is a GET.\n";
  } else if (head.header("Sec-WebSocket-Version").value_or("") != "13") {
    reply.status = 426;
    reply.body = "Only WebSocket version 13 is spoken here.\n";
    reply.headers.emplace_back("Sec-WebSocket-Version", "13");
  } else if (!key || head.header_count("Sec-WebSocket-Key") != 1 || !wire::ws_key_valid(*key)) {
    reply.status = 400;
    reply.body = "Sec-WebSocket-Key is missing or wrong.\n";
  } else if (http.deflate.is_malformed) {
    reply.status = 400;
    reply.body = "Sec-WebSocket-Extensions is malformed.\n";
  } else {
    return true;
  }
  ++counters_.http_bad;
  this->reply(index, reply, true);
  return false;
}

std::string Front::ws_head(uint32_t index, const Stream& stream) {
  Connection& c = connections_[index];
  const wire::HttpHead& head = c.http->parser.head();
  wire::HttpResponse response(101);
  response.header("Upgrade", "websocket").header("Connection", "Upgrade");
  response.header("Sec-WebSocket-Accept", wire::ws_accept_key(*head.header("Sec-WebSocket-Key")));
  if (!stream.subprotocol.empty())
    (void)response.try_header("Sec-WebSocket-Protocol",
                              stream.subprotocol);  // a peer's: maybe unfit
  if (c.http->deflate.is_agreed && stream.may_compress) {
    c.set(Connection::kDeflate);
    response.header("Sec-WebSocket-Extensions", c.http->deflate.answer);
  }
  for (const auto& [name, value] : stream.headers) response.header(name, value);
  return response.to_string();
}

void Front::push_message(uint32_t index, wire::WsOpcode opcode, std::string_view payload) {
  if (connections_[index].has(Connection::kDeflate))
    push(index, compression_->ws_frame(opcode, payload));
  else
    push(index, wire::ws_frame(opcode, payload));
}

void Front::ws_input(uint32_t index, std::span<char> bytes) {
  Connection& c = connections_[index];
  wire::WsLimits limits;
  limits.message_bytes_max = c.message_bytes_max;
  limits.fragments_max = c.has(Connection::kEcho) ? kEchoFragmentsMax : c.fragments_max;
  limits.keep_payload = c.has(Connection::kKeepMessages) || c.has(Connection::kEcho);
  if (c.has(Connection::kDeflate)) limits.inflater = &compression_->inflater();
  const size_t held_before = c.ws.buffered_bytes();
  const uint32_t generation = c.generation;
  const uint64_t until = limits.inflater ? compression_->inflate_until() : 0;
  while (c.phase == Phase::kWs || c.phase == Phase::kWsClosing) {
    if (limits.inflater && limits.inflater->made_bytes() >= until && !bytes.empty()) {
      ws_keep_input(index, bytes);
      break;
    }
    const wire::WsEvent event = c.ws.next(bytes, limits);
    if (event.kind == wire::WsEvent::Kind::kNeedMore || !ws_event(index, event)) break;
    if (!is_current(index, generation)) return;
  }
  const auto grown =
      static_cast<int64_t>(c.ws.buffered_bytes()) - static_cast<int64_t>(held_before);
  account_.charge(grown);
  if (grown > 0 && account_.is_over() && c.phase == Phase::kWs)
    return ws_close(index, 1013, "no memory left for messages", Cause::kMemory);
  ws_pause_if_full(index);
}

void Front::ws_keep_input(uint32_t index, std::span<const char> bytes) {
  Connection& c = connections_[index];
  c.set(Connection::kInputWaits);
  driver_.pause_receive(socket_of(index));
  waiting_inputs_.push({index, c.generation, std::string(bytes.data(), bytes.size())});
  account_.charge(static_cast<int64_t>(bytes.size()));
}

// One after the other, as far as a turn goes.
void Front::ws_take_waiting() {
  compression_->allow_more();
  const auto has_time = [this] {
    return compression_->inflater().made_bytes() < compression_->inflate_until();
  };
  for (size_t round = waiting_inputs_.size(); round > 0 && has_time(); --round) {
    WaitingInput input = waiting_inputs_.pop();
    account_.release(static_cast<int64_t>(input.bytes.size()));
    if (!is_current(input.index, input.generation)) continue;
    receive_again(input.index, Connection::kInputWaits);
    const Connection& c = connections_[input.index];
    if (c.phase == Phase::kWs || c.phase == Phase::kWsClosing) ws_input(input.index, input.bytes);
  }
}

// They cost a client two bytes each, and nobody has a use for so many in a second.
bool Front::is_flood_of_control(Connection& c) const {
  const auto second = static_cast<uint16_t>(now_tick() / shard::ticks_of_ms(1000) % 32);
  if (c.control_second != second) {
    c.control_second = second & 31u;
    c.control_frames = 0;
  }
  if (c.control_frames >= kControlFramesMax) return true;
  ++c.control_frames;
  return false;
}

bool Front::ws_event(uint32_t index, const wire::WsEvent& event) {
  Connection& c = connections_[index];
  const bool is_open = c.phase == Phase::kWs;  // else only the peer's close frame counts
  switch (event.kind) {
    case wire::WsEvent::Kind::kText:
    case wire::WsEvent::Kind::kBinary: {
      if (!is_open) return true;
      ++counters_.ws_messages_in;
      if (event.compressed) ++counters_.ws_compressed_in;
      const bool is_text = event.kind == wire::WsEvent::Kind::kText;
      if (c.has(Connection::kEcho))
        push_message(index, is_text ? wire::WsOpcode::kText : wire::WsOpcode::kBinary,
                     event.payload);
      else if (is_text)
        profile_->on_text(session_of(index), event.payload);
      else
        profile_->on_binary(session_of(index), event.payload);
      return true;
    }
    case wire::WsEvent::Kind::kPing:
    case wire::WsEvent::Kind::kPong:
      if (is_open && is_flood_of_control(c)) {
        ++counters_.ws_bad;
        ws_close(index, 1008, "too many pings", Cause::kBadFrame);
        return true;
      }
      if (is_open && event.kind == wire::WsEvent::Kind::kPing)
        push(index, wire::ws_frame(wire::WsOpcode::kPong, event.payload));
      return true;
    case wire::WsEvent::Kind::kClose:
      c.set(Connection::kHandshaken);
      if (is_open) {
        note_stream_closed(index, event.close_code, event.payload, Cause::kClientClosed);
        drop_subscriptions_soon(index);
        push(index, wire::ws_close_frame(event.close_code, ""));
      }
      end_after_sending(index);
      return false;
    case wire::WsEvent::Kind::kError:
      ++counters_.ws_bad;
      note_stream_closed(index, event.close_code, event.detail, Cause::kBadFrame);
      drop_subscriptions_soon(index);
      if (is_open) push(index, wire::ws_close_frame(event.close_code, event.detail));
      end_after_sending(index);
      return false;
    case wire::WsEvent::Kind::kNeedMore:
      return false;
  }
  return false;
}

void Front::ws_close(uint32_t index, uint16_t code, std::string_view reason, Cause cause) {
  Connection& c = connections_[index];
  drop_subscriptions_soon(index);
  push(index, wire::ws_close_frame(code, reason));
  note_stream_closed(index, code, reason, cause);
  c.phase = Phase::kWsClosing;
  arm_ms(index, options_.close_seconds * 1000);
}

void Front::ws_pause_if_full(uint32_t index) {
  const Connection& c = connections_[index];
  if (c.phase != Phase::kWs || c.has(Connection::kPaused) || !leaves_unread(index)) return;
  pause_until_drained(index);
}

}  // namespace livehub::session
