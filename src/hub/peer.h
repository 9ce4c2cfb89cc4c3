// A peer is one connection as the hub sees it: bytes of its own that wait, the rest of a frame that
// was sent in part, and its subscriptions (a cursor each, never a queue). shard-local.
//
// Order of what is sent to a peer: the rest of a partial frame, then its own bytes (control frames,
// response heads, replays), then entries of its streams in append order.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>

#include "base/slab.h"
#include "hub/block.h"
#include "hub/limits.h"

namespace livehub::hub {

using PeerId = uint32_t;
using SubscriptionId = uint32_t;
using StreamId = uint32_t;
using base::kNoIndex;

// Bytes that belong to one peer alone; freed once sent.
struct OwnChunk {
  OwnChunk* next = nullptr;
  const char* data = nullptr;  // behind this struct, or static
  uint32_t bytes = 0;
  uint32_t sent = 0;
};

// The rest of a frame that the kernel took in part. Its subscription's cursor already stands behind
// it.
struct Partial {
  enum class Where : uint8_t { kStream, kBlock, kOwned };
  Where where = Where::kStream;
  SubscriptionId subscription = kNoIndex;  // kStream: whose stream still holds the bytes
  uint64_t sequence = 0;                   // kStream: the entry
  const char* data = nullptr;              // what is left
  uint32_t left = 0;
  uint32_t owned_bytes = 0;  // kOwned: size of the copy
  Block* block = nullptr;    // kBlock: one reference
  char* owned = nullptr;     // kOwned
  // kBlock, kOwned: neighbours among the peers that hold memory for their partial frame, by age.
  PeerId older = kNoIndex;
  PeerId newer = kNoIndex;
};

// What waits for a peer alone. There as long as something does, so that the idle pay for a pointer.
struct Outgoing {
  OwnChunk* own_head = nullptr;
  OwnChunk* own_tail = nullptr;
  uint32_t own_bytes = 0;
  bool has_partial = false;
  Partial partial;
};

struct Peer {
  enum Flag : uint8_t {
    kOpen = 1,
    kBlocked = 2,      // its last send was short or EAGAIN; POLLOUT is awaited
    kReady = 4,        // in the ready queue
    kTellDrained = 8,  // Sink::on_drained() when its own bytes are sent
    kDead = 16,        // a send failed; nothing more is sent
  };
  SubscriptionId first_subscription = kNoIndex;
  uint32_t subscription_count = 0;
  uint32_t last_sent_tick = 0;  // whatever unit the caller of flush() counts in
  uint32_t serial = 0;          // tells the tenants of a slot apart, for entries that skip a peer
  std::unique_ptr<Outgoing> out;
  uint8_t flags = 0;

  OwnChunk* own_head() const { return out ? out->own_head : nullptr; }
  uint32_t own_bytes() const { return out ? out->own_bytes : 0; }
  Partial* partial() const { return out && out->has_partial ? &out->partial : nullptr; }
  Outgoing& outgoing() {
    if (!out) out = std::make_unique<Outgoing>();
    return *out;
  }
  void end_outgoing_if_empty() {
    if (out && !out->own_head && !out->has_partial) out.reset();
  }

  bool has(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag) { flags = static_cast<uint8_t>(flags | flag); }
  void clear(Flag flag) { flags = static_cast<uint8_t>(flags & ~flag); }
};
static_assert(base::Slab<Peer>::item_bytes() <= 32, "memory per connection is a feature");

struct Subscription {
  enum Flag : uint8_t {
    kAttached = 1,  // in its stream's list, cursor valid
    kInBlockedList = 2,
    kBehind = 4,      // unblocked with a cursor below what its stream's sweeps guarantee
    kLapped = 8,      // what stood at its cursor is gone
    kReplaying = 16,  // is being brought up to the local stream by its owner's history
    kWaiting = 32,    // for the channel to be joined
    kWatching = 64,   // holds its channel, and is sent nothing
  };
  uint64_t cursor = 0;  // the next entry's sequence number
  uint32_t hint = 0;    // cold streams: arena place of that entry, 0: unknown
  PeerId peer = kNoIndex;
  SubscriptionId next_of_peer = kNoIndex;
  StreamId stream = kNoIndex;
  uint32_t list_index = 0;  // in the stream's list
  SubscriptionId blocked_prev = kNoIndex;
  SubscriptionId blocked_next = kNoIndex;
  uint32_t channel = kNoIndex;  // local index
  uint32_t generation = 0;      // recognises late answers
  uint8_t flags = 0;
  SlowReader policy = SlowReader::kDisconnect;
  uint8_t encoding = 0;

  bool has(Flag flag) const { return (flags & flag) != 0; }
  void set(Flag flag) { flags = static_cast<uint8_t>(flags | flag); }
  void clear(Flag flag) { flags = static_cast<uint8_t>(flags & ~flag); }
};
static_assert(base::Slab<Subscription>::item_bytes() <= 48, "memory per subscription is a feature");

}  // namespace livehub::hub
