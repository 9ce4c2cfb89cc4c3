// One shard's side of the canaries: it sends one each few seconds by its neighbour, and subscribes
// to its own and to those of all sources, as a peer of the hub without a socket. So a canary goes
// the way of every message: request lane, sequencer, answer lane, encoding, stream, cursor, flush;
// what would be given to the kernel is read here instead. Not covered: the kernel and the network
// behind it.
//
// Owner: Front. shard-local. Its numbered invariants:
//   1. while is_awaited() is false, no batch of the fan-out holds its peer;
//   2. what it takes is counted in hidden(), so that figures about clients leave it out.
// Without Canaries (the admin listener, the simulator's choice) it does nothing.
// Tests: tests/unit/server/canary_test.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hub/hub.h"
#include "session/canary.h"

namespace livehub::session {

// Of the sources' channels, by index; a source knows its own as kCanaryChannel.
[[nodiscard]] std::string canary_channel_of_source(uint32_t source);

// The answer to a canary's publish is nobody's.
inline constexpr uint64_t kCanaryToken = ~uint64_t{0};

class ShardCanary {
 public:
  // `peer`: a number that no socket has.
  ShardCanary(uint32_t shard, Canaries* canaries, hub::Hub& hub, hub::PeerId peer);

  bool is(hub::PeerId peer) const { return peer == peer_ && is_open_; }
  bool is_open() const { return is_open_; }
  // Once a second.
  void tick(int64_t now_ns);

  // A message of a reserved channel is about to be appended: from here on batches are looked at.
  void expect() { is_awaited_ = is_open_; }
  bool is_awaited() const { return is_awaited_; }
  void take(hub::PeerSend& send);
  // After a flush.
  void settle();

  // What a shard's figures have of us.
  struct Hidden {
    uint64_t live_messages = 0;
    uint64_t deliveries = 0;
    uint64_t sends = 0;
    uint64_t bytes = 0;
    uint32_t subscriptions = 0;
    uint32_t streams = 0;
  };
  Hidden hidden() const;

 private:
  void open();
  void read(std::string_view frames);
  void note(std::string_view payload);

  const uint32_t shard_;
  Canaries* const canaries_;
  hub::Hub& hub_;
  const hub::PeerId peer_;
  std::string own_channel_;
  std::string bytes_;  // of one send; reused
  bool is_open_ = false;
  bool is_awaited_ = false;
  int64_t sent_ns_ = 0;
  Hidden taken_;
};

}  // namespace livehub::session
