// Names to addresses without holding the caller up: getaddrinfo on a thread of its own.
//
// Owner: a RedisSource. Thread rule: mailbox (ask() from any thread); the answer is called on the
// resolver's thread. Limits: a name server is asked twice, two seconds each, so that stop() is not
// held up for long. Tests: tests/unit/source/redis_resolver_test.cc.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "source/redis_socket.h"

namespace livehub::source {

class RedisResolver {
 public:
  // No addresses: the sentence says why.
  using Answer = std::function<void(std::vector<SocketAddress>, std::string problem)>;

  RedisResolver();
  ~RedisResolver();  // questions that wait are dropped
  RedisResolver(const RedisResolver&) = delete;
  RedisResolver& operator=(const RedisResolver&) = delete;

  void ask(std::string host, uint16_t port, Answer answer);

 private:
  struct Question {
    std::string host;
    uint16_t port;
    Answer answer;
  };
  void run();

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Question> questions_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace livehub::source
