// Redis Streams as channels: one reader (XREAD BLOCK) for all keys, each from the entry that was
// the newest when its channel was first wanted; after a reconnect from the last entry it has read.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread. Invariants:
//   1. an entry is handed on once, in the stream's order: only what lies after `last`;
//   2. a channel is confirmed with the id after which its entries come;
//   3. one XREAD is under way at a time; a new key ends it early (CLIENT UNBLOCK);
//   4. after a reconnect, a read with entries and one that came back late, the oldest entry is
//      compared with `last`: if that is gone, entries behind it may be, and a gap is told.
//   5. what the server refuses because of the canary's key costs no other key more than a round
//      trip: it is read again at once, without the canary until the next connection.
// A reading that lags loses nothing as long as the stream keeps what it has not read.
// Tests: tests/unit/source/redis_streams_test.cc.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/redis_commands.h"
#include "source/redis_link.h"
#include "source/redis_outbox.h"

namespace livehub::source {

class RedisStreams final : public RedisLink::User {
 public:
  // False: the entry is passed over.
  using Translate = std::function<bool(const std::string& channel, SourcePosition position,
                                       std::span<const RedisReply> fields, RedisOutcome& out)>;
  using OnRead = std::function<void(const std::string& key)>;  // entries of it were read

  RedisStreams(RedisLink& link, RedisCommands& commands, RedisOutbox& outbox, uint32_t block_ms,
               Translate translate, OnRead on_read);

  void want(const std::string& key, std::string_view channel, int64_t now_ns);
  void unwant(const std::string& key);
  void on_commands(bool is_up, int64_t now_ns);  // the command link has come or gone
  void flush(int64_t now_ns);                    // begins the next read
  int64_t deadline_ns() const;

  void on_up(int64_t now_ns) override;
  void on_reply(RedisReply& reply, int64_t now_ns) override;
  void on_down() override;
  void on_probe(int64_t now_ns) override;

 private:
  struct Entry {
    std::string channel;
    uint64_t life = 0;  // of the wish; answers to an older one are dropped
    SourcePosition last;
    bool is_live = false;     // `last` is known
    bool is_asking = false;   // for it
    bool is_refused = false;  // the hub has been told that it waits in vain
    bool must_check = false;  // whether the stream still has `last`
    bool is_read = false;     // part of the read that is under way
    int64_t retry_ns = 0;     // when to ask again; 0: with the next command link
    bool is_canary() const { return channel == kCanaryChannel; }
  };
  enum class Expected : uint8_t { kCheck, kRead, kPing };
  struct Outstanding {
    Expected what;
    std::string key = {};
  };

  void ask_head(const std::string& key, Entry& entry, int64_t now_ns);
  void on_head(const std::string& key, uint64_t life, const RedisReply& reply);
  void begin_read();
  void end_read_early(int64_t now_ns);
  void refuse_canary(Entry& entry, const std::string& why);
  void on_check(const std::string& key, const RedisReply& reply);
  void on_read(RedisReply& reply, int64_t now_ns);
  void take_entries(const std::string& key, Entry& entry, const RedisReply& entries);

  RedisLink& link_;
  RedisCommands& commands_;
  RedisOutbox& outbox_;
  const uint32_t block_ms_;
  const Translate translate_;
  const OnRead on_read_;
  std::unordered_map<std::string, Entry> entries_;  // by key
  std::deque<Outstanding> outstanding_;
  uint64_t lives_ = 0;
  bool is_reading_ = false;
  bool is_ending_ = false;  // CLIENT UNBLOCK is on its way for this read
  int64_t read_begun_ns_ = 0;
  int64_t read_again_ns_ = 0;  // after an error
  int64_t clock_ns_ = 0;       // of the last call, for answers that carry none
};

}  // namespace livehub::source
