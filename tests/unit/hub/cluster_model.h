// Several hubs in one thread: lanes of tiny capacity between them, sinks that parse, and what every
// client knows of what it should have got.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "frames.h"
#include "hub/hub.h"

namespace livehub::hub::testing {

// The two lanes of every ordered pair of shards.
struct Lanes {
  explicit Lanes(ShardId count) : requests(count * count), answers(count * count) {}
  std::deque<Mail>& lane(bool is_request, ShardId from, ShardId to, ShardId count) {
    return (is_request ? requests : answers)[size_t{from} * count + to];
  }
  bool are_empty() const {
    const auto is_empty = [](const std::deque<Mail>& lane) { return lane.empty(); };
    return std::all_of(requests.begin(), requests.end(), is_empty) &&
           std::all_of(answers.begin(), answers.end(), is_empty);
  }
  size_t capacity = 2;  // for lives and publishes; everything else spills behind them
  std::vector<std::deque<Mail>> requests, answers;
};

class LanePost : public Post {
 public:
  LanePost(Lanes& lanes, ShardId self, ShardId count) : lanes_(lanes), self_(self), count_(count) {}
  bool has_room(ShardId to, bool request_lane) const override {
    return lanes_.lane(request_lane, self_, to, count_).size() < lanes_.capacity;
  }
  void send_request(ShardId to, Mail&& mail) override { send(true, to, std::move(mail)); }
  void send_answer(ShardId to, Mail&& mail) override { send(false, to, std::move(mail)); }

 private:
  void send(bool is_request, ShardId to, Mail&& mail) {
    const bool is_bounded = mail.kind == MailKind::kPublish || mail.kind == MailKind::kLive;
    require(!is_bounded || has_room(to, is_request), "sent without room");
    lanes_.lane(is_request, self_, to, count_).push_back(std::move(mail));
  }
  Lanes& lanes_;
  const ShardId self_;
  const ShardId count_;
};

struct Published {
  uint32_t channel;
  uint64_t skip;     // peer_name() or kNobody
  uint64_t sent_at;  // event count
  bool is_answered = false;
  uint64_t offset = 0;  // 0: refused
};

// One subscription as its client sees it.
struct Listener {
  PeerId peer;
  SubscriptionId id;
  uint32_t channel;
  EncodingId encoding;
  SlowReader policy;
  std::optional<Position> resume;
  bool is_subscribed = false;
  bool is_lapped = false;      // kDisconnect: nothing more is appended for it
  bool may_still_get = false;  // but a frame in progress or a replay may be on its way
  uint64_t subscribed_at = 0;
  uint64_t start = 0;
  uint64_t last = 0;  // newest offset received, or the start
  std::vector<uint64_t> received;
  std::vector<std::pair<uint64_t, uint64_t>> holes;  // (after, up to and with]: told as gone
};

struct Client {
  bool is_open = false, is_blocked = false, is_failed = false, is_stuck = false;
  uint32_t generation = 0;
  FrameParser parser;
  std::vector<Listener> listeners;
  // Whose last frame or replay may still be on its way.
  std::vector<std::pair<uint32_t, EncodingId>> left;
};

// What all shards' clients agree on.
struct World {
  uint64_t epoch = 0;
  uint64_t events = 0;
  std::map<uint64_t, Published> published;          // by number
  std::vector<std::map<uint64_t, uint64_t>> order;  // per channel: offset to number
  std::mt19937_64 random;
  uint64_t block_percent = 20;
  bool gaps_are_wrong = false;  // nothing is ever discarded: nobody may be told a gap
  uint64_t frames = 0, gaps = 0, skips = 0, laps = 0, busy = 0;
  uint64_t below(uint64_t n) { return random() % n; }
  bool chance(uint64_t percent) { return below(100) < percent; }

  void learn(uint32_t channel, uint64_t offset, uint64_t number) {
    const auto [entry, is_new] = order[channel].emplace(offset, number);
    require(is_new || entry->second == number, "one position, two messages");
  }
};

inline constexpr PeerId kClusterPeers = 8;

class ShardClients : public HubEvents {
 public:
  ShardClients(World& world, ShardId self) : world_(world), self_(self) {}

  // `sid` is being made while on_subscribed() may already come for it.
  Listener* find(PeerId peer, SubscriptionId id) {
    for (Listener& l : clients[peer].listeners)
      if (l.id == id) return &l;
    return nullptr;
  }

  void on_subscribed(PeerId peer, SubscriptionId id, Position start, bool gap) override {
    Listener* l = find(peer, id);
    if (!l) l = &clients[peer].listeners.emplace_back(pending), l->id = id;
    require(!l->is_subscribed, "subscribed once");
    require(start.epoch == world_.epoch, "a start is ours");
    l->is_subscribed = true;
    l->subscribed_at = ++world_.events;
    l->start = l->last = start.offset;
    if (!l->resume) return require(!gap, "who did not resume has no gap");
    if (l->resume->epoch != world_.epoch) return require(gap, "another epoch is a gap");
    if (gap) {
      ++world_.gaps;
      require(!world_.gaps_are_wrong, "a gap where nothing is gone");
      require(start.offset > l->resume->offset, "a gap goes forward");
    } else {
      require(start.offset <= l->resume->offset, "a resume goes on where the client is");
      if (start.offset < l->resume->offset)
        require(l->resume->offset >= kGarbageOffset, "not beyond the head");
    }
  }
  void on_replay_gap(PeerId peer, SubscriptionId id, Position start) override {
    Listener& l = known(peer, id);
    require(l.is_subscribed && !world_.gaps_are_wrong, "a replay's gap comes in a replay");
    l.holes.emplace_back(l.last, start.offset);
    ++world_.gaps;
  }
  void on_published(uint64_t token, PublishResult result, Position position) override {
    Published& p = world_.published.at(token);
    require(!p.is_answered, "answered once");
    p.is_answered = true;
    if (result != PublishResult::kAccepted) {
      ++world_.busy;
      return;
    }
    p.offset = position.offset;
    world_.learn(p.channel, position.offset, token);
  }
  uint32_t peer_generation(PeerId peer) const override { return clients[peer].generation; }

  void send_batch(std::span<PeerSend> sends) override {
    for (PeerSend& send : sends) {
      Client& c = clients[send.peer];
      require(c.is_open && !c.is_blocked && !c.is_failed, "sent to a peer that cannot take it");
      size_t takes = send.bytes;
      send.outcome = PeerSend::Outcome::kAll;
      if (world_.chance(c.is_stuck ? 95 : world_.block_percent)) {
        takes = world_.chance(40) ? 0 : world_.below(send.bytes);
        send.bytes_sent = static_cast<uint32_t>(takes);
        send.outcome = takes > 0 ? PeerSend::Outcome::kPart : PeerSend::Outcome::kBlocked;
        c.is_blocked = true;
      }
      std::string bytes;
      for (uint32_t i = 0; i < send.piece_count && bytes.size() < takes; ++i)
        bytes.append(static_cast<const char*>(send.pieces[i].iov_base),
                     std::min(takes - bytes.size(), send.pieces[i].iov_len));
      c.parser.feed(bytes, [&](const FrameHead& head, bool) { on_frame(c, head, send.peer); });
    }
  }
  void want_writable(PeerId) override {}
  void on_drained(PeerId) override {}
  void on_failed(PeerId, int) override { fail("no send fails here"); }
  void on_lapped(PeerId peer, SubscriptionId id) override {
    Listener& l = known(peer, id);
    ++world_.laps;
    if (l.policy != SlowReader::kDisconnect) return;
    l.is_lapped = true;
    l.may_still_get = !hub->fanout().is_idle(peer);
    to_close.insert(peer);
  }
  void on_skipped(PeerId peer, SubscriptionId id, uint64_t offset) override {
    Listener& l = known(peer, id);
    require(l.policy != SlowReader::kDisconnect, "kDisconnect is not skipped");
    l.holes.emplace_back(l.last, offset);
    ++world_.skips;
  }

  // Fails if the listener misses something and was not told.
  void require_complete(const Listener& l, const TestEncoding& encoding) const {
    const uint64_t name = peer_name(self_, clients[l.peer].generation, l.peer);
    uint64_t newest = 0;
    std::set<uint64_t> received(l.received.begin(), l.received.end());
    for (const auto& [offset, number] : world_.order[l.channel]) {
      const Published& p = world_.published.at(number);
      if (p.sent_at > l.subscribed_at)
        require(offset > l.start, "published later, numbered before the start");
      if (offset <= l.start || p.skip == name || encoding.leaves_out(number)) continue;
      newest = offset;
      if (received.contains(offset)) continue;
      const bool is_told = std::any_of(l.holes.begin(), l.holes.end(), [&](const auto& hole) {
        return offset > hole.first && offset <= hole.second;
      });
      require(is_told || l.policy == SlowReader::kNewest,
              "a message is missed and nobody was told");
      if (is_told) newest = 0;
    }
    if (l.policy == SlowReader::kNewest)
      require(newest == 0 || received.contains(newest), "the newest is missed and nobody was told");
  }

  static constexpr uint64_t kGarbageOffset = uint64_t{1} << 40;
  Client clients[kClusterPeers];
  Listener pending{};  // what subscribe() is being called for
  const Hub* hub = nullptr;
  std::set<PeerId> to_close;

 private:
  Listener& known(PeerId peer, SubscriptionId id) {
    Listener* l = find(peer, id);
    require(l != nullptr, "an event of a subscription that is gone");
    return *l;
  }

  void on_frame(Client& c, const FrameHead& head, PeerId peer) {
    ++world_.frames;
    const auto p = world_.published.find(head.number);
    require(p != world_.published.end() && p->second.channel == head.channel,
            "nobody published this");
    require(p->second.skip != peer_name(self_, c.generation, peer), "a message to who is skipped");
    world_.learn(head.channel, head.offset, head.number);
    for (const auto& [channel, encoding] : c.left)
      if (channel == head.channel && encoding == head.encoding) return;
    for (Listener& l : c.listeners) {
      if (l.channel != head.channel || l.encoding != head.encoding || !l.is_subscribed) continue;
      require(!l.is_lapped || l.may_still_get, "a message after the lap");
      require(head.offset > l.last, "doubled or out of order");
      l.last = head.offset;
      l.received.push_back(head.offset);
      return;
    }
    fail("a message of a channel that the client does not listen to");
  }

  World& world_;
  const ShardId self_;
};

}  // namespace livehub::hub::testing
