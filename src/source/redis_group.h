// A consumer group of this machine's own, kept at the newest entries: nothing is delivered by it,
// but whoever watches the lag of groups sees this reader too.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread.
// Tests: tests/unit/source/redis_streams_test.cc.
#pragma once

#include <map>
#include <string>

#include "source/redis_commands.h"

namespace livehub::source {

class RedisGroup {
 public:
  // The machine's name (FLY_MACHINE_ID, else the host's) is added to `group`.
  RedisGroup(RedisCommands& commands, const std::string& group, std::string consumer);

  // Whether somebody listens here or not: its lag is nobody's alarm.
  void keep(const std::string& key) { streams_[key].is_kept = true; }
  void touch(const std::string& key) { streams_[key].is_behind = true; }
  void forget(const std::string& key) {
    if (const auto found = streams_.find(key); found != streams_.end() && !found->second.is_kept)
      streams_.erase(found);
  }
  void on_time(int64_t now_ns);
  int64_t deadline_ns() const;

 private:
  struct Stream {
    bool is_kept = false;
    bool is_behind = false;
    bool exists = false;   // the group
    bool is_busy = false;  // a command about it is under way
  };

  void create(const std::string& key, int64_t now_ns);
  void advance(const std::string& key, int64_t now_ns);
  void on_entries(const std::string& key, const RedisReply& reply, int64_t now_ns);

  RedisCommands& commands_;
  const std::string group_;
  const std::string consumer_;
  std::map<std::string, Stream> streams_;
  int64_t next_ns_ = 0;
};

}  // namespace livehub::source
