// A broker that keeps nothing beside the simulated server, as the server's source has it: core NATS
// (source/nats.h) or NOTIFY (source/postgres.h). Channels are subscribed by their names, and what a
// profile listens to at NATS besides. What comes while the link is down is lost, and every channel
// is told so once it is subscribed anew. Its faults: it is away, it wedges (the link is open and
// nothing comes) for as long as until a probe notices, it cuts the link in the middle, it sends
// garbage. What backends publish comes in order, later. One thread: what shards ask of it is only
// noted, and it answers when it is its turn.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client.h"
#include "livehub/source.h"
#include "outsider.h"
#include "source/nats_subscriber.h"

namespace livehub::sim {

struct PubSubCounts {
  uint64_t published = 0, lost = 0, cuts = 0, stalls = 0, garbage = 0, gaps = 0, refusals = 0,
           news = 0;
};

class FakePubSub final : public Source, public source::NatsSubscriber, public Outsider {
 public:
  struct World {
    std::function<bool(std::string_view channel)> feeds;
    std::function<bool(std::string_view channel)> has_room;  // in the hub, without waiting
    // The event and its data on one line; nothing: it is dropped.
    std::function<bool(std::string_view subject, std::string_view payload, std::string& event,
                       std::string& data)>
        decode;
    std::function<std::vector<std::string>()> keys;  // of the bucket
  };
  FakePubSub(Scene& scene, PubSubCounts& counts, World world)
      : scene_(scene), counts_(counts), world_(std::move(world)) {}

  // --- whoever publishes ---
  void publish(const std::string& subject, std::string payload);
  void change_keys();

  // --- the server ---
  std::string start(Inlet& inlet) override;
  void stop() override;
  bool feeds(std::string_view channel) const override { return world_.feeds(channel); }
  void want(std::string_view channel) override { ask(Asked::kWant, std::string(channel)); }
  void unwant(std::string_view channel) override { ask(Asked::kUnwant, std::string(channel)); }
  uint64_t listen(source::NatsListen listen) override;
  uint64_t listen(source::NatsBucket bucket) override;
  void unlisten(uint64_t id) override { ask(Asked::kUnlisten, {}, id); }
  bool is_up() const override { return is_linked_; }

  // --- the world ---
  bool is_active() const override;
  bool act() override;
  int64_t due_ns() const override;
  void check() const override {}
  void act_freely();
  void calm_down();

 private:
  struct Asked {
    enum Kind : uint8_t { kWant, kUnwant, kListen, kUnlisten } kind;
    std::string channel;
    uint64_t id;
  };
  struct Channel {
    bool is_confirmed = false;  // once, since it was wanted
    bool is_subscribed = false;
    int64_t answer_at_ns = Client::kNeverNs;  // when the round trip behind it is over
  };
  struct Listener {
    source::NatsListen listen;  // of a subject, or
    source::NatsBucket bucket;  // of a bucket
    bool is_on = false;         // it has been asked for
    int64_t due_ns = Client::kNeverNs;
    bool is_bucket() const { return !bucket.name.empty(); }
  };
  // What comes over the link: a message, or (without a payload) that a subscription stands.
  struct Coming {
    std::string subject;
    std::optional<std::string> payload;
  };

  // Decoding once: it may know what it has seen before.
  struct Decoded {
    std::string channel, event, data;
  };

  void ask(Asked::Kind kind, std::string channel, uint64_t id = 0);
  bool is_stalled() const { return scene_.kernel.now_ns() < stalled_until_ns_; }
  bool may_link() const { return scene_.kernel.now_ns() >= retry_at_ns_; }
  bool can_take() const;
  void link();
  void cut();
  void announce(Listener& listener);
  void subscribe(const std::string& name, Channel& channel);
  void answer_asked();
  bool answer_round_trip();
  bool call_listener();
  void take();
  void take_answer(const std::string& name);
  void offer(Decoded decoded);

  Scene& scene_;
  PubSubCounts& counts_;
  const World world_;
  Inlet* inlet_ = nullptr;
  std::deque<Asked> asked_;
  std::deque<Coming> coming_;
  std::optional<Decoded> held_;  // the hub had no room for it
  std::map<std::string, Channel> channels_;
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_id_ = 0;
  bool is_linked_ = false;
  bool dies_of_stall_ = false;
  int64_t retry_at_ns_ = 0;
  int64_t stalled_until_ns_ = 0;
};

}  // namespace livehub::sim
