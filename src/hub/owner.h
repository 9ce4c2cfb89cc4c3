// The sequencer's side of the channels that this shard owns: numbers messages, remembers the last
// of them, and hands each to every shard that has subscribers. shard-local; pure (time is an
// argument).
//
// Invariants: 1. offsets only grow, over all channels of the shard, so a channel that was forgotten
// and comes back never reuses one; 2. a message is in the answer lane of every member before its
// publisher is told; 3. discarded >= the offset of every message of the channel that is not in its
// history.
//
// A *fed* channel (owner_feed.cc) has a broker behind it. Who joins it waits until the broker has
// confirmed that its messages come (or has no time to: Feed::wait_ns()); when the last member
// leaves, the feed is told, and what was remembered is dropped, since messages pass us by from then
// on. A feed may number its channels itself: then the channel's positions are the feed's
// (is_numbered), and what is older than our memory is fetched from it. 4. A numbered channel only
// grows: a message at or below its head was here already and is dropped. 5. Who comes with a
// position that this process has not read yet (another machine was faster) waits until it has, or
// is told a gap after Feed::wait_ns(): started at our head it would get messages twice.
// Tests: tests/unit/hub/owner_test.cc, owner_feed_test.cc.
#pragma once

#include <limits>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/memory_budget.h"
#include "base/ring_queue.h"
#include "base/short_list.h"
#include "hub/directory.h"
#include "hub/identity.h"
#include "hub/limits.h"
#include "hub/mail.h"

namespace livehub::hub {

struct OwnerCounters {
  uint64_t published = 0;
  uint64_t refused_busy = 0;
  uint64_t replays = 0;
  uint64_t replayed_messages = 0;
  uint64_t gaps = 0;
  uint64_t fed = 0;          // messages that came from a feed
  uint64_t fed_in_vain = 0;  // of channels that nobody wants any more
  uint64_t fed_again = 0;    // at or below the head: dropped
  uint64_t feed_gaps = 0;
  uint64_t feed_waits_over = 0;  // joins that went on without the broker
  uint64_t fetches = 0;
  uint64_t held_replays = 0;  // of positions that were not read here yet
};

class Owner {
 public:
  Owner(ShardId self, const Identity& identity, const Limits& limits, base::MemoryAccount& account,
        Post& post, Directory& directory)
      : self_(self),
        identity_(identity),
        limits_(limits),
        account_(account),
        post_(post),
        directory_(directory) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner();

  // False: a member's lane is full; the mail is untouched, to be offered again.
  bool on_publish(Mail& mail, int64_t now_ns);
  void on_join(const Mail& mail, int64_t now_ns);
  void on_leave(const Mail& mail);
  void on_replay(Mail& mail, int64_t now_ns);

  // From a feed. on_feed(): false as on_publish().
  bool on_feed(Mail& mail, int64_t now_ns);
  void on_feed_ready(const Mail& mail);
  void on_feed_refused(const Mail& mail);
  void on_feed_gap(const Mail& mail);
  void on_fetched(Mail& mail);
  // Joins and replays that have waited long enough for a broker go on without it.
  void release_late(int64_t now_ns);
  // When the next of them may have waited long enough; a very late time if none waits.
  int64_t next_release_ns() const {
    return asked_.empty() ? std::numeric_limits<int64_t>::max() : asked_.top().at_ns;
  }

  // Forgets messages older than limits().history_ns; bounded work per call.
  void expire(int64_t now_ns);

  uint32_t channels() const { return channels_.live() - reserved_channels_; }
  size_t history_bytes() const { return history_bytes_; }
  size_t history_messages() const { return history_messages_; }
  const OwnerCounters& counters() const { return counters_; }
  void check_invariants() const;

 private:
  struct Member {
    ShardId shard;
    uint32_t local_channel;
  };
  struct Held {  // a replay from beyond the head
    Mail request;
    int64_t release_ns;
  };
  // The feed's side of a channel.
  struct Fed {
    enum class State : uint8_t {
      kIdle,     // nobody here wants it
      kAsked,    // want() was called: joins wait
      kFlowing,  // confirmed
      kAway,     // refused, or no answer in time: joins are let through
    };
    Feed* feed = nullptr;
    State state = State::kIdle;
    bool is_numbered = false;
    Position head;                // is_numbered: of the newest message, or what was confirmed
    int64_t release_ns = 0;       // kAsked
    std::vector<Member> waiting;  // joins
    std::vector<Held> held;       // of the members' shards; none while kIdle
    uint64_t held_from = 0;       // no held one is of a position below this
  };
  struct Fetch {  // a window that the feed was asked for
    ShardId to;
    uint64_t token;
    std::string channel;
    Position after;
    Position until;
  };
  struct History {
    base::RingQueue<MessagePtr> messages;
    size_t bytes = 0;
  };
  struct Channel {
    base::ShortList<Member> members;
    std::unique_ptr<History> history;
    std::unique_ptr<Fed> fed;  // none: no broker behind it
    uint64_t discarded = 0;
    uint32_t expiry = 0;              // Expiry::serial of its place in that queue, 0: it has none
    uint32_t entry = base::kNoIndex;  // its name in the directory
  };
  static_assert(base::Slab<Channel>::item_bytes() <= 48, "memory per channel is a feature");
  struct Expiry {
    int64_t at_ns;
    uint32_t channel;
    uint32_t serial = 0;  // tells the tenants of a slot apart
    bool operator>(const Expiry& other) const { return at_ns > other.at_ns; }
  };

  uint32_t find(uint64_t hash, std::string_view name) const;
  uint32_t find_or_make(std::string_view name);
  std::string_view name_of(const Channel& channel) const { return directory_.name(channel.entry); }
  void expire_at(uint32_t id, int64_t at_ns);
  void forget_if_unused(uint32_t id);
  void remember(uint32_t id, const MessagePtr& message);
  bool has_history_room(Channel& channel, size_t bytes);
  void drop_oldest(Channel& channel);
  void answer_published(const Mail& request, PublishResult result, Position position);
  bool members_have_room(const Channel& channel) const;
  void hand_out(uint32_t id, const MessagePtr& message);
  void forget_history(Channel& channel);
  Position head_of(const Channel& channel) const;
  void answer_joined(uint32_t id, Member member);
  void add_history(const Channel& channel, uint64_t after, Cargo& cargo) const;
  void answer_replay(Mail& mail, uint32_t id);
  void send_window(ShardId to, uint64_t token, Position from, std::unique_ptr<Cargo> cargo);

  // owner_feed.cc
  uint32_t find_flowing(std::string_view channel, Fed::State least) const;
  void want(uint32_t id, int64_t now_ns);
  void release_joins(uint32_t id);
  void unwant_if_unused(uint32_t id);
  void raise_head(Channel& channel, Position position);
  void tell_gap(uint32_t id, Position head);
  bool hold_instead(Mail& request, uint32_t id, int64_t now_ns);
  void release_held(uint32_t id);
  void release_late_held(uint32_t id, int64_t now_ns);
  bool fetch_instead(const Mail& request, const Channel& channel);
  static void check_fed(const Channel& channel);

  const ShardId self_;
  const Identity& identity_;
  const Limits& limits_;
  base::MemoryAccount& account_;
  Post& post_;
  Directory& directory_;
  base::Slab<Channel> channels_;
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> expiries_;
  uint32_t expiry_serial_ = 0;
  uint32_t reserved_channels_ = 0;
  uint64_t last_offset_ = 0;
  uint64_t forgotten_offset_ = 0;  // highest offset ever discarded with a forgotten channel
  // Channels in which joins or replays wait for their broker, and some where they did.
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> asked_;
  std::unordered_map<uint64_t, Fetch> fetches_;
  uint64_t fetch_serial_ = 0;
  size_t history_bytes_ = 0;
  size_t history_messages_ = 0;
  OwnerCounters counters_;
};

}  // namespace livehub::hub
