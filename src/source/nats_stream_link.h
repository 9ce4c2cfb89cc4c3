// The thread of a stream that holds the connection; part of source/nats_stream.h. one thread but
// for the public calls, which are mailbox. Tests: tests/unit/source/nats_stream_test.cc.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "source/nats_connection.h"
#include "source/nats_jetstream.h"
#include "source/nats_stream_feed.h"
#include "source/random_name.h"
#include "source/redial.h"

namespace livehub::source {

class NatsStreamSource::Link {
 public:
  using Done = std::function<void(bool is_taken)>;

  Link(const NatsStreamOptions& options, Feed& feed);
  std::string start();
  void stop();
  void push(std::string document, Done done);
  void fetch(SourcePosition after, SourcePosition until, size_t bytes_max, uint64_t token);
  void read_again();
  void want_canary();
  void send_canary(std::string_view payload);
  void rebuild();
  LinkState state() const;
  LinkState permissions() const { return refusals_.state(); }

 private:
  using Clock = std::chrono::steady_clock;
  class Ear;
  class Messages;
  struct Fetch {
    SourcePosition after;
    SourcePosition until;
    size_t bytes_max;
    uint64_t token;
  };
  struct Work {
    std::deque<std::pair<std::string, uint64_t>> pushes;
    std::deque<Fetch> fetches;
    std::string canary;
    bool wants_canary = false;
    bool is_rebuilding = false;
    bool is_reading_again = false;
    bool is_closed = false;
    bool is_stopping = false;
    bool is_empty() const {
      return pushes.empty() && fetches.empty() && canary.empty() && !wants_canary &&
             !is_rebuilding && !is_reading_again && !is_closed && !is_stopping;
    }
  };

  void run();
  Work wait_for_work();
  void dial();
  bool begin_reading(std::string& problem);
  void publish(Work& work);
  void answer_one(const Work& work);
  void answer(const Fetch& fetch);
  void take_canary(Work& work);
  void subscribe_canary();
  Backlog read_backlog(const Fetch& fetch);
  void ping();
  void lose(const std::string& problem);
  void settle(uint64_t id, bool is_taken);
  void fail_pushes();
  void proven(bool is_up);

  const NatsStreamOptions& options_;
  Feed& feed_;
  std::vector<NatsServer> servers_;
  NatsDialOptions dial_options_;
  std::thread thread_;
  std::shared_ptr<Ear> ear_;
  NatsRefusals refusals_{"nats permissions"};

  mutable std::mutex mutex_;  // guards what follows, up to the empty line
  std::condition_variable news_;
  Work work_;
  std::map<uint64_t, Done> pushes_;  // not answered yet
  uint64_t last_push_ = 0;
  bool is_up_ = false;
  Clock::time_point state_since_;
  Clock::time_point proven_at_;
  uint64_t connects_ = 0;
  std::string problem_ = "not connected yet";

  // The link's thread alone.
  std::unique_ptr<NatsConnection> connection_;
  std::unique_ptr<NatsJetStream> jetstream_;
  std::unique_ptr<NatsSubscription> reading_;
  const std::string canary_subject_;
  std::unique_ptr<NatsSubscription> canary_;
  bool wants_canary_ = false;
  std::deque<Fetch> fetches_;  // to be answered, one a turn
  NatsJetStream::State stream_;
  uint64_t readings_ = 0;
  Redial redial_{{.most = std::chrono::milliseconds(options_.nats.retry_ms_max)}, random_u64()};
  Clock::time_point ping_at_;
};

}  // namespace livehub::source
