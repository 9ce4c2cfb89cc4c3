// The Redis protocol (RESP2) in both directions: hiredis's reader and command formatter, with
// replies built as values. No sockets here.
//
// Owner: a link, one for each connection. Thread rule: one thread, the Redis thread.
// Limits: see kRedisReplyBytesMax and kRedisReplyItemsMax; beyond them the connection is over, as
// it is after a byte that is no protocol. Tests: tests/unit/source/redis_reader_test.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/redis.h"

struct redisReader;

namespace livehub::source {

inline constexpr size_t kRedisReplyBytesMax = 64 << 20;  // of an incomplete reply
inline constexpr size_t kRedisReplyItemsMax = 1 << 20;   // of all its arrays together

class RedisReader {
 public:
  RedisReader();
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  // False: the peer does not speak the protocol, or says too much; nothing more can be read.
  [[nodiscard]] bool feed(std::string_view bytes);
  // The next complete reply. nullopt: not yet, or failed().
  std::optional<RedisReply> next();
  bool has_failed() const { return has_failed_; }

 private:
  std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
  size_t items_ = 0;  // of the reply that is being read
  bool has_failed_ = false;
};

// Appends the command as the protocol has it.
void write_redis_command(std::string& out, const std::vector<std::string>& arguments);

}  // namespace livehub::source
