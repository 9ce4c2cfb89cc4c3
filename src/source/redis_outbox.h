// The way into the hub that keeps order when the hub is full: what it does not take waits here, and
// so does everything after it.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread. Limits: whoever fills it
// stops reading while it is_blocked(), so it holds what one read brought.
// Tests: tests/unit/source/redis_source_test.cc.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "livehub/source.h"

namespace livehub::source {

class RedisOutbox {
 public:
  explicit RedisOutbox(Inlet& inlet) : inlet_(inlet) {}

  void publish(std::string_view channel, std::string payload, std::string event,
               std::optional<SourcePosition> position);
  void confirm(std::string_view channel, std::optional<SourcePosition> head = {});
  void refuse(std::string_view channel);
  void tell_gap(std::string_view channel, std::optional<SourcePosition> head = {});
  void refuse_canary(std::string_view why) { inlet_.refuse_canary(why); }
  void deliver(uint64_t token, Backlog backlog) { inlet_.deliver(token, std::move(backlog)); }

  bool is_blocked() const { return !waiting_.empty(); }
  void flush();  // offers again what waits

 private:
  enum class Kind : uint8_t { kPublish, kConfirm, kRefuse, kGap };
  struct Item {
    Kind kind;
    std::string channel;
    std::string payload = {};
    std::string event = {};
    std::optional<SourcePosition> position = {};
  };
  void offer(Item item);
  bool hand_over(const Item& item);

  Inlet& inlet_;
  std::deque<Item> waiting_;
};

}  // namespace livehub::source
