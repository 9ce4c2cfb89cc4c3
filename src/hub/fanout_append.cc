// What is appended, what is dropped for it, and how a stream changes between cold and hot.
#include <algorithm>
#include <new>

#include "base/check.h"
#include "hub/fanout.h"
#include "hub/fanout_reading.h"

namespace livehub::hub {

// --- room ---

bool Fanout::make_room(StreamId id, const Message& message, Claim& claim) {
  Stream& stream = streams_[id];
  const size_t bytes = encodings_[stream.encoding]->frame_bytes_max(message);
  if (bytes == 0) return true;
  const bool is_large = bytes > large_frame_bytes_;
  const bool has_room =
      stream.hot ? make_room_hot(stream, bytes, is_large) : make_room_cold(bytes, is_large, claim);
  if (!has_room) ++counters_.append_waits;
  return has_room;
}

bool Fanout::make_room_hot(Stream& stream, size_t bytes, bool is_large) {
  const auto fits = [&] {
    if (!is_large) return stream.hot->store.fits(bytes);
    const size_t held = stream.hot->store.block_bytes();
    return held == 0 || held + bytes <= limits_.blocks_bytes_max;
  };
  while (!fits()) {
    if (stream.first() >= stream.needed_from()) return false;
    drop_first(stream);
  }
  return true;
}

bool Fanout::make_room_cold(size_t bytes, bool is_large, Claim& claim) {
  claim.arena_bytes += Arena::size_of(is_large ? 0 : static_cast<uint32_t>(bytes));
  if (is_large) claim.block_bytes += bytes;
  const auto fits = [&] {
    if (!arena_.fits(claim.arena_bytes)) return false;
    return claim.block_bytes == 0 || arena_block_bytes_ == 0 ||
           arena_block_bytes_ + claim.block_bytes <= limits_.blocks_bytes_max;
  };
  while (!fits()) {
    const Arena::Header& oldest = *arena_.at(arena_.tail());
    if (streams_.contains(oldest.stream)) {
      Stream& stream = streams_[oldest.stream];
      const bool is_kept = stream.tenancy == oldest.tenancy && oldest.sequence == stream.first();
      if (is_kept) {
        if (stream.first() >= stream.needed_from()) return false;
        drop_first(stream);
      }
    }
    if (oldest.block) {
      arena_block_bytes_ -= oldest.bytes;
      oldest.block->let_go();
    }
    arena_.pop();
  }
  return true;
}

// The entry's bytes are still there when this returns; the caller overwrites them later.
void Fanout::drop_first(Stream& stream) {
  const uint64_t sequence = stream.first();
  LIVEHUB_CHECK(sequence < stream.needed_from(), "an entry that someone can still be sent is kept");
  if (stream.has_blocked() && stream.blocked_min() <= sequence) lap_blocked(stream, sequence);
  stream.set_first(sequence + 1);
  if (stream.hot) {
    raise_base(stream, stream.hot->store.view(sequence).offset);
    stream.hot->store.drop_first();
    return;
  }
  const Arena::Header& entry = *arena_.at(arena_.position_of(stream.cold_first));
  raise_base(stream, entry.offset);
  stream.cold_first = Arena::place_of(entry.next);
}

void Fanout::lap_blocked(Stream& stream, uint64_t sequence) {
  uint64_t least_needed = stream.next;
  for (SubscriptionId id = stream.blocked_head; id != kNoIndex;
       id = subscriptions_[id].blocked_next) {
    Subscription& s = subscriptions_[id];
    const Partial* partial = peers_[s.peer].partial();
    if (partial && partial->where == Partial::Where::kStream && partial->subscription == id) {
      if (partial->sequence <= sequence)
        own_partial(s.peer);
      else
        least_needed = std::min(least_needed, partial->sequence);
    }
    if (!s.has(Subscription::kLapped) && s.cursor <= sequence) {
      s.set(Subscription::kLapped);
      lapped_.emplace_back(s.peer, id);
      ++counters_.lapped;
    }
    if (!s.has(Subscription::kLapped)) least_needed = std::min(least_needed, s.cursor);
  }
  stream.set_blocked_min(least_needed);
}

// --- append ---

void Fanout::append(StreamId id, const Message& message, PeerId skip_peer) {
  Stream& stream = streams_[id];
  const Encoding& encoding = *encodings_[stream.encoding];
  const auto bytes = static_cast<uint32_t>(encoding.frame_bytes(message));
  if (bytes == 0) return;
  // Large by what room was made for: it may have become smaller since.
  const bool is_large = encoding.frame_bytes_max(message) > large_frame_bytes_;
  const uint32_t skip_serial = skip_peer == kNoIndex ? kNoIndex : peers_[skip_peer].serial;
  ++append_order_;
  ++counters_.appends;
  counters_.frame_bytes += bytes;
  if (stream.hot)
    append_hot(stream, message, bytes, is_large, skip_serial);
  else
    append_cold(id, stream, message, bytes, is_large, skip_serial);
  if (!stream.hot) return;
  if (stream.subscribers.empty()) {
    stream.hot->swept = stream.next;
  } else if (!stream.hot->is_dirty) {
    stream.hot->is_dirty = true;
    dirty_.push(id);
  }
}

void Fanout::append_hot(Stream& stream, const Message& message, uint32_t bytes, bool is_large,
                        uint32_t skip_serial) {
  const Encoding& encoding = *encodings_[stream.encoding];
  HotStore& store = stream.hot->store;
  if (is_large) {
    Block* block = Block::make(bytes, account_);
    encoding.write_frame(message, block->data());
    store.append_block(block, skip_serial, append_order_, message.position.offset);
  } else {
    char* place = store.append(bytes, skip_serial, append_order_, message.position.offset);
    encoding.write_frame(message, place);
  }
  stream.next = store.next();
}

void Fanout::append_cold(StreamId id, Stream& stream, const Message& message, uint32_t bytes,
                         bool is_large, uint32_t skip_serial) {
  const Encoding& encoding = *encodings_[stream.encoding];
  const uint64_t position = arena_.push(is_large ? 0 : bytes);
  Arena::Header* header = arena_.at(position);
  *header = {0,           stream.next, append_order_, message.position.offset, nullptr, bytes,
             skip_serial, id,          stream.tenancy};
  if (is_large) {
    header->block = Block::make(bytes, account_);
    arena_block_bytes_ += bytes;
    encoding.write_frame(message, header->block->data());
  } else {
    encoding.write_frame(message, reinterpret_cast<char*>(header + 1));
  }
  if (stream.is_empty())
    stream.cold_first = Arena::place_of(position);
  else
    arena_.at(arena_.position_of(stream.cold_last))->next = position;
  stream.cold_last = Arena::place_of(position);
  const uint64_t sequence = stream.next++;
  for (const SubscriptionId sid : stream.subscribers) {
    Subscription& s = subscriptions_[sid];
    if (s.cursor == sequence) s.hint = Arena::place_of(position);
    if (peers_[s.peer].has(Peer::kBlocked)) continue;
    mark_behind(s, stream);
    make_ready(s.peer);
  }
}

// --- reading ---

uint64_t Fanout::first_position(const Stream& stream) const {
  return stream.is_empty() || stream.hot ? 0 : arena_.position_of(stream.cold_first);
}

uint64_t Fanout::cold_position(const Stream& stream, uint64_t cursor, uint64_t hint) const {
  if (hint != 0) return hint;
  uint64_t position = first_position(stream);
  while (position != 0 && arena_.at(position)->sequence < cursor)
    position = arena_.at(position)->next;
  return position;
}

EntryView Fanout::view(const Stream& stream, uint64_t sequence, uint64_t hint) const {
  return stream.hot ? stream.hot->store.view(sequence)
                    : arena_.view(cold_position(stream, sequence, hint));
}

// --- cold and hot ---

void Fanout::make_hot_if_worth(StreamId id) {
  Stream& stream = streams_[id];
  if (stream.subscribers.size() < limits_.hot_from_subscribers) return;
  if (stream.hot)
    stream.hot->cooling_since_ns = 0;
  else
    make_hot(id);
}

bool Fanout::make_hot(StreamId id) {
  Stream& stream = streams_[id];
  if (rings_bytes_ + limits_.ring_bytes > limits_.rings_bytes_max) return false;
  size_t bytes = 0;
  for (uint64_t p = first_position(stream); p != 0; p = arena_.at(p)->next)
    if (!arena_.at(p)->block) bytes += arena_.at(p)->bytes;
  const size_t entries_max = HotStore::entries_max(limits_.ring_bytes) / 2;
  while (bytes > limits_.ring_bytes / 2 || stream.next - stream.first() > entries_max) {
    if (stream.first() >= stream.needed_from()) return false;
    const Arena::Header& oldest = *arena_.at(first_position(stream));
    if (!oldest.block) bytes -= oldest.bytes;
    drop_first(stream);
  }
  std::unique_ptr<Hot> hot;
  try {
    hot = std::make_unique<Hot>(limits_.ring_bytes);
  } catch (const std::bad_alloc&) {
    return false;  // stays cold: slower, not wrong
  }
  HotStore& store = hot->store;
  store.start_at(stream.first());
  for (uint64_t p = first_position(stream); p != 0; p = arena_.at(p)->next) {
    const EntryView e = arena_.view(p);
    if (e.block)
      store.append_block(e.block->hold(), e.skip_serial, e.append_order, e.offset);
    else
      std::memcpy(store.append(e.bytes, e.skip_serial, e.append_order, e.offset), e.data, e.bytes);
  }
  for (const SubscriptionId sid : stream.subscribers) {
    Subscription& s = subscriptions_[sid];
    s.hint = 0;
    const Partial* partial = peers_[s.peer].partial();
    if (partial && partial->where == Partial::Where::kStream && partial->subscription == sid)
      own_partial(s.peer);
  }
  hot->swept = stream.next;
  stream.hot = std::move(hot);
  stream.tenancy = ++tenancies_;
  rings_bytes_ += limits_.ring_bytes;
  account_.charge(static_cast<int64_t>(limits_.ring_bytes));
  hot_streams_.push_back(id);
  return true;
}

// Only when everybody has everything: what was kept for resumption is dropped, the owner still has
// it.
void Fanout::make_cold(StreamId id) {
  Stream& stream = streams_[id];
  if (!stream.is_empty()) raise_base(stream, stream.hot->store.view(stream.next - 1).offset);
  stream.set_first(stream.next);
  stream.hot.reset();
  stream.tenancy = ++tenancies_;
  rings_bytes_ -= limits_.ring_bytes;
  account_.release(static_cast<int64_t>(limits_.ring_bytes));
  std::erase(hot_streams_, id);
}

void Fanout::cool(int64_t now_ns, std::vector<StreamId>& now_unused) {
  for (size_t i = 0; i < hot_streams_.size(); ++i) {
    const StreamId id = hot_streams_[i];
    Stream& stream = streams_[id];
    if (stream.subscribers.size() >= limits_.hot_from_subscribers) continue;
    Hot& hot = *stream.hot;
    if (hot.cooling_since_ns == 0) hot.cooling_since_ns = now_ns;
    if (now_ns - hot.cooling_since_ns < limits_.hot_until_ns) continue;
    const bool is_quiet = !hot.is_dirty && !stream.has_blocked() && stream.behind_count == 0;
    if (!is_quiet) continue;
    if (stream.subscribers.empty()) now_unused.push_back(id);
    make_cold(id);
    --i;
  }
}

}  // namespace livehub::hub
