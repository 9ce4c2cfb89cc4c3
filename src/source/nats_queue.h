// The bounded queue between libnats's threads and the one thread of ours that may call the Inlet.
// mailbox: anybody pushes, the feed alone pops.
//
// Messages are bounded by count and bytes. One that finds no room is lost, and so is everything
// behind it until the feed has taken what was here: then each subject that lost something comes out
// once as kGap, exactly where it is missing. What is not a message always finds room; it is
// bounded by the number of channels. Tests: tests/unit/source/nats_queue_test.cc.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace livehub::source {

struct NatsListener;  // source/nats_feed.h

struct NatsEvent {
  enum class Kind : uint8_t {
    kMessage,  // `name` is the subject
    kLost,     // messages of this subject are missing here
    kConfirm,  // `name` is a channel, here and below
    kRefuse,
    kGap,
    kForget,  // nobody wants it any more
    kForbid,  // the server does not permit the canary; `payload` says why
    kNews,    // for `listener`
    kCall,    // run `call`; then there is news for `listener`
  };
  Kind kind = Kind::kMessage;
  std::string name;
  std::string payload;
  uint64_t sequence = 0;  // of a JetStream message
  std::shared_ptr<NatsListener> listener;
  std::function<void()> call;
};

class NatsQueue {
 public:
  using Clock = std::chrono::steady_clock;

  NatsQueue(size_t messages_max, size_t bytes_max)
      : messages_max_(messages_max), bytes_max_(bytes_max) {}

  // False: it was lost.
  bool push_message(std::string_view subject, std::string_view payload, uint64_t sequence);
  void push(NatsEvent event);
  // The library has lost messages of that subject.
  void lose(std::string_view subject);
  // Ends every wait; what is inside is dropped.
  void close();

  enum class Popped : uint8_t { kEvent, kNothing, kClosed };
  // Waits until `until` at most.
  Popped pop(NatsEvent& event, Clock::time_point until);
  // The feed's patience when the hub is full; false: closed.
  bool pause_until(Clock::time_point until);

 private:
  void tell_lost();

  const size_t messages_max_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<NatsEvent> events_;
  std::set<std::string, std::less<>> lost_;
  size_t messages_ = 0;
  size_t bytes_ = 0;
  bool is_closed_ = false;
};

}  // namespace livehub::source
