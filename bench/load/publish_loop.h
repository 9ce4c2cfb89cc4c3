// The inside of the publishing process (publisher.h). One process, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/handshake.h"
#include "load/payload.h"
#include "load/publisher.h"

namespace livehub::bench {

// An answer as far as it has come.
struct Answer {
  bool is_complete = false;
  int status = 0;
  bool closes = false;  // the connection ends with it
};
Answer read_answer(std::string_view bytes);

class PublishLoop {
 public:
  PublishLoop(int control_fd, const PublishPlan& plan, PublishTally& tally);
  void run();

 private:
  struct Connection {
    enum class State : uint8_t { kIdle, kSending, kAwaitingAnswer, kFinished };
    State state = State::kIdle;
    int fd = -1;
    uint64_t next_number = 0;  // of the run's messages: number % connections is the connection
    Stamp stamp;
    bool is_repeat = false;  // the message was postponed: same stamp again
    int64_t not_before_ns = 0;
    int64_t sent_ns = 0;
    std::string out;
    size_t out_done = 0;
    std::string in;
  };

  bool await_run();
  void publish();
  void begin(Connection& connection, uint32_t number);
  void send_if_due(Connection& connection, uint32_t index, int64_t now);
  int64_t due_ns(const Connection& connection) const;
  uint32_t sequence_of(const Connection& connection, uint32_t index) const;
  bool has_more(const Connection& connection) const;
  bool are_readers_behind() const;
  void compose(Connection& connection);
  void connect(Connection& connection, uint32_t index);
  void disconnect(Connection& connection);
  void flush(Connection& connection);
  void receive(Connection& connection);
  void take_answer(Connection& connection, const Answer& answer);
  void give_up(Connection& connection, std::string_view why);
  void wait();

  int control_fd_;
  int epoll_fd_;
  const PublishPlan& plan_;
  PublishTally& tally_;
  Dialer dialer_;
  PublishRun run_;
  std::string payload_;      // reused
  std::string filled_;       // reused: a body that is more than the payload
  uint64_t sent_count_ = 0;  // of this run
  bool is_held_ = false;     // a connection would send, but the readers are behind
  int64_t start_ns_ = 0;
  int64_t end_ns_ = 0;  // no message is due at or after it
  std::vector<Connection> connections_;
};

}  // namespace livehub::bench
