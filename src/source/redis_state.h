// Inside RedisSource: its thread, the loop on it, and what runs there.
//
// Owner: RedisSource. Thread rule: mailbox for what says so; all else one thread, the Redis thread.
// The loop's turn: 1. work from other threads; 2. what the hub did not take, again; while there is
// such, links that bring messages are not read; 3. subscriptions and reads that are due; 4. bytes
// out; 5. poll; 6. bytes in; 7. times.
// Tests: tests/unit/source/redis_source_test.cc.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "source/redis.h"
#include "source/redis_commands.h"
#include "source/redis_echoes.h"
#include "source/redis_fetch.h"
#include "source/redis_group.h"
#include "source/redis_link.h"
#include "source/redis_outbox.h"
#include "source/redis_pubsub.h"
#include "source/redis_streams.h"

namespace livehub::source {

class RedisSource::State {
 public:
  using Task = std::function<void(int64_t now_ns)>;

  State(RedisOptions options, RedisRule rule, RedisHook hook, RedisLinkConfig config);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { stop(); }

  std::string start(Inlet& inlet);
  void stop();
  // mailbox. False: the thread does not run (any more).
  bool post(Task task);
  bool command(std::vector<std::string> arguments, RedisCallback done);  // mailbox
  bool publish(std::string key, std::string payload, bool skip_echo,
               RedisCallback done);      // mailbox
  std::vector<LinkState> links() const;  // mailbox
  double ping_ms() const;                // mailbox

  const RedisRule& rule() const { return rule_; }
  std::string key_of(std::string_view channel) const;
  bool feeds(std::string_view channel) const;

  void want(const std::string& channel, int64_t now_ns);
  void unwant(const std::string& channel);
  void fetch(RedisFetch fetch, uint64_t token, int64_t now_ns);
  void send_canary(const std::string& payload, int64_t now_ns);
  void rebuild(int64_t now_ns);

 private:
  void make_links(Inlet& inlet);
  void run();
  void run_tasks(int64_t now_ns);
  void turn();
  void wait(int64_t now_ns);
  int64_t soonest_ns() const;
  void shut_down();
  bool translate(const std::string& channel, SourcePosition position,
                 std::span<const RedisReply> fields, bool is_backlog, RedisOutcome& out) const;
  void on_message(const std::string& channel, const std::string& key, std::string_view payload,
                  int64_t now_ns);
  bool enqueue(Task task);
  RedisCallback counted(RedisCallback done);

  const RedisOptions options_;
  const RedisRule rule_;
  const RedisHook hook_;
  const RedisLinkConfig config_;
  const std::string canary_key_;  // ours alone, of all processes at this Redis

  std::unique_ptr<RedisResolver> resolver_;
  std::vector<std::unique_ptr<RedisLink>> links_;  // commands first; made by start(), then fixed
  std::unique_ptr<RedisOutbox> outbox_;
  std::unique_ptr<RedisCommands> commands_;
  std::unique_ptr<RedisPubSub> pubsub_;    // if the rule says so
  std::unique_ptr<RedisStreams> streams_;  // if the rule says so
  std::unique_ptr<RedisGroup> group_;      // if asked for
  std::unique_ptr<RedisEchoes> echoes_;

  std::atomic<size_t> commands_waiting_{0};   // counted up by callers, down on the Redis thread
  std::atomic<uint64_t> commands_failed_{0};  // read by links(): a plain figure
  std::atomic<bool> has_links_{false};        // pairs with links(): links_ is complete

  std::mutex mutex_;  // guards what follows
  std::deque<Task> tasks_;
  bool is_running_ = false;
  bool is_stopping_ = false;

  int wake_fd_ = -1;  // knocked when tasks_ was empty, or to stop
  std::thread thread_;
};

}  // namespace livehub::source
