// Commands and their answers over one link: each callback is called once, in the order of the
// replies, with an error of our own if there is none in time or the link is away.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread. Limits: the source bounds
// how many wait. Tests: tests/unit/source/redis_source_test.cc.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "source/redis_link.h"

namespace livehub::source {

class RedisCommands final : public RedisLink::User {
 public:
  // `on_change` is told when the link has come up (true) or was lost.
  RedisCommands(RedisLink& link, uint32_t command_ms, std::function<void(bool)> on_change)
      : link_(link), command_ms_(command_ms), on_change_(std::move(on_change)) {}

  void send(const std::vector<std::string>& arguments, RedisCallback done, int64_t now_ns);
  bool is_up() const { return link_.is_up(); }
  double ping_ms() const { return ping_ms_.load(std::memory_order_relaxed); }
  int64_t deadline_ns() const;
  void on_time(int64_t now_ns);
  void fail_all(const std::string& problem);

  void on_up(int64_t now_ns) override;
  void on_reply(RedisReply& reply, int64_t now_ns) override;
  void on_down() override;
  void on_probe(int64_t now_ns) override;

 private:
  struct Pending {
    RedisCallback done;  // empty: it was told that time is up
    int64_t deadline_ns = 0;
    int64_t ping_ns = 0;  // of our own probe: when it was sent
  };

  RedisLink& link_;
  const uint32_t command_ms_;
  const std::function<void(bool)> on_change_;
  std::deque<Pending> pending_;      // in the order in which they were sent
  size_t expired_ = 0;               // of them, from the front
  std::atomic<double> ping_ms_{-1};  // read by any thread: a plain figure
};

[[nodiscard]] RedisReply redis_local_error(std::string sentence);

}  // namespace livehub::source
