// check_invariants(): the numbered list of fanout.h, in code. Walks everything; for tests and the
// simulator.
#include "base/check.h"
#include "hub/fanout.h"

namespace livehub::hub {

size_t Fanout::rings_used_bytes() const {
  size_t bytes = 0;
  for (const StreamId id : hot_streams_) bytes += streams_[id].hot->store.used_bytes();
  return bytes;
}

void Fanout::check_invariants() const {
  size_t rings_bytes = 0;
  for (StreamId id = 0; id < streams_.index_end(); ++id) {
    if (!streams_.contains(id)) continue;
    check_entries(id);
    check_subscribers(id);
    if (streams_[id].hot) rings_bytes += streams_[id].hot->store.ring_bytes();
  }
  LIVEHUB_CHECK(rings_bytes == rings_bytes_, "rings are counted");
  size_t remainders = 0;
  for (PeerId id = remainder_oldest_; id != kNoIndex;
       id = peers_[id].partial()->newer, ++remainders)
    LIVEHUB_CHECK(peers_[id].partial()->newer != kNoIndex || id == remainder_newest_,
                  "the list of remainders ends with the newest");
  for (PeerId id = 0; id < peers_.index_end(); ++id) {
    if (!peers_.contains(id)) continue;
    check_peer(id);
    const Partial* partial = peers_[id].partial();
    if (partial && partial->where != Partial::Where::kStream) --remainders;
  }
  LIVEHUB_CHECK(remainders == 0, "whoever holds memory for a partial frame is in the list, once");
}

void Fanout::check_entries(StreamId id) const {
  const Stream& stream = streams_[id];
  if (stream.hot) {
    const HotStore& store = stream.hot->store;
    LIVEHUB_CHECK(store.first() == stream.first() && store.next() == stream.next,
                  "a hot stream and its store count alike");
    return;
  }
  uint64_t sequence = stream.first();
  for (uint64_t p = first_position(stream); p != 0; p = arena_.at(p)->next, ++sequence) {
    LIVEHUB_CHECK(p >= arena_.tail() && p < arena_.head(), "a kept entry is inside the arena");
    LIVEHUB_CHECK(arena_.at(p)->sequence == sequence && arena_.at(p)->stream == id,
                  "a cold stream's chain holds its own entries in order");  // invariant 6
  }
  LIVEHUB_CHECK(sequence == stream.next, "a cold stream's chain is complete");
}

void Fanout::check_subscribers(StreamId id) const {
  const Stream& stream = streams_[id];
  uint32_t behind = 0, blocked = 0;
  for (uint32_t i = 0; i < stream.subscribers.size(); ++i) {
    const SubscriptionId sid = stream.subscribers[i];
    LIVEHUB_CHECK(subscriptions_.contains(sid), "a stream lists live subscriptions");
    const Subscription& s = subscriptions_[sid];
    LIVEHUB_CHECK(s.stream == id && s.list_index == i && s.has(Subscription::kAttached),
                  "a subscription knows its place");
    check_cursor(stream, s);
    behind += s.has(Subscription::kBehind);
    blocked += s.has(Subscription::kInBlockedList);
  }
  LIVEHUB_CHECK(behind == stream.behind_count, "those behind are counted");
  for (SubscriptionId sid = stream.blocked_head; sid != kNoIndex;
       sid = subscriptions_[sid].blocked_next) {
    LIVEHUB_CHECK(subscriptions_[sid].stream == id, "a stream's blocked are its own");
    --blocked;
  }
  LIVEHUB_CHECK(blocked == 0, "those blocked are in the list, once");
}

void Fanout::check_cursor(const Stream& stream, const Subscription& s) const {
  const Peer& peer = peers_[s.peer];
  const bool is_blocked = peer.has(Peer::kBlocked);
  const bool is_lapped = s.has(Subscription::kLapped);
  LIVEHUB_CHECK(s.cursor <= stream.next, "a cursor is never ahead of its stream");
  LIVEHUB_CHECK(s.has(Subscription::kInBlockedList) == is_blocked,
                "the blocked, and only they, are in blocked lists");  // invariant 5
  if (!is_blocked)                                                    // invariant 1
    LIVEHUB_CHECK(is_lapped || s.cursor >= stream.first(), "who can be sent to is never overtaken");
  if (s.has(Subscription::kBehind)) {
    LIVEHUB_CHECK(s.cursor >= stream.behind_min(), "behind_min is a lower bound");
    LIVEHUB_CHECK(peer.has(Peer::kReady), "who is behind is about to be served");
  }
  if (is_blocked && !is_lapped)
    LIVEHUB_CHECK(s.cursor >= stream.blocked_min() && s.cursor >= stream.first(),
                  "blocked_min is a lower bound, and who is not lapped has all it needs");
  const Hot* hot = stream.hot.get();
  const bool is_swept = !hot || !hot->is_sweeping || s.list_index < hot->sweep_index;
  if (!is_blocked && !is_lapped && !s.has(Subscription::kBehind) && is_swept)
    LIVEHUB_CHECK(s.cursor >= (hot ? hot->swept : stream.next),
                  "a finished sweep has reached everyone");
}

void Fanout::check_peer(PeerId id) const {
  const Peer& peer = peers_[id];
  uint32_t count = 0, own = 0;
  for (SubscriptionId s = peer.first_subscription; s != kNoIndex;
       s = subscriptions_[s].next_of_peer) {
    LIVEHUB_CHECK(subscriptions_[s].peer == id, "a peer lists its own subscriptions");
    ++count;
  }
  for (const OwnChunk* chunk = peer.own_head(); chunk; chunk = chunk->next)
    own += chunk->bytes - chunk->sent;
  LIVEHUB_CHECK(count == peer.subscription_count, "subscriptions of a peer are counted");
  LIVEHUB_CHECK(own == peer.own_bytes(), "own bytes are counted");
  const Partial* partial = peer.partial();
  LIVEHUB_CHECK(!peer.out || peer.own_head() || partial, "only what waits takes memory");
  if (!partial) return;  // invariant 4
  LIVEHUB_CHECK(partial->left > 0, "a partial frame has something left");
  if (partial->where != Partial::Where::kStream) return;
  const Subscription& s = subscriptions_[partial->subscription];
  LIVEHUB_CHECK(s.peer == id && s.has(Subscription::kAttached),
                "a partial frame's stream is attached");
  const Stream& stream = streams_[s.stream];
  LIVEHUB_CHECK(partial->sequence >= stream.first(),
                "the rest of a partial frame is copied before it is overwritten");
  LIVEHUB_CHECK(peer.has(Peer::kBlocked) ||
                    (s.has(Subscription::kBehind) && stream.behind_min() <= partial->sequence),
                "the rest of a partial frame is kept for a peer that can be sent to");
}

}  // namespace livehub::hub
