// Peers, subscriptions and streams: their lives and their lists. What is appended stands in
// fanout_append.cc, what is sent in fanout_flush.cc.
#include "hub/fanout.h"

#include <algorithm>

#include "base/check.h"
#include "hub/fanout_reading.h"

namespace livehub::hub {

Fanout::Fanout(const Limits& limits, base::MemoryAccount& account, Sink& sink, Beginning beginning)
    : limits_(limits),
      // One message in every encoding must fit into an empty arena.
      large_frame_bytes_(
          limits.large_frame_bytes(std::min(limits.ring_bytes, limits.arena_bytes / 2))),
      first_sequence_(beginning.sequence),
      account_(account),
      sink_(sink),
      arena_(limits.arena_bytes, beginning.arena_position) {
  account_.charge(static_cast<int64_t>(arena_.bytes()));
  sends_.reserve(kBatchPeers);
  offers_.reserve(kBatchPeers);
  pieces_.reserve(kBatchPieces);
}

Fanout::~Fanout() {
  for (PeerId id = 0; id < peers_.index_end(); ++id) {
    if (!peers_.contains(id)) continue;
    while (peers_[id].first_subscription != kNoIndex)
      remove_subscription(peers_[id].first_subscription);
    close_peer(id);
  }
  for (StreamId id = 0; id < streams_.index_end(); ++id)
    if (streams_.contains(id)) free_stream(id);
  while (!arena_.is_empty()) {
    if (Block* block = arena_.at(arena_.tail())->block) block->let_go();
    arena_.pop();
  }
  account_.release(static_cast<int64_t>(arena_.bytes()));
}

EncodingId Fanout::add_encoding(const Encoding* encoding) {
  LIVEHUB_CHECK(encoding_count_ < kEncodingsMax, "there are at most kEncodingsMax encodings");
  encodings_[encoding_count_] = encoding;
  return encoding_count_++;
}

// --- peers ---

void Fanout::open_peer(PeerId id) {
  peers_.allocate_at(id);
  peers_[id].set(Peer::kOpen);
  if (++serials_ == kNoIndex) serials_ = 0;
  peers_[id].serial = serials_;
}

void Fanout::close_peer(PeerId id) {
  Peer& peer = peers_[id];
  LIVEHUB_CHECK(peer.subscription_count == 0,
                "a peer's subscriptions are removed before it closes");
  free_own(peer);
  drop_partial(peer);
  peers_.release(id);  // a stale name in the ready queue is recognised by Peer::kReady
}

void Fanout::push_own(PeerId id, std::string_view bytes) {
  if (bytes.empty() || peers_[id].has(Peer::kDead)) return;
  void* memory = ::operator new(sizeof(OwnChunk) + bytes.size());
  auto* chunk = new (memory) OwnChunk;
  char* data = reinterpret_cast<char*>(chunk + 1);
  std::memcpy(data, bytes.data(), bytes.size());
  chunk->data = data;
  chunk->bytes = static_cast<uint32_t>(bytes.size());
  account_.charge(chunk->bytes);
  push_chunk(id, chunk);
}

void Fanout::push_own_static(PeerId id, std::string_view bytes) {
  if (bytes.empty() || peers_[id].has(Peer::kDead)) return;
  auto* chunk = new OwnChunk;  // tidy: new-delete: a chunk and its bytes are one allocation; freed
                               // in free_own()
  chunk->data = bytes.data();
  chunk->bytes = static_cast<uint32_t>(bytes.size());
  push_chunk(id, chunk);
}

void Fanout::push_chunk(PeerId id, OwnChunk* chunk) {
  Outgoing& out = peers_[id].outgoing();
  if (out.own_tail)
    out.own_tail->next = chunk;
  else
    out.own_head = chunk;
  out.own_tail = chunk;
  out.own_bytes += chunk->bytes;
  make_ready(id);
}

void Fanout::free_own(Peer& peer) {
  while (OwnChunk* chunk = peer.own_head()) {
    peer.out->own_head = chunk->next;
    if (chunk->data == reinterpret_cast<char*>(chunk + 1)) account_.release(chunk->bytes);
    ::operator delete(chunk);
  }
  if (!peer.out) return;
  peer.out->own_tail = nullptr;
  peer.out->own_bytes = 0;
  peer.end_outgoing_if_empty();
}

void Fanout::drop_partial(Peer& peer) {
  const Partial* partial = peer.partial();
  if (!partial) return;
  if (partial->where != Partial::Where::kStream) {
    newer_link(partial->older) = partial->newer;
    (partial->newer == kNoIndex ? remainder_newest_ : peers_[partial->newer].partial()->older) =
        partial->older;
  }
  if (partial->where == Partial::Where::kBlock) partial->block->let_go();
  if (partial->where == Partial::Where::kOwned) {
    account_.release(partial->owned_bytes);
    ::operator delete(partial->owned);
  }
  peer.out->has_partial = false;
  peer.end_outgoing_if_empty();
}

void Fanout::own_partial(PeerId id) {
  Partial& partial = *peers_[id].partial();
  char* copy = static_cast<char*>(::operator new(partial.left));
  std::memcpy(copy, partial.data, partial.left);
  partial = {Partial::Where::kOwned, kNoIndex, 0, copy, partial.left, partial.left, nullptr, copy};
  account_.charge(partial.owned_bytes);
  link_remainder(id);
  ++counters_.remainders_copied;
}

void Fanout::link_remainder(PeerId id) {
  peers_[id].partial()->older = remainder_newest_;
  newer_link(remainder_newest_) = id;
  remainder_newest_ = id;
}

PeerId& Fanout::newer_link(PeerId older) {
  if (older == kNoIndex) return remainder_oldest_;
  Partial* partial = peers_[older].partial();
  LIVEHUB_CHECK(partial != nullptr, "who is listed with a remainder has one");
  return partial->newer;
}

void Fanout::tell_drained(PeerId id) {
  peers_[id].set(Peer::kTellDrained);
  make_ready(id);
}

bool Fanout::is_caught_up(PeerId id) const {
  if (!is_idle(id)) return false;
  for (SubscriptionId s = peers_[id].first_subscription; s != kNoIndex;
       s = subscriptions_[s].next_of_peer) {
    if (subscriptions_[s].has(Subscription::kWatching)) continue;
    if (!subscriptions_[s].has(Subscription::kAttached) || has_pending(subscriptions_[s]))
      return false;
  }
  return true;
}

bool Fanout::is_idle(PeerId id) const { return !peers_[id].out; }

// A blocked peer waits for POLLOUT instead: it is ready again from on_writable().
void Fanout::make_ready(PeerId id) {
  Peer& peer = peers_[id];
  if (peer.flags & (Peer::kReady | Peer::kBlocked | Peer::kDead)) return;
  peer.set(Peer::kReady);
  ready_.push(id);
}

void Fanout::block(PeerId id) {
  Peer& peer = peers_[id];
  if (peer.has(Peer::kBlocked)) return;
  peer.set(Peer::kBlocked);
  for (SubscriptionId s = peer.first_subscription; s != kNoIndex;
       s = subscriptions_[s].next_of_peer) {
    if (!subscriptions_[s].has(Subscription::kAttached)) continue;
    clear_behind(subscriptions_[s]);
    link_blocked(s);
  }
  if (!peer.has(Peer::kDead)) sink_.want_writable(id);
}

void Fanout::on_writable(PeerId id) {
  Peer& peer = peers_[id];
  if (!peer.has(Peer::kBlocked) || peer.has(Peer::kDead)) return;
  peer.clear(Peer::kBlocked);
  for (SubscriptionId s = peer.first_subscription; s != kNoIndex;
       s = subscriptions_[s].next_of_peer) {
    Subscription& subscription = subscriptions_[s];
    if (!subscription.has(Subscription::kAttached)) continue;
    unlink_blocked(s);
    if (subscription.has(Subscription::kLapped)) resume_lapped(id, s);
    mark_behind(subscription, streams_[subscription.stream]);
  }
  make_ready(id);
}

// --- subscriptions ---

SubscriptionId Fanout::make_subscription(PeerId peer_id, uint32_t channel, EncodingId encoding,
                                         SlowReader policy) {
  const SubscriptionId id = subscriptions_.allocate();
  Peer& peer = peers_[peer_id];
  Subscription& s = subscriptions_[id];
  s.peer = peer_id;
  s.channel = channel;
  s.encoding = encoding;
  s.policy = policy;
  s.generation = ++generations_;
  s.next_of_peer = peer.first_subscription;
  peer.first_subscription = id;
  ++peer.subscription_count;
  return id;
}

void Fanout::remove_subscription(SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  Peer& peer = peers_[s.peer];
  if (s.has(Subscription::kAttached)) detach(id);
  SubscriptionId* link = &peer.first_subscription;
  while (*link != id) link = &subscriptions_[*link].next_of_peer;
  *link = s.next_of_peer;
  --peer.subscription_count;
  subscriptions_.release(id);
}

void Fanout::attach(SubscriptionId id, StreamId stream_id, uint64_t cursor, uint64_t hint) {
  Subscription& s = subscriptions_[id];
  Stream& stream = streams_[stream_id];
  LIVEHUB_CHECK(!s.has(Subscription::kAttached), "a subscription is attached once");
  s.stream = stream_id;
  s.cursor = cursor;
  s.hint = Arena::place_of(hint);
  s.list_index = stream.subscribers.size();
  stream.subscribers.push_back(id);
  s.set(Subscription::kAttached);
  if (peers_[s.peer].has(Peer::kBlocked)) {
    link_blocked(id);
  } else if (s.cursor < stream.next) {
    mark_behind(s, stream);
    make_ready(s.peer);
  }
  make_hot_if_worth(stream_id);
}

void Fanout::detach(SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  Stream& stream = streams_[s.stream];
  clear_behind(s);
  unlink_blocked(id);
  Partial* partial = peers_[s.peer].partial();
  if (partial && partial->where == Partial::Where::kStream && partial->subscription == id)
    own_partial(s.peer);
  // Keep the swept ones in front: the last swept one fills the hole, the last one fills its place.
  auto& list = stream.subscribers;
  uint32_t hole = s.list_index;
  if (stream.hot && stream.hot->is_sweeping && hole < stream.hot->sweep_index) {
    const uint32_t swept_last = --stream.hot->sweep_index;
    list[hole] = list[swept_last];
    subscriptions_[list[hole]].list_index = hole;
    hole = swept_last;
  }
  if (hole + 1 < list.size()) {  // else the last one stands elsewhere already
    list[hole] = list.back();
    subscriptions_[list[hole]].list_index = hole;
  }
  list.pop_back();
  s.clear(Subscription::kAttached);
  s.clear(Subscription::kLapped);
  s.stream = kNoIndex;
}

// The first entry whose bytes a subscription still needs: where its cursor stands, or the one
// before, while the rest of that is neither sent nor copied.
uint64_t Fanout::needs_from(const Subscription& s) const {
  const Partial* partial = peers_[s.peer].partial();
  const bool is_in_stream = partial && partial->where == Partial::Where::kStream &&
                            &subscriptions_[partial->subscription] == &s;
  return is_in_stream ? std::min(s.cursor, partial->sequence) : s.cursor;
}

void Fanout::mark_behind(Subscription& s, Stream& stream) {
  if (s.flags & (Subscription::kBehind | Subscription::kLapped)) return;
  const uint64_t need = needs_from(s);
  if (need >= stream.next) return;
  s.set(Subscription::kBehind);
  stream.add_behind(need);
}

void Fanout::clear_behind(Subscription& s) {
  if (!s.has(Subscription::kBehind)) return;
  s.clear(Subscription::kBehind);
  --streams_[s.stream].behind_count;
}

void Fanout::link_blocked(SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  if (s.has(Subscription::kInBlockedList)) return;
  Stream& stream = streams_[s.stream];
  s.set(Subscription::kInBlockedList);
  s.blocked_prev = kNoIndex;
  s.blocked_next = stream.blocked_head;
  const uint64_t need = needs_from(s);
  if (!stream.has_blocked() || need < stream.blocked_min()) stream.set_blocked_min(need);
  if (stream.has_blocked()) subscriptions_[stream.blocked_head].blocked_prev = id;
  stream.blocked_head = id;
}

void Fanout::unlink_blocked(SubscriptionId id) {
  Subscription& s = subscriptions_[id];
  if (!s.has(Subscription::kInBlockedList)) return;
  Stream& stream = streams_[s.stream];
  s.clear(Subscription::kInBlockedList);
  if (s.blocked_prev != kNoIndex)
    subscriptions_[s.blocked_prev].blocked_next = s.blocked_next;
  else
    stream.blocked_head = s.blocked_next;
  if (s.blocked_next != kNoIndex) subscriptions_[s.blocked_next].blocked_prev = s.blocked_prev;
}

bool Fanout::has_pending(PeerId id) const {
  for (SubscriptionId s = peers_[id].first_subscription; s != kNoIndex;
       s = subscriptions_[s].next_of_peer)
    if (has_pending(subscriptions_[s])) return true;
  return false;
}

bool Fanout::has_pending(const Subscription& s) const {
  return s.has(Subscription::kAttached) && !s.has(Subscription::kLapped) &&
         s.cursor < streams_[s.stream].next;
}

// --- streams ---

StreamId Fanout::make_stream(uint32_t channel, EncodingId encoding, uint64_t base_offset,
                             StreamId next) {
  LIVEHUB_CHECK(channel < Stream::kChannelsMax, "a shard has fewer than 268 million channels");
  const StreamId id = streams_.allocate();
  Stream& stream = streams_[id];
  stream.channel = channel & (Stream::kChannelsMax - 1);
  stream.encoding = encoding & (kEncodingsMax - 1);
  stream.next = first_sequence_;
  stream.set_first(first_sequence_);
  stream.base_offset = base_offset;
  stream.tenancy = ++tenancies_;
  stream.next_of_channel = next;
  return id;
}

void Fanout::free_stream(StreamId id) {
  Stream& stream = streams_[id];
  LIVEHUB_CHECK(stream.subscribers.empty(), "a stream is freed when nobody is attached");
  if (stream.hot) {
    rings_bytes_ -= stream.hot->store.ring_bytes();
    account_.release(static_cast<int64_t>(stream.hot->store.ring_bytes()));
    std::erase(hot_streams_, id);
  }
  streams_.release(id);  // a stale name in the dirty queue is recognised by Hot::is_dirty
}

bool Fanout::is_in_use(StreamId id) const {
  return !streams_[id].subscribers.empty() || streams_[id].hot != nullptr;
}

void Fanout::attach_at_head(SubscriptionId id, StreamId stream) {
  attach(id, stream, streams_[stream].next, 0);
}

bool Fanout::attach_after(SubscriptionId id, StreamId stream_id, uint64_t offset) {
  const Stream& stream = streams_[stream_id];
  if (offset < stream.base_offset) return false;
  if (stream.hot) {
    uint64_t low = stream.first(), high = stream.next;
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      if (stream.hot->store.view(middle).offset <= offset)
        low = middle + 1;
      else
        high = middle;
    }
    attach(id, stream_id, low, 0);
    return true;
  }
  uint64_t position = first_position(stream);
  while (position != 0 && arena_.at(position)->offset <= offset)
    position = arena_.at(position)->next;
  attach(id, stream_id, position ? arena_.at(position)->sequence : stream.next, position);
  return true;
}

size_t Fanout::arena_used_bytes() const {
  return static_cast<size_t>(arena_.head() - arena_.tail()) + arena_block_bytes_;
}

}  // namespace livehub::hub
