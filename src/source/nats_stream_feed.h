// The thread of a stream that calls the Inlet; part of source/nats_stream.h. one thread but for the
// public calls, which are mailbox. Tests: tests/unit/source/nats_stream_test.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "source/nats_queue.h"
#include "source/nats_stream.h"

namespace livehub::source {

class NatsStreamSource::Feed {
 public:
  // `on_lost`: messages were lost on the way to us; they are to be read again.
  Feed(const NatsStreamOptions& options, std::function<void()> on_lost);
  void start(Inlet& inlet);
  void stop();

  // Where messages go; their `name` says which reading they are of.
  const std::shared_ptr<NatsQueue>& queue() const { return queue_; }
  void want(bool is_wanted);
  // A reading begins: of that stream, which has these messages.
  void begin(const std::string& reading, int64_t created_ns, uint64_t first, uint64_t last);
  void lose_link();                                      // who waits need not
  static constexpr std::string_view kCanary = "canary";  // messages of it; no reading has that name
  void confirm_canary();
  void refuse_canary(std::string why);
  void deliver(uint64_t token, Backlog backlog);
  // The last message that was read; 0: none is known.
  uint64_t last() const { return last_.load(std::memory_order_relaxed); }

 private:
  void run();
  void call(std::function<void()> work);
  void take_message(const NatsEvent& event);
  bool offer(const Publication& publication);
  void take_beginning(const std::string& reading, int64_t created_ns, uint64_t first,
                      uint64_t last);

  const NatsStreamOptions& options_;
  const std::shared_ptr<NatsQueue> queue_;
  const std::function<void()> on_lost_;
  Inlet* inlet_ = nullptr;
  std::thread thread_;

  // Written by the feed's thread alone; the link reads it for its next reading, where an older
  // value means only that some messages are read twice.
  std::atomic<uint64_t> last_{0};
  std::string reading_;
  int64_t created_ns_ = 0;
  bool is_linked_ = false;
  bool has_tried_ = false;
  bool is_wanted_ = false;
  bool is_open_ = false;  // the hub was told where it stands
};

}  // namespace livehub::source
