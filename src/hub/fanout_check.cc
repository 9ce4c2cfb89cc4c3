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
    const Stream& stream = streams_[id];
    if (stream.hot) {
      const HotStore& store = stream.hot->store;
      rings_bytes += store.ring_bytes();
      LIVEHUB_CHECK(store.first() == stream.first() && store.next() == stream.next,
                    "a hot stream and its store count alike");
    } else {
      uint64_t sequence = stream.first();
      for (uint64_t p = first_position(stream); p != 0; p = arena_.at(p)->next, ++sequence) {
        LIVEHUB_CHECK(p >= arena_.tail() && p < arena_.head(), "a kept entry is inside the arena");
        LIVEHUB_CHECK(arena_.at(p)->sequence == sequence && arena_.at(p)->stream == id,
                      "a cold stream's chain holds its own entries in order");  // invariant 6
      }
      LIVEHUB_CHECK(sequence == stream.next, "a cold stream's chain is complete");
    }
    uint32_t behind = 0, blocked = 0;
    for (uint32_t i = 0; i < stream.subscribers.size(); ++i) {
      const SubscriptionId sid = stream.subscribers[i];
      LIVEHUB_CHECK(subscriptions_.contains(sid), "a stream lists live subscriptions");
      const Subscription& s = subscriptions_[sid];
      const Peer& peer = peers_[s.peer];
      LIVEHUB_CHECK(s.stream == id && s.list_index == i && s.has(Subscription::kAttached),
                    "a subscription knows its place");
      LIVEHUB_CHECK(s.cursor <= stream.next, "a cursor is never ahead of its stream");
      behind += s.has(Subscription::kBehind);
      blocked += s.has(Subscription::kInBlockedList);
      LIVEHUB_CHECK(s.has(Subscription::kInBlockedList) == peer.has(Peer::kBlocked),
                    "the blocked, and only they, are in blocked lists");  // invariant 5
      if (!peer.has(Peer::kBlocked))                                      // invariant 1
        LIVEHUB_CHECK(s.has(Subscription::kLapped) || s.cursor >= stream.first(),
                      "who can be sent to is never overtaken");
      if (s.has(Subscription::kBehind)) {
        LIVEHUB_CHECK(s.cursor >= stream.behind_min(), "behind_min is a lower bound");
        LIVEHUB_CHECK(peer.has(Peer::kReady), "who is behind is about to be served");
      }
      if (peer.has(Peer::kBlocked) && !s.has(Subscription::kLapped))
        LIVEHUB_CHECK(s.cursor >= stream.blocked_min() && s.cursor >= stream.first(),
                      "blocked_min is a lower bound, and who is not lapped has all it needs");
      const bool is_swept = !stream.hot || !stream.hot->is_sweeping || i < stream.hot->sweep_index;
      const bool is_apart = s.has(Subscription::kBehind) || s.has(Subscription::kLapped);
      if (!peer.has(Peer::kBlocked) && !is_apart && is_swept)
        LIVEHUB_CHECK(s.cursor >= (stream.hot ? stream.hot->swept : stream.next),
                      "a finished sweep has reached everyone");
    }
    LIVEHUB_CHECK(behind == stream.behind_count, "those behind are counted");
    for (SubscriptionId sid = stream.blocked_head; sid != kNoIndex;
         sid = subscriptions_[sid].blocked_next) {
      LIVEHUB_CHECK(subscriptions_[sid].stream == id, "a stream's blocked are its own");
      --blocked;
    }
    LIVEHUB_CHECK(blocked == 0, "those blocked are in the list, once");
  }
  LIVEHUB_CHECK(rings_bytes == rings_bytes_, "rings are counted");
  size_t remainders = 0;
  for (PeerId id = remainder_oldest_; id != kNoIndex;
       id = peers_[id].partial()->newer, ++remainders)
    LIVEHUB_CHECK(peers_[id].partial()->newer != kNoIndex || id == remainder_newest_,
                  "the list of remainders ends with the newest");
  for (PeerId id = 0; id < peers_.index_end(); ++id) {
    if (!peers_.contains(id)) continue;
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
    LIVEHUB_CHECK(!peer.out || peer.out->own_head || peer.partial(),
                  "only what waits takes memory");
    const Partial* partial = peer.partial();
    if (!partial) continue;  // invariant 4
    if (partial->where != Partial::Where::kStream) --remainders;
    LIVEHUB_CHECK(partial->left > 0, "a partial frame has something left");
    if (partial->where != Partial::Where::kStream) continue;
    const Subscription& s = subscriptions_[partial->subscription];
    LIVEHUB_CHECK(s.peer == id && s.has(Subscription::kAttached),
                  "a partial frame's stream is attached");
    LIVEHUB_CHECK(partial->sequence >= streams_[s.stream].first(),
                  "the rest of a partial frame is copied before it is overwritten");
    LIVEHUB_CHECK(
        peer.has(Peer::kBlocked) ||
            (s.has(Subscription::kBehind) && streams_[s.stream].behind_min() <= partial->sequence),
        "the rest of a partial frame is kept for a peer that can be sent to");
  }
  LIVEHUB_CHECK(remainders == 0, "whoever holds memory for a partial frame is in the list, once");
}

}  // namespace livehub::hub
