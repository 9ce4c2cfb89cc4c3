// The public handles: they find their connection, or find it gone and do nothing.
#include "livehub/profile.h"
#include "session/front.h"
#include "wire/sse.h"

namespace livehub {

Route Route::answer(Reply reply) {
  Route route;
  route.kind = Kind::kReply;
  route.reply = std::move(reply);
  return route;
}
Route Route::read_body(size_t bytes_max, Reply too_large, uint64_t tag) {
  Route route;
  route.kind = Kind::kBody;
  route.body_bytes_max = bytes_max;
  route.body_too_large = std::move(too_large);
  route.tag = tag;
  return route;
}
Route Route::sse(Stream stream) {
  Route route;
  route.kind = Kind::kSse;
  route.stream = std::move(stream);
  return route;
}
Route Route::websocket(Stream stream) {
  Route route;
  route.kind = Kind::kWebSocket;
  route.stream = std::move(stream);
  return route;
}
Route Route::destroy() { return {}; }

Reply Profile::drain_reply() const {
  Reply reply;
  reply.status = 503;
  reply.body = "This server is not taking requests now.\n";
  reply.content_type = "text/plain; charset=utf-8";
  return reply;
}

bool Exchange::is_open() const {
  return front_ && front_->is_current(index_, generation_) &&
         front_->connection(index_).phase == session::Phase::kReply;
}
void Exchange::reply(const Reply& reply) {
  if (is_open()) front_->exchange_reply(index_, reply);
}
void Exchange::publish(std::string_view channel, std::string_view payload) {
  if (is_open()) front_->exchange_publish(index_, channel, payload);
}

void Exchange::wait_ms(uint32_t ms) {
  if (is_open()) front_->exchange_wait(index_, ms);
}

bool Session::is_open() const {
  if (!front_ || !front_->is_current(index_, generation_)) return false;
  const session::Connection& c = front_->connection(index_);
  return c.is_stream() || c.phase == session::Phase::kOpening;
}
bool Session::is_websocket() const {
  return is_open() && front_->connection(index_).has(session::Connection::kWebSocket);
}
void Session::subscribe(const Subscribe& options) {
  if (is_open()) front_->session_subscribe(index_, options);
}
void Session::set_tag(uint64_t tag) {
  if (!is_open()) return;
  tag_ = tag;
  front_->session_set_tag(index_, tag);
}
void Session::open_now() {
  if (is_open()) front_->session_open_now(index_);
}
void Session::watch(std::string_view channel) {
  if (is_open()) front_->session_watch(index_, channel);
}
void Session::unsubscribe(std::string_view channel) {
  if (is_open()) front_->session_unsubscribe(index_, channel, false);
}
void Session::send_text(std::string_view message) {
  if (is_websocket() && front_->connection(index_).is_stream())
    front_->push_message(index_, wire::WsOpcode::kText, message);
}
void Session::send_event(std::string_view id, std::string_view event, std::string_view data) {
  if (!is_open() || is_websocket()) return;
  if (const auto block = wire::sse_multiline_event({id, event, data}))
    front_->push_sse(index_, *block);
}
void Session::send_comment(std::string_view text) {
  if (!is_open() || is_websocket()) return;
  if (const auto block = wire::sse_comment(text)) front_->push_sse(index_, *block);
}
void Session::send_id(std::string_view id) {
  if (is_open() && !is_websocket() && wire::is_sse_line(id))
    front_->push_sse(index_, wire::sse_id_only(id));
}
void Session::close(uint16_t code, std::string_view reason) {
  if (is_open()) front_->session_close(index_, code, reason);
}
void Session::publish(std::string_view channel, std::string_view payload, bool skip_me) {
  if (is_open()) front_->session_publish(index_, channel, payload, skip_me);
}

namespace session {

Exchange Front::exchange_handle(Front* front, uint32_t index, uint32_t generation, uint64_t tag) {
  Exchange exchange;
  exchange.front_ = front;
  exchange.index_ = index;
  exchange.generation_ = generation;
  exchange.tag_ = tag;
  return exchange;
}
Session Front::session_handle(Front* front, uint32_t index, uint32_t generation, uint64_t tag) {
  Session session;
  session.front_ = front;
  session.index_ = index;
  session.generation_ = generation;
  session.tag_ = tag;
  return session;
}

}  // namespace session
}  // namespace livehub
