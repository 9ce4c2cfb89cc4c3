// The thread that holds the connection: dials for ever, subscribes what is wanted, proves it alive.
// Made by NatsSource; its thread runs from start() to stop(). one thread but for the public calls,
// which are mailbox. Limits: NatsOptions. Tests: tests/unit/source/nats_test.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "livehub/source.h"
#include "source/nats.h"
#include "source/nats_bucket.h"
#include "source/nats_connection.h"
#include "source/nats_feed.h"
#include "source/nats_queue.h"
#include "source/random_name.h"
#include "source/redial.h"

namespace livehub::source {

class NatsLink {
 public:
  NatsLink(const NatsOptions& options, const NatsRule& rule, std::shared_ptr<NatsQueue> queue);
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;
  ~NatsLink();
  // Empty, or a sentence about the options.
  std::string start();
  void stop();

  void want(std::string_view channel, bool is_wanted);
  void listen(std::shared_ptr<NatsListener> listener);
  void unlisten(uint64_t id);
  bool publish(std::string_view subject, std::string_view payload);
  void rebuild();
  bool is_up() const;
  LinkState state() const;
  LinkState permissions() const { return refusals_->state(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Command {
    enum class Kind : uint8_t { kWant, kUnwant, kListen, kUnlisten, kPublish, kRebuild };
    Kind kind;
    std::string name = {};  // channel or subject
    std::string payload = {};
    std::shared_ptr<NatsListener> listener = {};
    uint64_t id = 0;
  };
  // What the hub was told last of a channel.
  enum class Told : uint8_t { kNothing, kConfirmed, kRefused, kLost };
  struct Channel {
    std::unique_ptr<NatsSubscription> subscription;
    Told told = Told::kNothing;
    bool is_wanted = true;
    Clock::time_point unwanted_at;
  };
  struct Listening {
    std::shared_ptr<NatsListener> listener;
    std::unique_ptr<NatsSubscription> subscription;
    std::unique_ptr<NatsBucketWatch> bucket;
    Clock::time_point retry_at;
  };
  class Bell;      // hears of the connection's end
  class Messages;  // puts messages of channels into the queue
  class News;      // announces to a listener

  void run();
  std::deque<Command> wait_for_work(bool& is_stopping);
  void apply(Command& command);
  void begin_wanting(const std::string& channel);
  void dial();
  void subscribe_all();
  void subscribe(const std::string& name, Channel& channel);
  void subscribe(Listening& listening);
  void watch_bucket(Listening& listening);
  void answer_waiting(int64_t ms);
  void answer(const std::string& name, Channel& channel);
  void refuse(const std::string& name, Channel& channel);
  void lose(const std::string& problem);
  void ping();
  void sweep();
  void restart_buckets();
  void drop_refused();
  void try_refused();
  void proven();
  Clock::time_point next_wake() const;
  void push(NatsEvent::Kind kind, const std::string& name);
  void set_state(bool is_up, const std::string& problem);
  int64_t ms_since_proof() const;

  const NatsOptions& options_;
  const NatsRule& rule_;
  const std::shared_ptr<NatsQueue> queue_;
  const std::shared_ptr<NatsRefusals> refusals_ =
      std::make_shared<NatsRefusals>("nats permissions");
  std::vector<NatsServer> servers_;
  NatsDialOptions dial_options_;
  std::thread thread_;

  mutable std::mutex mutex_;  // guards what follows, up to the empty line
  std::condition_variable news_;
  std::deque<Command> commands_;
  size_t publishes_ = 0;
  bool is_stopping_ = false;
  bool is_up_ = false;
  Clock::time_point state_since_;
  Clock::time_point proven_at_;
  uint64_t reconnects_ = 0;
  std::string problem_ = "not connected yet";

  // The link's thread alone.
  std::shared_ptr<Bell> bell_;
  std::shared_ptr<NatsEar> messages_;
  std::unique_ptr<NatsConnection> connection_;
  std::map<std::string, Channel> channels_;
  std::vector<std::string> waiting_;  // channels that want an answer after the next round trip
  std::deque<std::pair<Clock::time_point, std::string>> lingering_;  // oldest first
  std::map<uint64_t, Listening> listening_;
  bool has_tried_ = false;
  bool was_up_ = false;
  Redial redial_{{.most = std::chrono::milliseconds(options_.retry_ms_max)}, random_u64()};
  Clock::time_point ping_at_;
  Clock::time_point answer_at_;   // when to try answer_waiting() again
  Clock::time_point refused_at_;  // when to try_refused() again
};

}  // namespace livehub::source
