// Entries of a stream for one who comes back with a position: a window of them, from the stream
// itself. One object lives as long as its answers are outstanding.
//
// Thread rule: one thread, the Redis thread. Tests: tests/unit/source/redis_streams_test.cc.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "source/redis_commands.h"
#include "source/redis_streams.h"

namespace livehub::source {

struct RedisFetch {
  std::string channel;
  std::string key;
  SourcePosition after;
  SourcePosition until;
  size_t bytes_max = 0;
  // Called once; a gap if the stream does not go back to `after`, or could not be read.
  std::function<void(Backlog)> done;
};

// The command whose answer says whether all that came after an entry is still there: the oldest
// entry does. Before the first entry there is none to look at; Redis 7 has counted them all.
std::vector<std::string> redis_check(const std::string& key, SourcePosition after);
bool redis_has_lost(const RedisReply& reply, SourcePosition after);

void fetch_entries(RedisCommands& commands, RedisFetch fetch, RedisStreams::Translate translate,
                   int64_t now_ns);

}  // namespace livehub::source
