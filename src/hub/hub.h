// The hub of one shard: channels joined for local subscribers, channels owned for everybody, and
// the fan-out. The rooms above talk to this; shards talk to each other through Post and
// on_request()/on_answer(). shard-local; pure: time and randomness are arguments, sockets are a
// Sink.
//
// Joining (invariants of DESIGN: once, in order, nothing between): a channel's owner answers a join
// through the lane that carries its live messages, with its head. When the answer is processed,
// everything up to the head has been appended here and nothing after it, so a cursor set there
// misses and doubles nothing. A channel that is joined already needs no question: any point of the
// lane is as good a place to begin. A resuming subscriber is attached inside the local stream if
// the stream still has what follows; otherwise it is fed from the owner's history, one window in
// flight per peer, until a window says `complete` — and then the same argument holds for its head.
//
// Tests: tests/unit/hub/hub_test.cc, cluster_test.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/directory.h"
#include "hub/fanout.h"
#include "hub/owner.h"

namespace livehub::hub {

// What the hub tells the room above.
class HubEvents : public Sink {
 public:
  // The subscription is live from `start` on; called before any of its messages, so own bytes
  // pushed here (a response head, a greeting) come first; it may not unsubscribe or close. `gap`:
  // something after the asked position is gone.
  virtual void on_subscribed(PeerId peer, SubscriptionId subscription, Position start,
                             bool gap) = 0;
  // A gap that shows while replaying: the history moved on faster than the client reads.
  virtual void on_replay_gap(PeerId peer, SubscriptionId subscription, Position start) = 0;
  // The channel's source was away: messages may be missing before what comes now. It may subscribe,
  // not unsubscribe or close.
  virtual void on_source_gap(PeerId, SubscriptionId, Position /*start*/) {}
  // watch(): nothing after `start` is lost while it lasts.
  virtual void on_watching(PeerId, SubscriptionId, Position /*start*/) {}
  virtual void on_published(uint64_t token, PublishResult result, Position position) = 0;
  // The generation of the connection that holds a peer slot now (Message::skip).
  virtual uint32_t peer_generation(PeerId peer) const = 0;
};

struct HubCounters {
  uint64_t joins = 0;
  uint64_t leaves = 0;
  uint64_t local_resumes = 0;
  uint64_t replay_windows = 0;
  uint64_t resume_gaps = 0;
  uint64_t live_messages = 0;
  uint64_t source_gaps = 0;
};

// Of a subscription that only holds its channel: it is never sent anything.
inline constexpr EncodingId kNoEncoding = 0xff;

class Hub : private Sink {
 public:
  Hub(ShardId self, const Identity& identity, const Limits& limits, base::MemoryAccount& account,
      Post& post, HubEvents& events);

  Fanout& fanout() { return fanout_; }
  const Fanout& fanout() const { return fanout_; }
  const Owner& owner() const { return owner_; }

  // Answered by on_subscribed(). `resume`: the last position the client has; one beyond the head
  // starts at now, one of another process at what is kept, with a gap.
  SubscriptionId subscribe(PeerId peer, std::string_view channel, EncodingId encoding,
                           SlowReader policy, std::optional<Position> resume);
  // Keeps a channel joined, without a cursor in it: answered by on_watching().
  SubscriptionId watch(PeerId peer, std::string_view channel) {
    return subscribe(peer, channel, kNoEncoding, SlowReader::kSkip, {});
  }
  void unsubscribe(SubscriptionId id);
  // All of a peer's subscriptions, then the peer itself.
  void close_peer(PeerId peer);

  // Hands a message to its channel's owner; answered by on_published(). False: the owner's lane is
  // full, try again in a later turn (the message is untouched).
  bool publish(MessagePtr& message, uint64_t token);

  // Mail from other shards and from this one. False: not now (the mail is untouched); the lane
  // waits.
  bool on_request(Mail& mail, int64_t now_ns);
  bool on_answer(Mail& mail);

  bool flush(uint32_t now_tick) { return fanout_.flush(now_tick); }
  // About once a second: history ages, hot streams cool.
  void tick(int64_t now_ns);
  // Joins and replays of fed channels wait for their broker for so long at most.
  void release_late(int64_t now_ns) { owner_.release_late(now_ns); }
  int64_t next_release_ns() const { return owner_.next_release_ns(); }

  uint32_t channels() const { return channels_.live() - reserved_channels_; }
  std::string_view channel_name(uint32_t channel) const { return name_of(channels_[channel]); }
  uint64_t channel_epoch(uint32_t channel) const { return epoch_of(channels_[channel]); }
  // For looks from outside, by local index.
  uint32_t find_channel(std::string_view name) const;  // kNoIndex: nobody here has to do with it
  uint32_t channels_end() const { return channels_.index_end(); }
  bool has_channel(uint32_t channel) const { return channels_.contains(channel); }
  uint32_t subscribers_of(uint32_t channel) const { return channels_[channel].subscription_count; }
  ShardId owner_of(uint32_t channel) const {
    return identity_.owner_of(hash_of(channels_[channel]));
  }
  const HubCounters& counters() const { return counters_; }
  const Identity& identity() const { return identity_; }
  void check_invariants() const;

 private:
  enum class State : uint8_t { kJoining, kJoined, kLeft };
  struct Waiting {
    SubscriptionId subscription;
    uint32_t generation;
    std::optional<Position> resume;
  };
  struct Extra {         // what few channels have
    uint64_t epoch = 0;  // whose positions its messages have; 0: this process's
    std::vector<SubscriptionId> watchers;
    std::vector<Waiting> waiting;
  };
  struct Channel {
    uint64_t last_offset = 0;          // everything up to here has been appended
    std::unique_ptr<Extra> extra;      // none: all of it is empty
    uint32_t entry = kNoIndex;         // its name in the directory
    StreamId first_stream = kNoIndex;  // a list through Stream::next_of_channel
    uint32_t subscription_count = 0;
    uint32_t answers_awaited : 30 = 0;  // kJoined and kLeft that are still to come
    uint32_t state_bits : 2 = static_cast<uint32_t>(State::kLeft);

    State state() const { return static_cast<State>(state_bits); }
    void set(State state) { state_bits = static_cast<uint32_t>(state) & 3; }
  };
  static_assert(base::Slab<Channel>::item_bytes() <= 32, "memory per channel is a feature");
  struct Replay {
    SubscriptionId subscription;
    uint32_t generation;
    Position after;
    bool is_asked = false;     // a window is in flight: at most one of a peer's
    bool has_started = false;  // on_subscribed() was called
  };

  // Sink, from the fan-out.
  void send_batch(std::span<PeerSend> sends) override { events_.send_batch(sends); }
  void want_writable(PeerId peer) override { events_.want_writable(peer); }
  void on_failed(PeerId peer, int error) override { events_.on_failed(peer, error); }
  void on_lapped(PeerId peer, SubscriptionId id) override { events_.on_lapped(peer, id); }
  void on_skipped(PeerId peer, SubscriptionId id, uint64_t offset) override {
    events_.on_skipped(peer, id, offset);
  }
  void on_drained(PeerId peer) override;

  uint32_t find_or_make_channel(std::string_view name);
  std::string_view name_of(const Channel& channel) const { return directory_.name(channel.entry); }
  uint64_t hash_of(const Channel& channel) const { return identity_.hash(name_of(channel)); }
  Extra& extra_of(Channel& channel);
  void drop_extra_if_empty(Channel& channel);
  uint64_t epoch_of(const Channel& channel) const;
  void set_head(Channel& channel, Position head);
  StreamId next_of(StreamId stream) const { return fanout_.stream(stream).next_of_channel; }
  void send_to_owner(const Channel& channel, Mail mail);
  void join(uint32_t id);
  void leave_if_unused(uint32_t id);
  void release_if_done(uint32_t id);
  StreamId stream_for(uint32_t channel, EncodingId encoding);
  void begin(SubscriptionId id, std::optional<Position> resume);
  void attach_now(SubscriptionId id);
  void ask_next_window(PeerId peer);
  void ask_window(Replay& replay);
  bool on_live(Mail& mail);
  void on_joined(const Mail& mail);
  void on_left(const Mail& mail);
  bool on_gap(const Mail& mail);
  void on_window(Mail& mail);
  void push_replayed(const Subscription& s, const Cargo& cargo);
  size_t check_channel(uint32_t id) const;
  void check_peer(PeerId id, std::vector<uint32_t>& subscriptions_of) const;

  const ShardId self_;
  const Identity& identity_;
  const Limits limits_;
  Post& post_;
  HubEvents& events_;
  Fanout fanout_;
  Directory directory_;
  Owner owner_;
  base::Slab<Channel> channels_;
  uint32_t reserved_channels_ = 0;  // hub/reserved.h
  std::unordered_map<PeerId, std::vector<Replay>> replays_;
  HubCounters counters_;
};

}  // namespace livehub::hub
