// The thread that calls the Inlet: takes what the queue holds, in order, and hands it to the hub.
// Made by NatsSource; its thread runs from start() to stop(). one thread.
// Limits: the queue's. Tests: tests/unit/source/nats_test.cc.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "livehub/source.h"
#include "source/nats.h"
#include "source/nats_queue.h"

namespace livehub::source {

// What NatsSource::listen() made: shared by the link (subscribes), the feed (calls) and libnats's
// threads (announce). mailbox.
struct NatsListener {
  uint64_t id = 0;
  NatsListen listen;                 // of a subject, or
  NatsBucket bucket;                 // of a bucket
  std::atomic<bool> is_off{false};   // set by the link, read by the feed
  std::atomic<bool> is_news{false};  // set by who announces, cleared by the feed before it calls
  bool is_bucket() const { return !bucket.name.empty(); }
};

// Any thread: there is news for it, to be told when its time has come.
void announce(NatsQueue& queue, const std::shared_ptr<NatsListener>& listener);

class NatsFeed {
 public:
  NatsFeed(const NatsRule& rule, std::shared_ptr<NatsQueue> queue)
      : rule_(rule), queue_(std::move(queue)) {}
  void start(Inlet& inlet);
  void stop();  // returns when the thread is gone

 private:
  void run();
  void take(NatsEvent& event);
  void take_message(const NatsEvent& event);
  void offer(const Publication& publication);
  void call_due(NatsQueue::Clock::time_point now);
  NatsQueue::Clock::time_point next_due() const;

  const NatsRule& rule_;
  const std::shared_ptr<NatsQueue> queue_;
  Inlet* inlet_ = nullptr;
  std::set<std::string, std::less<>> open_;  // channels whose messages the hub wants
  std::map<std::shared_ptr<NatsListener>, NatsQueue::Clock::time_point> due_;
  NatsDecoded decoded_;
  std::thread thread_;
};

}  // namespace livehub::source
