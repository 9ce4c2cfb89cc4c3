// What each peer must get, said without rings: a log per stream and a place in it per subscription.
// It is the fan-out's Sink too: it takes what its mood allows and holds every byte against the log.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <set>
#include <vector>

#include "frames.h"
#include "hub/fanout.h"

namespace livehub::hub::testing {

inline constexpr uint32_t kModelChannels = 4;
inline constexpr uint32_t kModelEncodings = 3;
inline constexpr PeerId kModelPeers = 24;

struct Logged {
  uint64_t number;
  uint64_t offset;
  uint64_t order;      // across all streams
  uint64_t skip_life;  // the connection that does not get it
};

struct ModelSubscription {
  SubscriptionId id;
  uint32_t channel;
  uint32_t encoding;
  SlowReader policy;
  size_t next;           // in the log
  bool is_over = false;  // lapped with kDisconnect: nothing more comes
  bool is_told = false;
  bool is_skipped = false;
};

struct ModelPeer {
  bool is_open = false;
  bool is_blocked = false;
  bool is_failed = false;
  bool is_stuck = false;  // never takes a whole send
  bool wants_drained = false;
  uint64_t life = 0;
  uint64_t own_pushed = 0;
  uint64_t own_received = 0;
  FrameParser parser;
  std::vector<ModelSubscription> subscriptions;
  // Whose frame may be in progress although its subscription is gone or has moved on.
  struct Ghost {
    uint32_t channel, encoding;
    size_t index;
  };
  std::vector<Ghost> ghosts;
};

class FanoutModel : public Sink {
 public:
  explicit FanoutModel(uint64_t seed) : random(seed) {}

  uint64_t below(uint64_t n) { return random() % n; }
  bool chance(uint64_t percent) { return below(100) < percent; }

  std::vector<Logged>& log(uint32_t channel, uint32_t encoding) { return logs_[channel][encoding]; }

  // --- what happens to a subscription ---

  void settle_skips(const ModelPeer& peer, ModelSubscription& s) {
    const auto& entries = log(s.channel, s.encoding);
    while (s.next < entries.size() && entries[s.next].skip_life == peer.life) ++s.next;
  }
  void leave_ghost(ModelPeer& peer, ModelSubscription& s) {
    settle_skips(peer, s);
    if (peer.parser.pending_bytes() > 0 && !s.is_over)
      peer.ghosts.push_back({s.channel, s.encoding, s.next});
  }
  ModelSubscription& find(PeerId peer, SubscriptionId id) {
    for (ModelSubscription& s : peers[peer].subscriptions)
      if (s.id == id) return s;
    fail("the fan-out names a subscription that its peer does not have");
  }
  void note_lapped(Fanout& fanout) {
    for (ModelPeer& peer : peers)
      for (ModelSubscription& s : peer.subscriptions) {
        if (!fanout.subscription(s.id).has(Subscription::kLapped)) continue;
        if (s.policy != SlowReader::kDisconnect || s.is_over) continue;
        require(peer.is_blocked, "only a blocked subscriber is lapped");
        leave_ghost(peer, s);
        s.is_over = true;
      }
  }

  // --- Sink ---

  void send_batch(std::span<PeerSend> sends) override {
    std::set<PeerId> named;
    for (PeerSend& send : sends) {
      require(named.insert(send.peer).second, "a batch names a peer at most once");
      ModelPeer& peer = peers[send.peer];
      require(peer.is_open && !peer.is_blocked && !peer.is_failed,
              "sent to a peer that cannot take it");
      uint32_t bytes = 0;
      for (uint32_t i = 0; i < send.piece_count; ++i)
        bytes += static_cast<uint32_t>(send.pieces[i].iov_len);
      require(bytes == send.bytes && bytes > 0, "a send counts its bytes");
      require(send.piece_count <= 64, "at most 64 pieces");
      choose(peer, send);
    }
    for (PeerSend& send : sends) receive(send);  // all the bytes at once, as a kernel might
  }
  void want_writable(PeerId peer) override {
    require(peers[peer].is_blocked, "only a blocked peer waits to be writable");
  }
  void on_drained(PeerId id) override {
    ModelPeer& peer = peers[id];
    require(peer.wants_drained, "on_drained() comes only when asked for");
    require(peer.own_received == peer.own_pushed && peer.parser.pending_bytes() == 0,
            "drained means that all own bytes are sent");
    peer.wants_drained = false;
  }
  void on_failed(PeerId peer, int error) override {
    require(peers[peer].is_failed && error == 32, "only a failed send fails a peer");
    failed.push_back(peer);
  }
  void on_lapped(PeerId peer, SubscriptionId id) override {
    ModelSubscription& s = find(peer, id);
    require(s.policy != SlowReader::kDisconnect || s.is_over, "told lapped, but is not");
    s.is_told = true;
    lapped.push_back({peer, id});
    // A callback may do anything: here, give somebody else more to send.
    const auto other = static_cast<PeerId>(below(kModelPeers));
    if (peers[other].is_open && chance(50)) push_notice(other);
  }
  void on_skipped(PeerId peer, SubscriptionId id, uint64_t offset) override {
    ModelSubscription& s = find(peer, id);
    require(s.policy != SlowReader::kDisconnect, "kDisconnect is not skipped");
    leave_ghost(peers[peer], s);
    const auto& entries = log(s.channel, s.encoding);
    require(!entries.empty() && offset == entries.back().offset, "skipped to the newest");
    s.next = entries.size();
    s.is_skipped = true;
    push_notice(peer);
  }

  std::mt19937_64 random;
  uint64_t block_percent = 20;
  uint64_t fail_percent = 0;
  std::array<ModelPeer, kModelPeers> peers;
  std::vector<PeerId> failed;
  std::vector<std::pair<PeerId, SubscriptionId>> lapped;
  std::function<void(PeerId)> push_notice;
  uint64_t frames_received = 0;

 private:
  void choose(ModelPeer& peer, PeerSend& send) {
    const bool is_slow = chance(peer.is_stuck ? 90 : block_percent);
    send.bytes_sent = 0;
    if (chance(fail_percent)) {
      send.outcome = PeerSend::Outcome::kFailed;
      send.error = 32;
      peer.is_failed = true;
    } else if (is_slow && chance(30)) {
      send.outcome = PeerSend::Outcome::kBlocked;
      peer.is_blocked = true;
    } else if (is_slow) {
      send.outcome = PeerSend::Outcome::kPart;
      send.bytes_sent = static_cast<uint32_t>(below(send.bytes));
      peer.is_blocked = true;
    } else {
      send.outcome = PeerSend::Outcome::kAll;
      send.bytes_sent = chance(50) ? send.bytes : 0;  // only the outcome counts
    }
  }

  void receive(const PeerSend& send) {
    ModelPeer& peer = peers[send.peer];
    if (peer.is_failed) return;
    size_t left = send.outcome == PeerSend::Outcome::kAll ? send.bytes : send.bytes_sent;
    std::string bytes;
    for (uint32_t i = 0; i < send.piece_count && left > 0; ++i) {
      const size_t taken = std::min(left, send.pieces[i].iov_len);
      bytes.append(static_cast<const char*>(send.pieces[i].iov_base), taken);
      left -= taken;
    }
    uint64_t last_order = 0;
    peer.parser.feed(bytes, [&](const FrameHead& head, bool began_here) {
      ++frames_received;
      if (head.kind == FrameKind::kOwn) {
        require(head.number == peer.life && head.offset == peer.own_received++,
                "own bytes in order");
        require(!began_here || last_order == 0, "own bytes stand before entries");
      } else {
        const uint64_t order = on_message(peer, head);
        require(!began_here || order > last_order, "entries stand in append order");
        if (began_here) last_order = order;
      }
      peer.ghosts.clear();
    });
  }

  uint64_t on_message(ModelPeer& peer, const FrameHead& head) {
    const auto& entries = log(head.channel, head.encoding);
    for (const ModelPeer::Ghost& g : peer.ghosts)
      if (g.channel == head.channel && g.encoding == head.encoding && g.index < entries.size() &&
          entries[g.index].number == head.number)
        return entries[g.index].order;
    for (ModelSubscription& s : peer.subscriptions) {
      if (s.channel != head.channel || s.encoding != head.encoding || s.is_over) continue;
      settle_skips(peer, s);
      require(s.next < entries.size() && entries[s.next].number == head.number,
              "a message is lost, doubled or out of order");
      require(entries[s.next].offset == head.offset, "a frame is its message's");
      return entries[s.next++].order;
    }
    fail("a message of a stream that the peer is not subscribed to");
  }

  std::vector<Logged> logs_[kModelChannels][kModelEncodings];
};

}  // namespace livehub::hub::testing
