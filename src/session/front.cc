// Accepting, receiving, sending, closing: what holds for every connection, whatever it speaks.
#include "session/front.h"

#include <algorithm>

#include "base/check.h"
#include "hub/reserved.h"
#include "session/encodings.h"

namespace livehub::session {
namespace {

// What an open connection takes of us, for the memory budget (its kernel memory is not ours to
// count).
constexpr int64_t kConnectionBytes = 320;
// Slots in which newcomers are refused clearly; a small table keeps a smaller part.
constexpr uint32_t kSlotsKeptForRefusals = 64;

}  // namespace

Front::Front(uint32_t shard, Shared& shared, io::Driver& driver, const ProfileFactory& factory)
    : shard_(shard),
      shared_(shared),
      options_(shared.options),
      driver_(driver),
      account_(shared.budget),
      compression_(options_.compress_websocket || options_.compress_sse
                       ? std::make_unique<Compression>(counters_, account_)
                       : nullptr),
      hub_(static_cast<hub::ShardId>(shard), shared.identity, shared.limits, account_, *this,
           *this),
      wheel_(shard::tick_of(driver.now_ns())),
      slots_kept_(std::min(kSlotsKeptForRefusals, driver.sockets_max() / 8)),
      canary_(shard, shared.canaries.get(), hub_, driver.sockets_max()) {
  for (int kind = 0; kind < kPlainEncodings; ++kind)
    hub_.fanout().add_encoding(&encoding_of(static_cast<EncodingKind>(kind)));
  for (int kind = kPlainEncodings; compression_ && kind < kEncodingKinds; ++kind)
    hub_.fanout().add_encoding(&compression_->encoding_of(static_cast<EncodingKind>(kind)));
  // Room without memory: the kernel gives what is touched.
  sending_.reserve(driver.sockets_max());
  if (shared.knows_visitors()) visitors_.reserve(driver.sockets_max());
  connections_.prepare();
  hub_.fanout().prepare();
  wheel_.prepare();
  shared_.requests.prepare(shard_);
  shared_.answers.prepare(shard_);
  jitter_ ^= shard * 0x85ebca6bu + static_cast<uint32_t>(shared.identity.epoch);
  ProfileContext context;
  context.shard = shard;
  context.shard_count = shared.identity.shard_count;
  context.message_bytes_max = options_.message_bytes_max;
  context.unix_seconds = [this] { return driver_.unix_seconds(); };
  context.publish = [this](const Publication& publication) { publish_own(publication); };
  context.post = [&shared, shard](std::function<void()> work) {
    if (shared.post) shared.post(shard, std::move(work));
  };
  context.metrics_text = [&shared, shard](std::function<void(std::string)> done) {
    if (shared.metrics_text) shared.metrics_text(shard, std::move(done));
  };
  profile_ = factory(context);
}

Front::~Front() {
  for (uint32_t index = 0; index < connections_.index_end(); ++index)
    if (connections_.contains(index)) close_now(index, true);
}

// --- io::Events ---

void Front::on_accept(io::Socket socket, uint32_t spare_slots) {
  connections_.allocate_at(socket.index);
  if (socket.index >= sending_.size()) sending_.resize(socket.index + 1);
  sending_[socket.index] = {socket.generation, 0};
  Connection& c = connections_[socket.index];
  c.generation = socket.generation;
  wheel_.add(socket.index);
  c.last_received_tick = c.opened_tick = now_tick();
  hub_.fanout().open_peer(socket.index);
  account_.charge(kConnectionBytes);
  ++counters_.accepted;
  if (spare_slots < slots_kept_) {
    c.set(Connection::kRefused);
    ++counters_.refused_slots;
    note_ended(socket.index, EndKind::kHttp, 503, "", Cause::kNoSlots);
  } else if (account_.is_over()) {
    c.set(Connection::kRefused);
    ++counters_.refused_memory;
    note_ended(socket.index, EndKind::kHttp, 503, "", Cause::kMemory);
  }
  arm_ms(socket.index, options_.head_seconds * 1000);
  if (shared_.knows_visitors()) meet_visitor(socket.index);
}

void Front::on_receive(io::Socket socket, std::span<char> bytes) {
  if (!is_current(socket.index, socket.generation)) return;
  Connection& c = connections_[socket.index];
  c.last_received_tick = now_tick();
  c.flags &= ~uint32_t{Connection::kPingSent | Connection::kPingLeft};
  counters_.bytes_in += bytes.size();
  c.received_bytes += static_cast<uint32_t>(bytes.size());
  switch (c.phase) {
    case Phase::kHead:
    case Phase::kBody:
      return http_input(socket.index, bytes);
    case Phase::kReply:
    case Phase::kOpening:
      return keep_input(socket.index, bytes);
    case Phase::kWs:
    case Phase::kWsClosing:
      return ws_input(socket.index, bytes);
    case Phase::kSse:
    case Phase::kEnding:
    case Phase::kLingering:
      return;  // nothing a client sends here means anything
  }
}

void Front::on_receive_end(io::Socket socket, int error) {
  if (!is_current(socket.index, socket.generation)) return;
  Connection& c = connections_[socket.index];
  c.set(Connection::kPeerEnded);
  if (error == 0 && (c.phase == Phase::kReply || c.phase == Phase::kEnding))
    return;  // it still reads
  if (error == 0 && c.phase == Phase::kHead && !hub_.fanout().is_idle(socket.index))
    return end_after_sending(socket.index);  // its last answer is still on its way
  note_stream_closed(socket.index, 1006, "",
                     error == 0 ? Cause::kClientLeft : Cause::kConnectionLost);
  close_now(socket.index, false);
}

void Front::on_writable(io::Socket socket) {
  if (!is_current(socket.index, socket.generation)) return;
  hub_.fanout().on_writable(socket.index);
}

// --- sending: the hub decides what, the driver does it ---

void Front::send_batch(std::span<hub::PeerSend> sends) {
  if (canary_.is_awaited()) [[unlikely]]
    return send_beside_canary(sends);
  send_to_sockets(sends);
}

// A batch names a peer at most once.
void Front::send_beside_canary(std::span<hub::PeerSend> sends) {
  for (size_t i = 0; i < sends.size(); ++i) {
    if (!canary_.is(sends[i].peer)) continue;
    canary_.take(sends[i]);
    if (i > 0) send_to_sockets(sends.first(i));
    sends = sends.subspan(i + 1);
    break;
  }
  if (!sends.empty()) send_to_sockets(sends);
}

void Front::send_to_sockets(std::span<hub::PeerSend> sends) {
  io_requests_.clear();
  for (const hub::PeerSend& send : sends) {
    io::SendRequest request;
    request.socket = {send.peer, sending_[send.peer].generation};
    request.pieces = send.pieces;
    request.piece_count = send.piece_count;
    request.bytes = send.bytes;
    io_requests_.push_back(request);
  }
  driver_.send_batch(io_requests_);
  for (size_t i = 0; i < sends.size(); ++i) {
    sends[i].bytes_sent = io_requests_[i].bytes_sent;
    sends[i].error = io_requests_[i].error;
    switch (io_requests_[i].outcome) {
      case io::SendOutcome::kAll:
        sends[i].outcome = hub::PeerSend::Outcome::kAll;
        sending_[sends[i].peer].sent_bytes += sends[i].bytes;
        break;
      case io::SendOutcome::kPart:
        sends[i].outcome = hub::PeerSend::Outcome::kPart;
        sending_[sends[i].peer].sent_bytes += sends[i].bytes_sent;
        break;
      case io::SendOutcome::kBlocked:
        sends[i].outcome = hub::PeerSend::Outcome::kBlocked;
        break;
      case io::SendOutcome::kFailed:
        sends[i].outcome = hub::PeerSend::Outcome::kFailed;
        break;
    }
  }
}

void Front::want_writable(hub::PeerId peer) { driver_.want_writable(socket_of(peer)); }

void Front::on_failed(hub::PeerId peer, int) {
  note_stream_closed(peer, 1006, "", Cause::kSendFailed);
  close_now(peer, false);
}

void Front::on_drained(hub::PeerId peer) {
  Connection& c = connections_[peer];
  if (c.has(Connection::kPaused)) receive_again(peer, Connection::kPaused);
  if (c.phase == Phase::kHead && c.http) return take_pipelined(peer);
  if (c.phase != Phase::kEnding) return;
  if (c.has(Connection::kPeerEnded) || c.has(Connection::kHandshaken))
    return close_now(peer, false);
  c.phase = Phase::kLingering;
  driver_.shutdown_send(socket_of(peer));
  arm_ms(peer, 2000);
}

// Two things pause it, and one may end before the other.
void Front::receive_again(uint32_t index, Connection::Flag pause) {
  Connection& c = connections_[index];
  c.clear(pause);
  if (c.flags & (Connection::kPaused | Connection::kInputWaits)) return;
  driver_.resume_receive(socket_of(index));
}

// The last bytes are queued: send them, then shut our side and wait for the peer's (RFC 9112 9.6),
// since a close with unread input would be a reset that destroys them.
void Front::end_after_sending(uint32_t index) {
  Connection& c = connections_[index];
  c.phase = Phase::kEnding;
  hub_.fanout().tell_drained(index);
  arm_ms(index, options_.close_seconds * 1000);
}

// --- closing ---

void Front::note_stream_closed(uint32_t index, uint16_t code, std::string_view reason,
                               Cause cause) {
  Connection& c = connections_[index];
  if (c.has(Connection::kAdmitted)) {
    c.clear(Connection::kAdmitted);
    --(c.has(Connection::kWebSocket) ? counters_.open_ws : counters_.open_sse);
    note_ended(index, c.has(Connection::kWebSocket) ? EndKind::kWebSocket : EndKind::kSse, code,
               reason, cause);
    // A peer may choose any code from 3000 on: they count as one, so that the series stay few.
    if (c.has(Connection::kWebSocket)) ++counters_.ws_closes_by_code[code < 3000 ? code : 3000];
  }
  if (!c.has(Connection::kCloseOwed)) return;
  c.clear(Connection::kCloseOwed);
  profile_->on_close(session_of(index), code, reason);
}

void Front::close_now(uint32_t index, bool is_reset) {
  LIVEHUB_CHECK(!is_in_hub_, "nothing closes while the hub calls back");
  note_stream_closed(index, 1006, "", Cause::kStopped);
  Connection& c = connections_[index];
  const io::Socket socket = socket_of(index);
  if (c.http) account_.release(static_cast<int64_t>(c.http->charged_bytes));
  account_.release(static_cast<int64_t>(c.ws.buffered_bytes()));
  if (shared_.knows_visitors()) leave_visitor(index);
  hub_.close_peer(index);
  wheel_.remove(index);
  connections_.release(index);
  account_.release(kConnectionBytes);
  ++counters_.closed;
  if (is_reset)
    driver_.reset(socket);
  else
    driver_.close(socket);
}

void Front::drop_subscriptions(uint32_t index) {
  const hub::Fanout& fanout = hub_.fanout();
  while (fanout.peer(index).first_subscription != hub::kNoIndex)
    hub_.unsubscribe(fanout.peer(index).first_subscription);
}

void Front::drop_subscriptions_soon(uint32_t index) {
  if (is_in_hub_)
    defer(index, Deferred::What::kDropSubscriptions);
  else
    drop_subscriptions(index);
}

void Front::defer(uint32_t index, Deferred::What what) {
  deferred_.push_back({.index = index, .generation = connections_[index].generation, .what = what});
}

void Front::run_deferred() {
  if (deferred_.empty()) return;
  std::vector<Deferred> deferred;
  deferred.swap(deferred_);
  for (const Deferred& d : deferred) {
    if (!is_current(d.index, d.generation)) continue;
    switch (d.what) {
      case Deferred::What::kDropSubscriptions:
        drop_subscriptions(d.index);
        break;
      case Deferred::What::kTakeInput:
        take_kept_input(d.index);
        break;
      case Deferred::What::kUnsubscribe:
        if (hub_.fanout().has_subscription(d.subscription, d.subscription_generation))
          hub_.unsubscribe(d.subscription);
        break;
      case Deferred::What::kReset:
        close_now(d.index, true);
        break;
    }
  }
}

// --- shard::Tenant ---

shard::MailLeft Front::drain_mail() {
  shared_.requests.drain_spills(shard_);
  shared_.answers.drain_spills(shard_);
  retry_publishes();
  const int64_t now_ns = driver_.now_ns();
  // acquire pairs with drain_step(): whoever went quiet had its live messages put into our lanes
  // before.
  const bool was_all_quiet =
      is_draining_ && shared_.shards_not_quiet.load(std::memory_order_acquire) == 0;
  const auto requests_left = shared_.requests.receive(
      shard_, 4096, [&](hub::Mail& mail) { return take_request(mail, now_ns); });
  const auto answers_left =
      shared_.answers.receive(shard_, 4096, [&](hub::Mail& mail) { return take_answer(mail); });
  if (requests_left == shard::MailLeft::kMore || answers_left == shard::MailLeft::kMore)
    return shard::MailLeft::kMore;
  const bool is_waiting = requests_left != shard::MailLeft::kNothing ||
                          answers_left != shard::MailLeft::kNothing ||
                          !waiting_publishes_.empty() || shared_.requests.has_spills(shard_) ||
                          shared_.answers.has_spills(shard_);
  may_tell_ = may_tell_ || (was_all_quiet && !is_waiting);
  return is_waiting ? shard::MailLeft::kRefused : shard::MailLeft::kNothing;
}

// A message that its channel's owner has numbered is counted, and kept for whoever taps the
// channel.
bool Front::take_request(hub::Mail& mail, int64_t now_ns) {
  const bool has_message =
      mail.kind == hub::MailKind::kPublish || mail.kind == hub::MailKind::kFeed;
  if (!has_message) return hub_.on_request(mail, now_ns);
  const hub::MessagePtr message = mail.message;
  if (!hub_.on_request(mail, now_ns)) return false;
  if (message->position.offset == 0) return true;  // it was not taken
  if (hub::is_reserved(message->channel())) return true;
  insight_.busiest.note(message->channel(), message->payload_bytes);
  if (insight_.taps.is_any()) insight_.taps.note(message, now_ns);
  return true;
}

bool Front::take_answer(hub::Mail& mail) {
  if (mail.kind == hub::MailKind::kLive) {
    if (hub::is_reserved(mail.message->channel()))
      canary_.expect();
    else
      insight_.note_live(mail.message->published_ns);
  }
  return hub_.on_answer(mail);
}

bool Front::has_mail() const {
  return shared_.requests.has_news(shard_) || shared_.answers.has_news(shard_);
}

bool Front::flush() {
  run_deferred();
  if (!waiting_inputs_.empty()) ws_take_waiting();
  const bool is_left = hub_.flush(now_tick());
  if (canary_.is_awaited()) canary_.settle();
  if (insight_.has_live()) insight_.note_flushed(!is_left, driver_.read_ns());
  run_deferred();
  if (compression_) compression_->end_turn();
  if (account_.is_over()) relieve_memory();
  return is_left || has_mail() || !waiting_inputs_.empty();
}

// Over the budget: whoever has had a remainder copied for longest goes first.
void Front::relieve_memory() {
  for (int most = 16; most > 0 && account_.is_over(); --most) {
    const hub::PeerId peer = hub_.fanout().oldest_remainder();
    if (peer == hub::kNoIndex) return;
    ++counters_.memory_resets;
    note_stream_closed(peer, 1006, "memory", Cause::kMemory);
    close_now(peer, true);
  }
}

// --- hub::Post ---

bool Front::has_room(hub::ShardId to, bool request_lane) const {
  return request_lane ? shared_.requests.has_room(shard_, to)
                      : shared_.answers.has_room(shard_, to);
}
void Front::send_request(hub::ShardId to, hub::Mail&& mail) {
  shared_.requests.send(shard_, to, std::move(mail));
}
void Front::send_answer(hub::ShardId to, hub::Mail&& mail) {
  shared_.answers.send(shard_, to, std::move(mail));
}

}  // namespace livehub::session
