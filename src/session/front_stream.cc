// Streams: opened when their first subscription is live, fed by the hub, ended cleanly.
#include <algorithm>
#include <utility>

#include "hub/reserved.h"
#include "session/encodings.h"
#include "session/front.h"
#include "session/request_view.h"
#include "wire/accept_encoding.h"
#include "wire/http_response.h"
#include "wire/sse.h"

namespace livehub::session {
namespace {

hub::SlowReader policy_of(SlowReader policy) {
  switch (policy) {
    case SlowReader::kDisconnect:
      return hub::SlowReader::kDisconnect;
    case SlowReader::kSkip:
      return hub::SlowReader::kSkip;
    case SlowReader::kNewest:
      return hub::SlowReader::kNewest;
  }
  return hub::SlowReader::kDisconnect;
}

EncodingKind encoding_for(const Connection& c, Format format) {
  using Kind = EncodingKind;
  if (c.has(Connection::kWebSocket)) {
    if (c.has(Connection::kDeflate))
      return format == Format::kEnvelope ? Kind::kWsEnvelopeDeflated : Kind::kWsTextDeflated;
    return format == Format::kEnvelope ? Kind::kWsEnvelope : Kind::kWsText;
  }
  const bool has_id = format != Format::kNoId;
  if (c.has(Connection::kGzip)) return has_id ? Kind::kSseGzip : Kind::kSseGzipNoId;
  if (c.has(Connection::kChunked)) return has_id ? Kind::kSseChunked : Kind::kSseChunkedNoId;
  return has_id ? Kind::kSsePlain : Kind::kSsePlainNoId;
}

}  // namespace

Session Front::session_of(uint32_t index) {
  const Connection& c = connections_[index];
  return session_handle(this, index, c.generation, c.tag);
}

// --- opening ---

void Front::open_stream(uint32_t index) {
  Connection& c = connections_[index];
  HttpExchange& http = *c.http;
  const wire::HttpHead& head = http.parser.head();
  const Stream& stream = http.route.stream;
  const bool is_websocket = http.route.kind == Route::Kind::kWebSocket;
  c.tag = stream.tag;
  c.message_bytes_max = static_cast<uint32_t>(stream.message_bytes_max);
  c.fragments_max = static_cast<uint16_t>(std::min<uint32_t>(stream.fragments_max, 65'535));
  c.heartbeat_seconds =
      static_cast<uint16_t>(stream.heartbeat_seconds ? stream.heartbeat_seconds
                                                     : (is_websocket ? options_.ping_seconds
                                                                     : options_.heartbeat_seconds));
  c.pong_seconds = static_cast<uint8_t>(std::min<uint32_t>(stream.pong_seconds, 255));
  if (stream.keep_messages) c.set(Connection::kKeepMessages);
  if (is_websocket)
    c.set(Connection::kWebSocket);
  else if (head.version_minor == 1 && head.keep_alive)
    c.set(Connection::kChunked);
  http.stream_head = is_websocket ? ws_head(index, stream) : sse_head(index, stream);
  c.phase = Phase::kOpening;
  arm_ms(index, options_.head_seconds * 1000);
  if (is_refusing(c) && !is_websocket) {
    send_stream_head(index);
    if (c.has(Connection::kTooMany))  // it will not be better soon
      return end_sse(index, 5 * retry_jitter_ms() + 10'000, Cause::kTooManyOfAddress);
    return end_sse(index, retry_jitter_ms(), is_draining() ? Cause::kDraining : Cause::kNoSlots);
  }
  if (c.has(Connection::kEcho)) return send_stream_head(index);
  const RequestView request(head, driver_, socket_of(index), visitor_of(index));
  is_opening_ = true;
  c.set(Connection::kCloseOwed);
  profile_->on_open(session_of(index), request);
  is_opening_ = false;
  const bool waits = hub_.fanout().peer(index).subscription_count > 0;
  if (c.phase == Phase::kOpening && !waits) send_stream_head(index);
}

std::string Front::sse_head(uint32_t index, const Stream& stream) {
  Connection& c = connections_[index];
  const wire::HttpHead& head = c.http->parser.head();
  wire::HttpResponse response(200);
  response.stream().header("Content-Type", stream.content_type);
  for (const auto& [name, value] : stream.headers) response.header(name, value);
  if (options_.is_on_fly) response.header("Content-Encoding", "none");
  const bool may_compress = options_.compress_sse && !options_.is_on_fly && stream.may_compress;
  if (may_compress) response.header("Vary", "Accept-Encoding");
  if (may_compress && c.has(Connection::kChunked) &&
      wire::accepts_gzip(head.header_values("Accept-Encoding"))) {
    c.set(Connection::kGzip);
    response.header("Content-Encoding", "gzip");
  }
  if (c.has(Connection::kChunked))
    response.header("Connection", "keep-alive").header("Transfer-Encoding", "chunked");
  else
    response.close();
  std::string text = response.to_string();
  if (c.has(Connection::kGzip)) text += wire::http_chunk(kGzipHead);
  return text;
}

void Front::send_stream_head(uint32_t index) {
  Connection& c = connections_[index];
  push(index, c.http->stream_head);
  const bool is_websocket = c.has(Connection::kWebSocket);
  c.phase = is_websocket ? Phase::kWs : Phase::kSse;
  c.set(Connection::kAdmitted);
  if (c.has(Connection::kDeflate) || c.has(Connection::kGzip)) ++counters_.streams_compressed;
  ++(is_websocket ? counters_.streams_ws : counters_.streams_sse);
  ++(is_websocket ? counters_.open_ws : counters_.open_sse);
  arm_ms(index, c.heartbeat_seconds * 1000);
  // Frames may have come with the upgrade request, or so much that reading has stopped.
  if (is_websocket || is_opening_ || c.has(Connection::kPaused))
    defer(index, Deferred::What::kTakeInput);
  else
    free_exchange(c);
}

void Front::take_kept_input(uint32_t index) {
  Connection& c = connections_[index];
  if (!c.http) return;
  std::string input = std::move(c.http->input);
  free_exchange(c);
  if (c.has(Connection::kPaused)) receive_again(index, Connection::kPaused);
  if (c.phase == Phase::kWs && !input.empty()) ws_input(index, input);
}

bool Front::may_subscribe(uint32_t index, std::string_view channel) const {
  return !hub::is_reserved(channel) &&
         hub_.fanout().peer(index).subscription_count < shared_.limits.subscriptions_per_peer_max;
}

void Front::session_subscribe(uint32_t index, const Subscribe& options) {
  Connection& c = connections_[index];
  if (c.phase != Phase::kOpening && !c.is_stream()) return;
  if (!may_subscribe(index, options.channel)) return;
  std::optional<hub::Position> resume;
  if (options.resume_after) resume = hub::parse_position(*options.resume_after);
  // A broker's position where no broker is: another server's, not a restart of ours.
  const bool is_time = resume && resume->epoch == hub::kTimeEpoch;
  if (is_time && !shared_.identity.feed_of(options.channel)) resume.reset();
  if (resume && !is_time && resume->epoch != shared_.identity.epoch)
    c.set(Connection::kOfOtherProcess);
  const auto encoding = static_cast<hub::EncodingId>(encoding_for(c, options.format));
  hub_.subscribe(index, options.channel, encoding,
                 policy_of(options.slow_reader.value_or(options_.slow_reader)), resume);
  session_unsubscribe(index, options.channel, true);
}

void Front::session_watch(uint32_t index, std::string_view channel) {
  const Connection& c = connections_[index];
  if (c.phase != Phase::kOpening && !c.is_stream()) return;
  if (may_subscribe(index, channel)) hub_.watch(index, channel);
}

void Front::session_open_now(uint32_t index) {
  if (connections_[index].phase != Phase::kOpening) return;
  connections_[index].set(Connection::kOpenedNow);
  send_stream_head(index);
}

void Front::session_unsubscribe(uint32_t index, std::string_view channel, bool is_watch_only) {
  const hub::Fanout& fanout = hub_.fanout();
  hub::SubscriptionId next = hub::kNoIndex;
  for (auto id = fanout.peer(index).first_subscription; id != hub::kNoIndex; id = next) {
    const hub::Subscription& s = fanout.subscription(id);
    next = s.next_of_peer;
    if (hub_.channel_name(s.channel) != channel) continue;
    if (is_watch_only && s.encoding != hub::kNoEncoding) continue;
    Deferred later{.index = index, .generation = connections_[index].generation};
    later.what = Deferred::What::kUnsubscribe;
    later.subscription = id;
    later.subscription_generation = s.generation;
    deferred_.push_back(later);  // the hub may be calling back
  }
}

// --- what the hub says ---

// A copy: what the profile does next may move the channels about.
std::string Front::channel_of(hub::SubscriptionId subscription) const {
  return std::string(hub_.channel_name(hub_.fanout().subscription(subscription).channel));
}

void Front::on_subscribed(hub::PeerId peer, hub::SubscriptionId subscription, hub::Position start,
                          bool gap) {
  if (canary_.is(peer)) return;
  const bool was_in_hub = std::exchange(is_in_hub_, true);
  const std::string channel = channel_of(subscription);
  const Connection& c = connections_[peer];
  if (c.phase == Phase::kOpening) send_stream_head(peer);
  if (c.is_stream()) {
    const PositionText position(start);
    profile_->on_subscribed(session_of(peer), channel, position.view());
    if (gap) {
      tell_gap(peer, subscription,
               c.has(Connection::kOfOtherProcess) ? Gap::kRestarted : Gap::kExpired, start);
    }
  }
  is_in_hub_ = was_in_hub;
}

void Front::tell_gap(hub::PeerId peer, hub::SubscriptionId subscription, Gap gap,
                     hub::Position position) {
  const bool was_in_hub = std::exchange(is_in_hub_, true);
  ++counters_.gaps_told;
  ++counters_.gaps_by_reason[static_cast<size_t>(gap)];
  profile_->on_gap(session_of(peer), gap, channel_of(subscription), PositionText(position).view());
  is_in_hub_ = was_in_hub;
}

void Front::on_replay_gap(hub::PeerId peer, hub::SubscriptionId subscription, hub::Position start) {
  tell_gap(peer, subscription, Gap::kTooSlow, start);
}

void Front::on_skipped(hub::PeerId peer, hub::SubscriptionId subscription, uint64_t offset) {
  const uint32_t channel = hub_.fanout().subscription(subscription).channel;
  tell_gap(peer, subscription, Gap::kTooSlow, {hub_.channel_epoch(channel), offset});
}

void Front::on_source_gap(hub::PeerId peer, hub::SubscriptionId subscription, hub::Position start) {
  if (canary_.is(peer) || !connections_[peer].is_stream()) return;
  tell_gap(peer, subscription, Gap::kSource, start);
}

void Front::on_watching(hub::PeerId peer, hub::SubscriptionId subscription, hub::Position start) {
  const bool was_in_hub = std::exchange(is_in_hub_, true);
  if (connections_[peer].phase == Phase::kOpening) send_stream_head(peer);
  if (connections_[peer].is_stream())
    profile_->on_watching(session_of(peer), channel_of(subscription), PositionText(start).view());
  is_in_hub_ = was_in_hub;
}

// Overtaken: with the policy to disconnect it gets the rest of the frame it is in, then the end; it
// comes back with its position.
void Front::on_lapped(hub::PeerId peer, hub::SubscriptionId subscription) {
  if (hub_.fanout().subscription(subscription).policy != hub::SlowReader::kDisconnect) return;
  ++counters_.lapped_closed;
  if (connections_[peer].phase == Phase::kWs)
    ws_close(peer, 1013, "too slow", Cause::kTooSlow);
  else if (connections_[peer].phase == Phase::kSse)
    end_sse(peer, retry_jitter_ms(), Cause::kTooSlow);
}

// --- SSE ---

void Front::push_sse(uint32_t index, std::string_view block) {
  if (connections_[index].has(Connection::kGzip))
    push(index, wire::http_chunk(compression_->gzip_blocks(block)));
  else if (connections_[index].has(Connection::kChunked))
    push(index, wire::http_chunk(block));
  else
    push(index, block);
}

uint32_t Front::retry_jitter_ms() {
  jitter_ = jitter_ * 1664525u + 1013904223u;
  return 500 + (jitter_ >> 8) % 2500;
}

void Front::end_sse(uint32_t index, uint32_t retry_ms, Cause cause) {
  drop_subscriptions_soon(index);
  push_sse(index, wire::sse_retry(retry_ms));
  if (connections_[index].has(Connection::kChunked))
    hub_.fanout().push_own_static(index, wire::kLastChunk);
  note_stream_closed(index, 1000, "", cause);
  end_after_sending(index);
}

void Front::session_close(uint32_t index, uint16_t code, std::string_view reason) {
  switch (connections_[index].phase) {
    case Phase::kWs:
      return ws_close(index, code, reason, Cause::kProfile);
    case Phase::kSse:
      return end_sse(index, retry_jitter_ms(), Cause::kProfile);
    case Phase::kOpening:
      send_stream_head(index);
      return session_close(index, code, reason);
    default:
      return;
  }
}

void Front::session_publish(uint32_t index, std::string_view channel, std::string_view payload,
                            bool skip_me) {
  if (is_draining() || !may_publish(channel, payload)) return;
  hub::MessagePtr message = hub::MessagePtr::make(channel, payload);
  if (skip_me) message->skip = hub::peer_name(shard_, connections_[index].generation, index);
  ++publishes_out_;
  hand_over(std::move(message), 0);
}

}  // namespace livehub::session
