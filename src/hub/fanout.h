// One shard's fan-out: streams, the cursors that follow them, and the order in which bytes reach
// each peer. The reason the program exists: a message is encoded once per stream, and a subscriber
// that keeps up costs one send of bytes it shares with all the others. shard-local; pure: no
// descriptors, no clock.
//
// Numbered invariants, checked by check_invariants() (the simulator calls it after every step):
//  1. An entry that an unblocked subscriber has not been sent is never dropped: append waits
//  (make_room()).
//  2. A cursor moves only in settle(), after all outcomes of the batch are known.
//  3. A batch names a peer at most once, and nothing is appended between building a batch and
//  settling it.
//  4. The rest of a partial frame is sent before anything else of that peer; it is copied out
//  before its
//     bytes are overwritten.
//  5. A blocked peer is in the blocked list of every stream it is attached to, and nothing else is.
//  6. No peer is sent an entry of a stream it is not attached to.
// Sink's on_lapped(), on_failed() and on_drained() come at the end of flush(), never from within
// other calls, so they may change anything; on_skipped() comes from within on_writable() and may
// only push own bytes.
//
// Tests: tests/unit/hub/fanout_test.cc, fanout_random_test.cc.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"
#include "base/ring_queue.h"
#include "base/slab.h"
#include "hub/arena.h"
#include "hub/encoding.h"
#include "hub/limits.h"
#include "hub/peer.h"
#include "hub/stream.h"

namespace livehub::hub {

struct PeerSend {
  enum class Outcome : uint8_t { kAll, kPart, kBlocked, kFailed };
  PeerId peer = kNoIndex;
  const iovec* pieces = nullptr;
  uint32_t piece_count = 0;
  uint32_t bytes = 0;
  uint32_t bytes_sent = 0;          // out
  Outcome outcome = Outcome::kAll;  // out
  int error = 0;                    // out
};

// What the hub asks of the room that owns the sockets.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void send_batch(std::span<PeerSend> sends) = 0;  // fills the outcomes
  virtual void want_writable(PeerId peer) = 0;             // then Fanout::on_writable() once
  virtual void on_drained(PeerId peer) = 0;  // after tell_drained(), own bytes are sent
  virtual void on_failed(PeerId peer, int error) = 0;
  // A blocked subscriber was overtaken: messages after its cursor are gone. With kDisconnect the
  // callee ends the peer; with kSkip and kNewest the hub goes on and, where the newest is not what
  // it goes on with, says so by on_skipped() when it can send.
  virtual void on_lapped(PeerId peer, SubscriptionId subscription) = 0;
  virtual void on_skipped(PeerId peer, SubscriptionId subscription, uint64_t offset) = 0;
};

struct FanoutCounters {  // plain cells; added up at the scrape
  uint64_t appends = 0;
  uint64_t frame_bytes = 0;
  uint64_t deliveries = 0;
  uint64_t sends = 0;
  uint64_t sent_bytes = 0;
  uint64_t short_sends = 0;
  uint64_t blocked_sends = 0;
  uint64_t lapped = 0;
  uint64_t remainders_copied = 0;
  uint64_t append_waits = 0;
};

// Where counting begins: tests begin high, where the low halves that are kept of it wrap.
struct Beginning {
  uint64_t arena_position = Arena::kBegin;
  uint64_t sequence = 0;  // of each stream
};

class Fanout {
 public:
  Fanout(const Limits& limits, base::MemoryAccount& account, Sink& sink, Beginning beginning = {});
  Fanout(const Fanout&) = delete;
  Fanout& operator=(const Fanout&) = delete;
  ~Fanout();

  // Takes the memory that the first clients will need now, not in their time.
  void prepare();
  EncodingId add_encoding(const Encoding* encoding);
  const Encoding& encoding(EncodingId id) const { return *encodings_[id]; }

  // Peers. close_peer() needs its subscriptions removed before.
  void open_peer(PeerId peer);
  void close_peer(PeerId peer);
  bool has_peer(PeerId peer) const { return peers_.contains(peer); }
  PeerId peers_end() const { return peers_.index_end(); }  // for walks in tests and checks
  const Peer& peer(PeerId peer) const { return peers_[peer]; }
  void push_own(PeerId peer, std::string_view bytes);         // copies
  void push_own_static(PeerId peer, std::string_view bytes);  // bytes live for ever
  void tell_drained(PeerId peer);
  void on_writable(PeerId peer);
  bool is_caught_up(PeerId peer) const;  // idle, and every subscription has all there is
  bool is_idle(PeerId peer) const;       // nothing of its own waits, no partial frame
  bool has_pending(PeerId peer) const;   // one of its cursors is behind its stream

  // Subscriptions. A subscription is made detached; attach() gives it a cursor in a stream.
  SubscriptionId make_subscription(PeerId peer, uint32_t channel, EncodingId encoding,
                                   SlowReader policy);
  void remove_subscription(SubscriptionId id);
  Subscription& subscription(SubscriptionId id) { return subscriptions_[id]; }
  const Subscription& subscription(SubscriptionId id) const { return subscriptions_[id]; }
  bool has_subscription(SubscriptionId id, uint32_t generation) const {
    return subscriptions_.contains(id) && subscriptions_[id].generation == generation;
  }

  // Streams.
  // `next`: the first of those that the channel has already; kNoIndex: it has none.
  StreamId make_stream(uint32_t channel, EncodingId encoding, uint64_t base_offset,
                       StreamId next = kNoIndex);
  void chain(StreamId id, StreamId next) { streams_[id].next_of_channel = next; }
  void free_stream(StreamId id);
  const Stream& stream(StreamId id) const { return streams_[id]; }
  bool is_in_use(StreamId id) const;  // has subscribers, or is hot and cooling
  void attach_at_head(SubscriptionId id, StreamId stream);
  // Who resumes from before that offset does not find what follows here.
  void raise_base(StreamId id, uint64_t offset) { raise_base(streams_[id], offset); }
  // Its channel is numbered by somebody else from here on.
  void renumber(StreamId id, uint64_t offset) { streams_[id].base_offset = offset; }
  // Everybody who can be sent to has been sent everything.
  bool is_served(StreamId id) const { return streams_[id].needed_from() >= streams_[id].next; }
  // What waits for a blocked subscriber is not sent to it any more, but for the rest of a frame.
  void skip_to_end(SubscriptionId id);
  // Attaches behind the last message with offset <= `offset`; false if the stream no longer has
  // what follows.
  bool attach_after(SubscriptionId id, StreamId stream, uint64_t offset);

  // Appending: make_room() for all streams of a channel first, with one claim, then append() to
  // each.
  struct Claim {  // what earlier streams of the same message will take from the arena
    size_t arena_bytes = 0;
    size_t block_bytes = 0;
  };
  bool make_room(StreamId id, const Message& message, Claim& claim);
  void append(StreamId id, const Message& message, PeerId skip_peer);

  // Sends what can be sent, within limits().sends_per_flush; true if more is left to do at once.
  bool flush(uint32_t now_tick);
  bool has_work() const;
  // Once in a while: streams that were hot and are not any more. Calls back for each stream that
  // fell idle.
  void cool(int64_t now_ns, std::vector<StreamId>& now_unused);

  // The peer that has longest held memory for a partial frame (a copied remainder, a reference to a
  // block), for when memory runs out. kNoIndex: there is none.
  PeerId oldest_remainder() const { return remainder_oldest_; }

  const FanoutCounters& counters() const { return counters_; }
  const Limits& limits() const { return limits_; }
  uint32_t streams_live() const { return streams_.live(); }
  uint32_t subscriptions_live() const { return subscriptions_.live(); }
  uint32_t hot_streams() const { return static_cast<uint32_t>(hot_streams_.size()); }
  size_t arena_used_bytes() const;
  size_t rings_bytes() const { return rings_bytes_; }
  size_t rings_used_bytes() const;
  void check_invariants() const;

 private:
  // One entry, or a plain range of a hot stream, as it was put into a send.
  struct Step {
    SubscriptionId subscription;
    uint32_t bytes;
    const char* data;
    Block* block;
    uint64_t from;  // sequences [from, to); skipped entries in between have no bytes
    uint64_t to;
    uint64_t hint_after;
    bool is_range;  // of a hot stream, contiguous, all entries with bytes
  };
  struct Offer {
    uint32_t steps_begin;
    uint32_t steps_end;
    uint32_t partial_bytes;
    uint32_t own_bytes;
    bool is_usual;  // one plain range and nothing else
  };
  struct Reading;  // a subscription's place while a send is put together
  struct Failed {
    PeerId peer;
    int error;
  };

  // fanout.cc
  void push_chunk(PeerId peer, OwnChunk* chunk);
  void free_own(Peer& peer);
  void drop_partial(Peer& peer);
  void own_partial(PeerId peer);  // copies the rest of a partial frame out of its stream
  void link_remainder(PeerId peer);
  PeerId& newer_link(PeerId older);  // to the remainder behind it; kNoIndex: to the first
  uint64_t needs_from(const Subscription& s) const;
  void make_ready(PeerId id);
  void attach(SubscriptionId id, StreamId stream, uint64_t cursor, uint64_t hint);
  void detach(SubscriptionId id);
  void mark_behind(Subscription& s, Stream& stream);
  void clear_behind(Subscription& s);
  void block(PeerId id);
  void link_blocked(SubscriptionId id);
  void unlink_blocked(SubscriptionId id);
  bool has_pending(const Subscription& s) const;

  // It never falls: what was dropped may be older than a gap that its source told of.
  static void raise_base(Stream& stream, uint64_t offset) {
    stream.base_offset = std::max(stream.base_offset, offset);
  }

  // fanout_append.cc
  bool make_room_hot(Stream& stream, size_t bytes, bool is_large);
  bool make_room_cold(size_t bytes, bool is_large, Claim& claim);
  void drop_first(Stream& stream);
  void lap_blocked(Stream& stream, uint64_t sequence);
  void append_hot(Stream& s, const Message& m, uint32_t bytes, bool is_large, uint32_t skip_serial);
  void append_cold(StreamId id, Stream& s, const Message& m, uint32_t bytes, bool is_large,
                   uint32_t skip_serial);
  void make_hot_if_worth(StreamId id);
  bool make_hot(StreamId id);
  void make_cold(StreamId id);
  EntryView view(const Stream& stream, uint64_t sequence, uint64_t hint) const;
  uint64_t cold_position(const Stream& stream, uint64_t cursor, uint64_t hint) const;
  uint64_t first_position(const Stream& stream) const;  // 0: it keeps nothing, or is hot
  uint64_t hint_of(const Subscription& s) const {
    return s.hint == 0 ? 0 : arena_.position_of(s.hint);
  }

  // fanout_check.cc
  void check_entries(StreamId id) const;
  void check_subscribers(StreamId id) const;
  void check_cursor(const Stream& stream, const Subscription& s) const;
  void check_peer(PeerId id) const;

  // fanout_flush.cc
  void start_batch();
  bool batch_has_room() const;
  void run_batch(uint32_t now_tick);
  void flush_ready(uint32_t now_tick, uint32_t& budget);
  bool sweep(StreamId id, uint32_t now_tick, uint32_t& budget);
  void sweep_one(Stream& stream, SubscriptionId id);
  void offer_peer(PeerId id);
  void add_piece(const char* data, uint32_t bytes, uint32_t pieces_begin);
  void add_entries(PeerId id, uint32_t pieces_begin);
  bool read_run(Reading& reading, uint64_t order_end, uint32_t peer_serial, uint32_t pieces_begin);
  void settle(const Offer& offer, const PeerSend& send, uint32_t now_tick);
  uint32_t settle_own(Peer& peer, uint32_t left);
  void settle_steps(PeerId id, const Offer& offer, uint32_t left);
  void settle_part(PeerId id, const Step& step, uint32_t sent);
  void after_settle(PeerId id, bool is_all);
  void resume_lapped(PeerId id, SubscriptionId sid);
  void tell_sink();

  const Limits limits_;
  const size_t large_frame_bytes_;  // frames above this are blocks
  const uint64_t first_sequence_;
  base::MemoryAccount& account_;
  Sink& sink_;
  const Encoding* encodings_[kEncodingsMax] = {};
  EncodingId encoding_count_ = 0;

  base::Slab<Peer> peers_;
  base::Slab<Subscription> subscriptions_;
  base::Slab<Stream> streams_;
  Arena arena_;
  size_t arena_block_bytes_ = 0;
  uint64_t append_order_ = 0;
  uint32_t tenancies_ = 0;
  uint32_t generations_ = 0;
  uint32_t serials_ = 0;
  size_t rings_bytes_ = 0;

  base::RingQueue<PeerId> ready_;
  base::RingQueue<StreamId> dirty_;
  std::vector<StreamId> hot_streams_;
  PeerId remainder_oldest_ = kNoIndex;  // a list through Partial::older and newer
  PeerId remainder_newest_ = kNoIndex;

  // The batch under construction.
  std::vector<PeerSend> sends_;
  std::vector<Offer> offers_;
  std::vector<Step> steps_;
  std::vector<iovec> pieces_;
  std::vector<Reading> readings_;

  std::vector<std::pair<PeerId, SubscriptionId>> lapped_;
  std::vector<Failed> failed_;
  std::vector<PeerId> drained_;
  FanoutCounters counters_;
};

}  // namespace livehub::hub
