// What is sent: batches are built, run and settled. The order of a peer's bytes is decided in
// offer_peer().
#include <algorithm>

#include "base/check.h"
#include "hub/fanout.h"
#include "hub/fanout_reading.h"

namespace livehub::hub {

bool Fanout::has_work() const {
  return !ready_.empty() || !dirty_.empty() || !lapped_.empty() || !failed_.empty() ||
         !drained_.empty();
}

bool Fanout::flush(uint32_t now_tick) {
  uint32_t budget = limits_.sends_per_flush;
  uint32_t ready_budget = dirty_.empty() ? budget : (budget + 1) / 2;
  flush_ready(now_tick, ready_budget);
  for (size_t round = dirty_.size(); round > 0 && budget > 0; --round) {
    const StreamId id = dirty_.pop();
    if (!streams_.contains(id) || !streams_[id].hot || !streams_[id].hot->is_dirty) continue;
    if (!sweep(id, now_tick, budget)) dirty_.push(id);
  }
  tell_sink();
  return has_work();
}

// --- a batch ---

void Fanout::prepare() {
  peers_.prepare();
  subscriptions_.prepare();
  streams_.prepare();
  sends_.resize(kBatchPeers);
  offers_.resize(kBatchPeers);
  steps_.resize(kBatchPeers);
  pieces_.resize(kBatchPieces);
  start_batch();
}

void Fanout::start_batch() {
  sends_.clear();
  offers_.clear();
  steps_.clear();
  pieces_.clear();
}

bool Fanout::batch_has_room() const {
  return offers_.size() < kBatchPeers && pieces_.size() + kPiecesPerSend <= kBatchPieces;
}

void Fanout::run_batch(uint32_t now_tick) {
  if (sends_.empty()) return;
  sink_.send_batch(sends_);
  for (size_t i = 0; i < sends_.size(); ++i) settle(offers_[i], sends_[i], now_tick);
}

void Fanout::flush_ready(uint32_t now_tick, uint32_t& budget) {
  size_t round = ready_.size();  // those that become ready meanwhile wait for the next turn
  while (round > 0 && budget > 0) {
    start_batch();
    for (; round > 0 && budget > 0 && batch_has_room(); --round) {
      const PeerId id = ready_.pop();
      if (!peers_.contains(id) || !peers_[id].has(Peer::kReady)) continue;
      peers_[id].clear(Peer::kReady);
      offer_peer(id);
      --budget;
    }
    run_batch(now_tick);
  }
}

// --- sweeps: the many who keep up ---

bool Fanout::sweep(StreamId id, uint32_t now_tick, uint32_t& budget) {
  Stream& stream = streams_[id];
  Hot& hot = *stream.hot;
  if (!hot.is_sweeping) {
    hot.is_sweeping = true;
    hot.sweep_index = 0;
    hot.sweep_goal = stream.next;
  }
  const auto& list = stream.subscribers;
  while (hot.sweep_index < list.size()) {
    if (budget == 0) return false;
    start_batch();
    while (hot.sweep_index < list.size() && budget > 0 && batch_has_room()) {
      const uint32_t ahead = hot.sweep_index + 8;
      if (ahead < list.size()) subscriptions_.prefetch(list[ahead]);
      if (ahead - 4 < list.size()) peers_.prefetch(subscriptions_[list[ahead - 4]].peer);
      sweep_one(stream, list[hot.sweep_index++]);
      --budget;
    }
    run_batch(now_tick);
  }
  hot.is_sweeping = false;
  hot.swept = list.empty() ? stream.next : hot.sweep_goal;
  hot.is_dirty = hot.swept < stream.next;
  return !hot.is_dirty;
}

// The usual subscriber has one subscription, nothing of its own waiting, and takes one plain range
// that it shares, as one piece, with the one before it. Everybody else goes through the ready
// queue.
void Fanout::sweep_one(Stream& stream, SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  const Peer& peer = peers_[s.peer];
  if (s.cursor >= stream.next || s.has(Subscription::kLapped) || peer.has(Peer::kBlocked)) return;
  const HotStore& store = stream.hot->store;
  const bool is_usual =
      peer.flags == Peer::kOpen && peer.subscription_count == 1 && store.is_plain(s.cursor);
  if (!is_usual) {
    mark_behind(s, stream);
    make_ready(s.peer);
    return;
  }
  const bool is_shared = !steps_.empty() && steps_.back().is_range &&
                         steps_.back().from == s.cursor &&
                         subscriptions_[steps_.back().subscription].stream == s.stream;
  if (!is_shared) {
    const auto bytes = static_cast<uint32_t>(store.range_bytes(s.cursor, stream.next));
    pieces_.push_back({store.range_data(s.cursor), bytes});
  }
  const auto bytes = static_cast<uint32_t>(pieces_.back().iov_len);
  const auto step = static_cast<uint32_t>(steps_.size());
  steps_.push_back({id, bytes, static_cast<const char*>(pieces_.back().iov_base), nullptr, s.cursor,
                    stream.next, 0, true});
  offers_.push_back({step, step + 1, 0, 0, true});
  sends_.push_back({s.peer, &pieces_.back(), 1, bytes});
}

// --- one peer, whatever waits for it ---

void Fanout::offer_peer(PeerId id) {
  Peer& peer = peers_[id];
  if (peer.flags & (Peer::kBlocked | Peer::kDead)) return;
  const auto pieces_begin = static_cast<uint32_t>(pieces_.size());
  Offer offer{static_cast<uint32_t>(steps_.size()), 0, 0, 0, false};
  if (const Partial* partial = peer.partial()) {
    pieces_.push_back({const_cast<char*>(partial->data), partial->left});
    offer.partial_bytes = partial->left;
  }
  const OwnChunk* chunk = peer.own_head();
  for (; chunk && pieces_.size() - pieces_begin < kPiecesPerSend; chunk = chunk->next) {
    pieces_.push_back({const_cast<char*>(chunk->data) + chunk->sent, chunk->bytes - chunk->sent});
    offer.own_bytes += chunk->bytes - chunk->sent;
  }
  if (!chunk) add_entries(id, pieces_begin);
  offer.steps_end = static_cast<uint32_t>(steps_.size());
  uint32_t bytes = 0;
  for (size_t i = pieces_begin; i < pieces_.size(); ++i)
    bytes += static_cast<uint32_t>(pieces_[i].iov_len);
  if (bytes == 0) {  // nothing, or entries that skip this peer
    settle_steps(id, offer, 0);
    after_settle(id, true);
    return;
  }
  offers_.push_back(offer);
  const auto count = static_cast<uint32_t>(pieces_.size()) - pieces_begin;
  sends_.push_back({id, &pieces_[pieces_begin], count, bytes});
}

// Entries of all the peer's streams in the order they were appended on this shard.
void Fanout::add_entries(PeerId id, uint32_t pieces_begin) {
  readings_.clear();
  for (SubscriptionId sid = peers_[id].first_subscription; sid != kNoIndex;
       sid = subscriptions_[sid].next_of_peer) {
    const Subscription& s = subscriptions_[sid];
    if (!has_pending(s)) continue;
    const Stream& stream = streams_[s.stream];
    const uint64_t hint = stream.hot ? 0 : cold_position(stream, s.cursor, hint_of(s));
    readings_.push_back({sid, s.cursor, hint, view(stream, s.cursor, hint).append_order});
  }
  bool has_room = true;
  while (has_room && !readings_.empty()) {
    size_t first = 0;
    uint64_t order_end = ~uint64_t{0};
    for (size_t i = 1; i < readings_.size(); ++i) {
      if (readings_[i].order < readings_[first].order) {
        order_end = readings_[first].order;
        first = i;
      } else {
        order_end = std::min(order_end, readings_[i].order);
      }
    }
    has_room = read_run(readings_[first], order_end, peers_[id].serial, pieces_begin);
    const Reading& reading = readings_[first];
    if (reading.cursor == streams_[subscriptions_[reading.subscription].stream].next)
      readings_.erase(readings_.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

void Fanout::add_piece(const char* data, uint32_t bytes, uint32_t pieces_begin) {
  if (pieces_.size() > pieces_begin) {
    iovec& last = pieces_.back();
    if (static_cast<const char*>(last.iov_base) + last.iov_len == data) {
      last.iov_len += bytes;
      return;
    }
  }
  pieces_.push_back({const_cast<char*>(data), bytes});
}

// Adds entries of one subscription up to an append order; false when the send is full.
bool Fanout::read_run(Reading& reading, uint64_t order_end, uint32_t peer_serial,
                      uint32_t pieces_begin) {
  const Stream& stream = streams_[subscriptions_[reading.subscription].stream];
  if (stream.hot && order_end == ~uint64_t{0} && stream.hot->store.is_plain(reading.cursor) &&
      pieces_.size() - pieces_begin < kPiecesPerSend) {
    const HotStore& store = stream.hot->store;
    const auto bytes = static_cast<uint32_t>(store.range_bytes(reading.cursor, stream.next));
    const char* data = store.range_data(reading.cursor);
    steps_.push_back(
        {reading.subscription, bytes, data, nullptr, reading.cursor, stream.next, 0, true});
    add_piece(data, bytes, pieces_begin);
    reading.cursor = stream.next;
    return true;
  }
  uint32_t bytes = 0;
  while (reading.cursor < stream.next) {
    if (pieces_.size() - pieces_begin >= kPiecesPerSend || bytes >= kSendBytesMax) return false;
    const EntryView e = view(stream, reading.cursor, reading.hint);
    reading.order = e.append_order;
    if (e.append_order > order_end) return true;
    const uint64_t next_hint = stream.hot ? 0 : arena_.at(reading.hint)->next;
    const uint32_t sent_bytes = e.skip_serial == peer_serial ? 0 : e.bytes;
    steps_.push_back({reading.subscription, sent_bytes, e.data, e.block, reading.cursor,
                      reading.cursor + 1, next_hint, false});
    if (sent_bytes > 0) add_piece(e.data, sent_bytes, pieces_begin);
    bytes += sent_bytes;
    ++reading.cursor;
    reading.hint = next_hint;
  }
  return true;
}

// --- settling: the only place where cursors move ---

void Fanout::settle(const Offer& offer, const PeerSend& send, uint32_t now_tick) {
  Peer& peer = peers_[send.peer];
  ++counters_.sends;
  if (send.outcome == PeerSend::Outcome::kFailed) {
    failed_.push_back({send.peer, send.error});
    peer.set(Peer::kDead);
    block(send.peer);
    return;
  }
  const bool is_all = send.outcome == PeerSend::Outcome::kAll;
  const uint32_t sent = is_all ? send.bytes : send.bytes_sent;
  LIVEHUB_CHECK(sent <= send.bytes, "the kernel takes no more than it was offered");
  counters_.sent_bytes += sent;
  if (sent > 0) peer.last_sent_tick = now_tick;
  if (offer.is_usual && is_all) {
    const Step& step = steps_[offer.steps_begin];
    subscriptions_[step.subscription].cursor = step.to;
    counters_.deliveries += step.to - step.from;
    return;
  }
  if (!is_all) ++(sent > 0 ? counters_.short_sends : counters_.blocked_sends);
  uint32_t left = sent;
  if (offer.partial_bytes > 0) {
    const uint32_t taken = std::min(left, offer.partial_bytes);
    Partial& partial = *peer.partial();
    partial.data += taken;
    partial.left -= taken;
    left -= taken;
    if (partial.left == 0) drop_partial(peer);
  }
  left = settle_own(peer, left);
  settle_steps(send.peer, offer, left);
  after_settle(send.peer, is_all);
}

uint32_t Fanout::settle_own(Peer& peer, uint32_t left) {
  while (OwnChunk* chunk = left > 0 ? peer.own_head() : nullptr) {
    Outgoing& out = *peer.out;
    const uint32_t taken = std::min(left, chunk->bytes - chunk->sent);
    chunk->sent += taken;
    left -= taken;
    out.own_bytes -= taken;
    if (chunk->sent < chunk->bytes) break;
    out.own_head = chunk->next;
    if (!out.own_head) out.own_tail = nullptr;
    if (chunk->data == reinterpret_cast<char*>(chunk + 1)) account_.release(chunk->bytes);
    ::operator delete(chunk);
  }
  peer.end_outgoing_if_empty();
  return left;
}

void Fanout::settle_steps(PeerId id, const Offer& offer, uint32_t left) {
  for (uint32_t i = offer.steps_begin; i < offer.steps_end; ++i) {
    const Step& step = steps_[i];
    if (left < step.bytes) {
      if (left > 0) settle_part(id, step, left);
      return;
    }
    left -= step.bytes;
    Subscription& s = subscriptions_[step.subscription];
    s.cursor = step.to;
    s.hint = Arena::place_of(step.hint_after);
    if (step.bytes > 0) counters_.deliveries += step.to - step.from;
  }
}

// `sent` bytes of the step went out, more than none and less than all of them.
void Fanout::settle_part(PeerId id, const Step& step, uint32_t sent) {
  Subscription& s = subscriptions_[step.subscription];
  const Stream& stream = streams_[s.stream];
  uint64_t sequence = step.from;
  EntryView e{const_cast<char*>(step.data), step.bytes, kNoIndex, 0, 0, step.block};
  if (step.is_range) {
    uint64_t low = step.from, high = step.to;  // the last entry that begins at or before the cut
    while (high - low > 1) {
      const uint64_t middle = low + (high - low) / 2;
      (stream.hot->store.range_bytes(step.from, middle) <= sent ? low : high) = middle;
    }
    sequence = low;
    sent -= static_cast<uint32_t>(stream.hot->store.range_bytes(step.from, sequence));
    e = stream.hot->store.view(sequence);
  }
  counters_.deliveries += sequence - step.from;
  s.cursor = sequence;
  if (sent == 0) return;
  Outgoing& out = peers_[id].outgoing();
  out.has_partial = true;
  out.partial = {Partial::Where::kStream,
                 step.subscription,
                 sequence,
                 e.data + sent,
                 e.bytes - sent,
                 0,
                 nullptr,
                 nullptr};
  if (e.block) {
    out.partial.where = Partial::Where::kBlock;
    out.partial.block = e.block->hold();
    link_remainder(id);
  }
  s.cursor = sequence + 1;
  s.hint = Arena::place_of(step.hint_after);
  ++counters_.deliveries;
}

void Fanout::after_settle(PeerId id, bool is_all) {
  Peer& peer = peers_[id];
  const bool is_drained = !peer.out;
  if (is_drained && peer.has(Peer::kTellDrained)) drained_.push_back(id);
  if (!is_all) return block(id);
  bool has_more = !is_drained;
  for (SubscriptionId sid = peer.first_subscription; sid != kNoIndex;
       sid = subscriptions_[sid].next_of_peer) {
    Subscription& s = subscriptions_[sid];
    if (has_pending(s))
      has_more = true;
    else
      clear_behind(s);
  }
  if (has_more) make_ready(id);
}

// --- slow readers ---

void Fanout::resume_lapped(PeerId id, SubscriptionId sid) {
  Subscription& s = subscriptions_[sid];
  const Stream& stream = streams_[s.stream];
  if (s.policy == SlowReader::kDisconnect) return;  // its session ends it
  s.clear(Subscription::kLapped);
  s.hint = 0;
  s.cursor = stream.next;
  if (stream.is_empty()) return sink_.on_skipped(id, sid, stream.base_offset);
  const uint64_t hint = stream.hot ? 0 : arena_.position_of(stream.cold_last);
  const EntryView newest = view(stream, stream.next - 1, hint);
  if (s.policy == SlowReader::kNewest && newest.skip_serial != peers_[id].serial) {
    --s.cursor;
    s.hint = Arena::place_of(hint);
    return;
  }
  sink_.on_skipped(id, sid, newest.offset);
}

void Fanout::skip_to_end(SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  if (s.has(Subscription::kLapped) && s.policy == SlowReader::kDisconnect) return;
  Stream& stream = streams_[s.stream];
  s.clear(Subscription::kLapped);
  s.cursor = stream.next;
  s.hint = 0;
  if (s.has(Subscription::kInBlockedList))
    stream.set_blocked_min(std::min(stream.blocked_min(), needs_from(s)));
}

void Fanout::tell_sink() {
  std::vector<std::pair<PeerId, SubscriptionId>> lapped;
  lapped.swap(lapped_);
  for (const auto& [peer, id] : lapped)
    if (subscriptions_.contains(id) && subscriptions_[id].peer == peer &&
        subscriptions_[id].has(Subscription::kLapped))
      sink_.on_lapped(peer, id);
  std::vector<Failed> failed;
  failed.swap(failed_);
  for (const Failed& f : failed)
    if (peers_.contains(f.peer) && peers_[f.peer].has(Peer::kDead))
      sink_.on_failed(f.peer, f.error);
  std::vector<PeerId> drained;
  drained.swap(drained_);
  for (const PeerId id : drained) {
    // Who was given more meanwhile keeps its wish: it is drained again when that is sent.
    if (!peers_.contains(id) || !peers_[id].has(Peer::kTellDrained) || !is_idle(id)) continue;
    peers_[id].clear(Peer::kTellDrained);
    sink_.on_drained(id);
  }
}

}  // namespace livehub::hub
