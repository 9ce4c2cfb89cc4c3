// HTTP/1.1 requests: read, routed, answered, one after the other on a connection.
#include <algorithm>

#include "base/check.h"
#include "hub/reserved.h"
#include "session/front.h"
#include "session/ready.h"
#include "session/request_view.h"
#include "wire/http_response.h"
#include "wire/sse.h"
#include "wire/utf8.h"

namespace livehub::session {
namespace {

constexpr size_t kInputBehindMax = 64 * 1024;  // pipelined bytes kept while a request is answered
// Answers (pongs, echoes, replies to a pipeline) that a client asks for and does not read: past
// this we stop reading from it.
constexpr uint32_t kUnreadBytesMax = 256 * 1024;
constexpr int64_t kBodyMs = 30'000;
constexpr std::string_view kRetryAfter = "1";

Reply error_reply(int status, std::string_view detail) {
  Reply reply;
  reply.status = status;
  reply.body = std::string(detail) + "\n";
  reply.content_type = "text/plain; charset=utf-8";
  reply.close = true;
  return reply;
}

}  // namespace

void Front::charge_exchange(HttpExchange& http) {
  const size_t bytes = http.body.capacity() + http.input.capacity() + sizeof(HttpExchange);
  account_.charge(static_cast<int64_t>(bytes) - static_cast<int64_t>(http.charged_bytes));
  http.charged_bytes = bytes;
}

void Front::free_exchange(Connection& c) {
  if (!c.http) return;
  account_.release(static_cast<int64_t>(c.http->charged_bytes));
  c.http.reset();
}

// Input that came while a request is being answered waits here, and the rest in the kernel.
void Front::keep_input(uint32_t index, std::span<char> input) {
  Connection& c = connections_[index];
  if (!c.http) return;
  c.http->input.append(input.data(), input.size());
  charge_exchange(*c.http);
  if (c.http->input.size() >= kInputBehindMax) {
    c.set(Connection::kPaused);
    driver_.pause_receive(socket_of(index));
  }
}

// With the budget used up nobody is answered faster than it reads.
bool Front::leaves_unread(uint32_t index) const {
  const uint32_t most = account_.is_over() ? 1 : kUnreadBytesMax;
  return hub_.fanout().peer(index).own_bytes() >= most;
}

// on_drained() goes on.
void Front::pause_until_drained(uint32_t index) {
  connections_[index].set(Connection::kPaused);
  driver_.pause_receive(socket_of(index));
  hub_.fanout().tell_drained(index);
}

void Front::http_input(uint32_t index, std::span<char> bytes) {
  const uint32_t generation = connections_[index].generation;
  while (http_step(index, bytes))
    if (!is_current(index, generation)) return;  // it was destroyed
}

// Takes one event out of the input. False when this connection has nothing more to take now.
bool Front::http_step(uint32_t index, std::span<char>& input) {
  Connection& c = connections_[index];
  if (c.phase != Phase::kHead && c.phase != Phase::kBody) {
    if (c.phase == Phase::kReply || c.phase == Phase::kOpening) {
      if (!input.empty()) keep_input(index, input);
    } else if (c.phase == Phase::kWs && !input.empty()) {
      ws_input(index, input);
    }
    return false;
  }
  if (!c.http) {
    if (input.empty()) return false;
    c.http = std::make_unique<HttpExchange>();
    charge_exchange(*c.http);
  }
  const bool was_started = c.http->parser.in_head_started();
  if (c.phase == Phase::kHead && !was_started && !input.empty() && leaves_unread(index)) {
    keep_input(index, input);
    pause_until_drained(index);
    return false;
  }
  const auto step = c.http->parser.next({input.data(), input.size()});
  input = input.subspan(step.consumed);
  switch (step.event) {
    case wire::HttpRequestParser::Event::kNeedMore:
      if (c.phase == Phase::kHead && !was_started && c.http->parser.in_head_started())
        give_time(index, options_.head_seconds * 1000);
      return false;
    case wire::HttpRequestParser::Event::kHead:
      http_head(index);
      return true;
    case wire::HttpRequestParser::Event::kBody:
      if (c.http->is_refused) return true;
      c.http->body.append(step.body);
      charge_exchange(*c.http);
      if (account_.is_over()) refuse_body(index);
      return true;
    case wire::HttpRequestParser::Event::kComplete:
      http_complete(index);
      return true;
    case wire::HttpRequestParser::Event::kError:
      http_error(index, step.error, step.detail);
      return false;
  }
  return false;
}

// Whoever came before the memory was used up has a body to send all the same.
void Front::refuse_body(uint32_t index) {
  ++counters_.refused_memory;
  note_ended(index, EndKind::kHttp, 503, "", Cause::kMemory);
  const Connection& c = connections_[index];
  reply(index, refusal_of(c.http->route, c).reply, true);
}

void Front::http_error(uint32_t index, wire::HttpError error, std::string_view detail) {
  Connection& c = connections_[index];
  if (error == wire::HttpError::kBodyTooLarge && c.phase == Phase::kBody)
    return reply(index, c.http->route.body_too_large, true);
  ++counters_.http_bad;
  const int status = wire::http_status(error);
  note_ended(index, EndKind::kHttp, static_cast<uint16_t>(status), detail, Cause::kBadRequest);
  reply(index, error_reply(status, detail), true);
}

// While there is no room or no time left for newcomers.
bool Front::is_refusing(const Connection& c) const {
  return is_draining() || c.has(Connection::kRefused) || c.has(Connection::kTooMany);
}

// A browser's EventSource never comes back after a status other than 200, and always after a clean
// end: so a stream is refused with 200, a retry time and an end; everything else with 503.
Route Front::refusal_of(const Route& wanted, const Connection& c) const {
  const bool is_let_in = is_draining() && !c.has(Connection::kRefused) &&
                         wanted.kind == Route::Kind::kWebSocket &&
                         profile_->accepts_websockets_while_draining();
  const bool is_harmless = wanted.kind == Route::Kind::kReply || wanted.kind == Route::Kind::kSse ||
                           wanted.kind == Route::Kind::kDestroy;
  if (is_let_in || is_harmless) return wanted;
  Route route = Route::answer(profile_->drain_reply());
  route.reply.headers.emplace_back("Retry-After", kRetryAfter);
  route.reply.close = true;
  return route;
}

Route Front::route_of(uint32_t index, const Request& request) {
  Connection& c = connections_[index];
  if (options_.echo && request.path() == "/echo" && request.is_websocket()) {
    Stream stream;
    stream.message_bytes_max = 16 << 20;
    c.set(Connection::kEcho);
    return Route::websocket(stream);
  }
  if (options_.public_ready && request.path() == kReadyPath && request.method() == "GET")
    return Route::answer(ready_reply(shared_, request.query_value("local") == "1"));
  Route route = profile_->route(request);
  return is_refusing(c) ? refusal_of(route, c) : route;
}

// The head is complete: decide now, so that a wrong token is answered before the body is read.
void Front::http_head(uint32_t index) {
  Connection& c = connections_[index];
  HttpExchange& http = *c.http;
  const wire::HttpHead& head = http.parser.head();
  ++counters_.http_requests;
  http.is_head_only = head.method == "HEAD";
  if (!head.keep_alive) c.clear(Connection::kKeepAlive);
  if (c.has(Connection::kOfProxy)) learn_visitor(index);
  const RequestView request(head, driver_, socket_of(index), visitor_of(index));
  http.route = route_of(index, request);
  if (c.has(Connection::kOfProxy)) limit_streams(index);
  c.phase = Phase::kBody;
  give_time(index, kBodyMs);
  switch (http.route.kind) {
    case Route::Kind::kDestroy:
      // No byte for this request; what earlier ones on the connection were answered still goes out.
      return hub_.fanout().is_idle(index) ? close_now(index, false) : end_after_sending(index);
    case Route::Kind::kReply:
      http.is_refused = true;
      // A body that we do not want: answer at once and be done with the connection.
      if (head.has_body) reply(index, http.route.reply, true);
      return;
    case Route::Kind::kBody:
      http.parser.set_body_limit(http.route.body_bytes_max);
      if (head.expect_continue && head.has_body &&
          head.content_length.value_or(0) <= http.route.body_bytes_max)
        hub_.fanout().push_own_static(index, "HTTP/1.1 100 Continue\r\n\r\n");
      return;
    case Route::Kind::kSse:
    case Route::Kind::kWebSocket:
      if (head.has_body) reply(index, error_reply(400, "A stream request has no body."), true);
      return;
  }
}

void Front::http_complete(uint32_t index) {
  Connection& c = connections_[index];
  HttpExchange& http = *c.http;
  wheel_.disarm(index);
  switch (http.route.kind) {
    case Route::Kind::kReply:
      return reply(index, http.route.reply, http.route.reply.close);
    case Route::Kind::kSse:
      return open_stream(index);
    case Route::Kind::kWebSocket:
      if (check_upgrade(index)) open_stream(index);
      return;
    case Route::Kind::kBody:
      break;
    case Route::Kind::kDestroy:
      return;
  }
  // The drain began between head and body. A body handed on now might be taken by a broker, which
  // would be true for its sender but late: from stop() on nothing is taken, by anybody.
  if (is_refusing(c)) return reply(index, refusal_of(http.route, c).reply, true);
  c.phase = Phase::kReply;
  const RequestView request(http.parser.head(), driver_, socket_of(index), visitor_of(index));
  profile_->on_body(exchange_handle(this, index, c.generation, http.route.tag), request, http.body);
}

void Front::reply(uint32_t index, const Reply& wanted, bool is_close) {
  Connection& c = connections_[index];
  wheel_.disarm(index);
  const bool is_last = is_close || wanted.close || is_draining() ||
                       !c.has(Connection::kKeepAlive) || c.has(Connection::kRefused) ||
                       c.has(Connection::kPeerEnded);
  wire::HttpResponse response(wanted.status);
  for (const auto& [name, value] : wanted.headers) response.header(name, value);
  response.body(wanted.body, wanted.content_type);
  if (is_last) response.close();
  push(index, response.to_string(c.http && c.http->is_head_only));
  ++counters_.http_by_status[wanted.status];
  if (is_last) {
    free_exchange(c);
    return end_after_sending(index);
  }
  next_request(index);
}

// The connection is kept: the next request may be here already.
void Front::next_request(uint32_t index) {
  Connection& c = connections_[index];
  const bool was_waiting = c.phase == Phase::kReply;  // else the caller goes on reading by itself
  c.phase = Phase::kHead;
  c.http->parser.reset();
  c.http->body.clear();
  c.http->is_refused = false;
  c.http->is_head_only = false;
  give_time(index, options_.idle_seconds * 1000);
  if (!was_waiting) return;
  if (c.has(Connection::kPaused)) receive_again(index, Connection::kPaused);
  take_pipelined(index);
}

// Requests that came behind one that was still being answered, or whose answers were not read.
void Front::take_pipelined(uint32_t index) {
  HttpExchange& http = *connections_[index].http;
  if (http.input.empty()) return;
  std::string input = std::move(http.input);
  http.input.clear();
  http_input(index, input);
}

// --- what the handles ask for ---

void Front::exchange_reply(uint32_t index, const Reply& wanted) {
  if (connections_[index].phase != Phase::kReply) return;  // answered already
  reply(index, wanted, wanted.close);
}

void Front::exchange_wait(uint32_t index, uint32_t ms) {
  if (connections_[index].phase == Phase::kReply) arm_ms(index, ms);
}

void Front::exchange_publish(uint32_t index, std::string_view channel, std::string_view payload) {
  const Connection& c = connections_[index];
  const uint64_t token = static_cast<uint64_t>(c.generation) << 32 | index;
  if (!may_publish(channel, payload))
    return profile_->on_published(exchange_handle(this, index, c.generation, c.http->route.tag),
                                  PublishResult::kRefused, {});
  ++publishes_out_;
  if (account_.is_over() || is_draining())
    return on_published(token, hub::PublishResult::kBusy, {});
  hand_over(hub::MessagePtr::make(channel, payload), token);
}

void Front::hand_over(hub::MessagePtr message, uint64_t token) {
  message->published_ns = driver_.now_ns();
  if (waiting_publishes_.empty() && hub_.publish(message, token)) return;
  waiting_publishes_.push({std::move(message), token});
}

// The owner's lane was full: its publishers wait here, in order, for at most PUSH_WAIT_MS.
void Front::retry_publishes() {
  while (!waiting_publishes_.empty()) {
    WaitingPublish& first = waiting_publishes_.front();
    const bool is_late =
        driver_.now_ns() - first.message->published_ns > shared_.limits.push_wait_ns;
    if (!is_late && !hub_.publish(first.message, first.token)) return;
    const uint64_t token = first.token;
    waiting_publishes_.pop();
    if (is_late) on_published(token, hub::PublishResult::kBusy, {});
  }
}

void Front::on_published(uint64_t token, hub::PublishResult result, hub::Position position) {
  if (token == kCanaryToken) return;
  --publishes_out_;
  const bool is_accepted = result == hub::PublishResult::kAccepted;
  ++(is_accepted ? counters_.publishes_accepted : counters_.publishes_busy);
  const auto index = static_cast<uint32_t>(token);
  const auto generation = static_cast<uint32_t>(token >> 32);
  if (generation == 0 || !is_current(index, generation)) return;
  const Connection& c = connections_[index];
  if (c.phase != Phase::kReply) return;
  char text[hub::kPositionTextMax];
  const size_t size = hub::write_position(text, position);
  profile_->on_published(exchange_handle(this, index, generation, c.http->route.tag),
                         is_accepted ? PublishResult::kAccepted : PublishResult::kBusy,
                         {text, size});
}

// The one gate into the hub: whatever passes can stand in every encoding as it is.
bool Front::may_publish(std::string_view channel, std::string_view payload) {
  const bool may = !hub::is_reserved(channel) && payload.size() <= options_.message_bytes_max &&
                   wire::is_sse_line(payload) && wire::utf8_valid(payload);
  if (!may) ++counters_.publishes_refused;
  return may;
}

void Front::publish_own(const Publication& publication) {
  if (is_draining() || !may_publish(publication.channel, publication.payload)) return;
  if (!wire::is_sse_line(publication.event)) return;
  ++publishes_out_;
  hand_over(hub::MessagePtr::make(publication.channel, publication.payload, publication.event), 0);
}

}  // namespace livehub::session
