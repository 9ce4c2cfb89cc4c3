// Pub/sub subscriptions over one link: SUBSCRIBE on the first wish, UNSUBSCRIBE after the last,
// both in batches, all of them again after a reconnect.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread. Invariants:
//   1. a channel is confirmed to the hub only when its last SUBSCRIBE was acknowledged and nothing
//      for it is under way;
//   2. after a reconnect every channel that had been confirmed is told of a gap, once, when it is
//      subscribed again; one that was refused is confirmed;
//   3. the canary is subscribed in a batch of its own: one that is refused costs nobody else his,
//      and is not asked for again on this connection;
//   4. a message of a channel that nobody wants, or that is not confirmed yet, is dropped.
// Tests: tests/unit/source/redis_pubsub_test.cc.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/redis_link.h"
#include "source/redis_outbox.h"

namespace livehub::source {

class RedisPubSub final : public RedisLink::User {
 public:
  using OnMessage = std::function<void(const std::string& channel, const std::string& key,
                                       std::string_view payload, int64_t now_ns)>;

  RedisPubSub(RedisLink& link, RedisOutbox& outbox, OnMessage on_message)
      : link_(link), outbox_(outbox), on_message_(std::move(on_message)) {}

  void want(const std::string& key, std::string_view channel);
  void unwant(const std::string& key);
  // Sends what has changed since the last time.
  void flush(int64_t now_ns);
  int64_t deadline_ns() const;

  void on_up(int64_t now_ns) override;
  void on_reply(RedisReply& reply, int64_t now_ns) override;
  void on_down() override;
  void on_probe(int64_t now_ns) override;

 private:
  struct Entry {
    std::string channel;
    bool is_wanted = false;
    bool is_asked = false;      // the last that was sent is SUBSCRIBE
    bool is_confirmed = false;  // the hub has been told, in this wish's life
    bool is_refused = false;    // the hub has been told that it waits in vain
    bool is_dirty = false;      // stands in dirty_
    bool has_gap = false;       // tell it with the next acknowledgement
    bool is_live = false;       // acknowledged on this connection
    uint32_t under_way = 0;     // commands about it that are not acknowledged yet
  };
  struct Batch {
    bool is_subscribe;
    std::vector<std::string> keys;
    size_t acknowledged = 0;
  };

  void mark(const std::string& key, Entry& entry);
  void send(bool is_subscribe, std::vector<std::string> keys);
  void on_acknowledged(bool is_subscribe, const std::string& key, int64_t now_ns);
  void on_error(const std::string& text, int64_t now_ns);
  bool is_canary(const std::string& key) const;

  RedisLink& link_;
  RedisOutbox& outbox_;
  const OnMessage on_message_;
  std::unordered_map<std::string, Entry> entries_;  // by Redis channel
  std::vector<std::string> dirty_;
  std::deque<Batch> batches_;        // sent, in order, with answers outstanding
  std::vector<std::string> denied_;  // to be tried again
  int64_t retry_ns_ = 0;             // when; 0: nothing is
};

}  // namespace livehub::source
