// One hub channel over a JetStream stream, so that several machines are one hub: pushes go into the
// stream, every machine reads its channel from there, and the stream's sequence is the position.
//
// Two threads of ours, as in source/nats.h: the *link* dials, makes the stream where it is missing,
// publishes, reads older messages and proves the connection alive; the *feed* alone calls the
// Inlet. All public calls are mailbox: any thread, none blocks.
//
//   1. The stream is read from its newest message of the first connection on, wanted or not, in
//      order; a new connection goes on behind the last one read. So nothing is missed in between,
//      and a gap is told only if the stream has thrown away what was not read yet, or is another.
//   2. An older message than the last one is never handed on again.
//   3. push() is answered yes only when the stream has the message.
// Limits: kStreamPushesMax waiting; the queue's. Tests: tests/unit/source/nats_stream_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/source.h"
#include "source/nats.h"

namespace livehub::source {

inline constexpr size_t kStreamPushesMax = 4096;

struct NatsStreamOptions {
  NatsOptions nats;
  std::string stream;   // its name, and
  std::string subject;  // the one subject it takes
  std::string channel;  // the hub's
  int64_t messages_max = 10'000;
  // False: the message is passed over. Of one message it must always say the same.
  std::function<bool(std::string_view payload, std::string& out)> decode;
};

// The time of a stream's creation (Unix nanoseconds) stands above its sequence: positions grow also
// when a stream is made anew. They hold times up to 2088 and eight thousand million messages.
[[nodiscard]] SourcePosition nats_position(int64_t created_ns, uint64_t sequence);
[[nodiscard]] uint64_t nats_sequence(SourcePosition position);

class NatsStreamSource : public Source {
 public:
  explicit NatsStreamSource(NatsStreamOptions options);
  NatsStreamSource(const NatsStreamSource&) = delete;
  NatsStreamSource& operator=(const NatsStreamSource&) = delete;
  ~NatsStreamSource() override;

  // `done` is called once, on another thread: whether the stream has it. It may have it although
  // that is false, if the link was lost meanwhile.
  void push(std::string document, std::function<void(bool is_taken)> done);

  std::string start(Inlet& inlet) override;
  void stop() override;
  std::vector<LinkState> links() const override;
  bool feeds(std::string_view channel) const override { return channel == options_.channel; }
  void want(std::string_view channel) override;
  void unwant(std::string_view channel) override;
  void fetch(std::string_view channel, SourcePosition after, SourcePosition until, size_t bytes_max,
             uint64_t token) override;
  // As NatsSource: beside the stream, so that nothing of it stands between the messages. It proves
  // the connection and the feed, not the stream's consumer.
  std::string_view canary_name() const override { return "nats stream"; }
  void send_canary(std::string_view payload) override;
  void rebuild() override;

 private:
  class Feed;
  class Link;
  const NatsStreamOptions options_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Link> link_;
};

}  // namespace livehub::source
