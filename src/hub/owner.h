// The sequencer's side of the channels that this shard owns: numbers messages, remembers the last
// of them, and hands each to every shard that has subscribers. shard-local; pure (time is an
// argument).
//
// Invariants: 1. offsets only grow, over all channels of the shard, so a channel that was forgotten
// and comes back never reuses one; 2. a message is in the answer lane of every member before its
// publisher is told; 3. discarded >= the offset of every message of the channel that is not in its
// history. Tests: tests/unit/hub/owner_test.cc.
#pragma once

#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/name_table.h"
#include "base/ring_queue.h"
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
};

class Owner {
 public:
  Owner(ShardId self, const Identity& identity, const Limits& limits, base::MemoryAccount& account,
        Post& post)
      : self_(self), identity_(identity), limits_(limits), account_(account), post_(post) {}
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner();

  // False: a member's lane is full; the mail is untouched, to be offered again.
  bool on_publish(Mail& mail, int64_t now_ns);
  void on_join(const Mail& mail);
  void on_leave(const Mail& mail);
  void on_replay(Mail& mail);

  // Forgets messages older than limits().history_ns; bounded work per call.
  void expire(int64_t now_ns);

  uint32_t channels() const { return channels_.live(); }
  size_t history_bytes() const { return history_bytes_; }
  size_t history_messages() const { return history_messages_; }
  const OwnerCounters& counters() const { return counters_; }
  void check_invariants() const;

 private:
  struct Member {
    ShardId shard;
    uint32_t local_channel;
  };
  struct History {
    base::RingQueue<MessagePtr> messages;
    size_t bytes = 0;
  };
  struct Channel {
    std::string name;
    uint32_t hash = 0;
    std::vector<Member> members;
    std::unique_ptr<History> history;
    uint64_t discarded = 0;
    int64_t expiry_ns = 0;  // when it stands in the expiry queue, 0: it does not
  };
  struct Expiry {
    int64_t at_ns;
    uint32_t channel;
    bool operator>(const Expiry& other) const { return at_ns > other.at_ns; }
  };

  uint32_t find(uint64_t hash, std::string_view name) const;
  uint32_t find_or_make(std::string_view name);
  void forget_if_unused(uint32_t id);
  void remember(uint32_t id, const MessagePtr& message);
  void drop_oldest(Channel& channel);
  void answer_published(const Mail& request, PublishResult result, Position position);

  const ShardId self_;
  const Identity& identity_;
  const Limits& limits_;
  base::MemoryAccount& account_;
  Post& post_;
  base::Slab<Channel> channels_;
  base::NameTable names_;
  std::priority_queue<Expiry, std::vector<Expiry>, std::greater<>> expiries_;
  uint64_t last_offset_ = 0;
  uint64_t forgotten_offset_ = 0;  // highest offset ever discarded with a forgotten channel
  size_t history_bytes_ = 0;
  size_t history_messages_ = 0;
  OwnerCounters counters_;
};

}  // namespace livehub::hub
