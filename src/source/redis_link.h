// One connection to Redis and its life: resolve, connect, TLS, greet (AUTH, SELECT, PING), carry
// commands and replies, and after a loss all of it again.
//
// Owner: RedisSource's state. Thread rule: one thread, the Redis thread; status() is mailbox.
// A link is up from the greeting's last reply to the loss. Its invariants:
//   1. on_up() and on_down() alternate, on_up() first;
//   2. replies are given in the order in which they came, only while it is up;
//   3. it is lost after silence_ms without a byte, although a probe goes out each probe_ms; while
//      its reading is paused it is not judged;
//   4. no byte of one connection reaches the reader of the next.
// Tests: tests/unit/source/redis_link_test.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "livehub/source.h"
#include "source/redial.h"
#include "source/redis_reader.h"
#include "source/redis_resolver.h"
#include "source/redis_socket.h"
#include "source/redis_url.h"

namespace livehub::source {

// What all links of a source share. immutable.
struct RedisLinkConfig {
  RedisAddress address;
  TlsContext tls;  // empty: plain
  uint32_t probe_ms = 5000;
  uint32_t silence_ms = 10'000;
  uint32_t connect_ms = 5000;
  uint32_t backoff_ms_max = 1000;
};

class RedisLink {
 public:
  class User {
   public:
    virtual ~User() = default;
    virtual void on_up(int64_t now_ns) = 0;
    virtual void on_reply(RedisReply& reply, int64_t now_ns) = 0;
    virtual void on_down() = 0;
    virtual void on_probe(int64_t now_ns) = 0;  // sends something that will be answered
  };
  // Runs work on the Redis thread, in a while; false once the source stops.
  using Post = std::function<bool(std::function<void(int64_t now_ns)>)>;

  RedisLink(std::string name, const RedisLinkConfig& config, RedisResolver& resolver, Post post,
            uint64_t seed);

  void start(User& user, int64_t now_ns);
  void close();  // for good, silently

  bool is_up() const { return step_ == Step::kUp; }
  uint64_t client_id() const { return client_id_; }  // of this connection; 0: not told
  const std::string& problem() const { return problem_; }
  // While it is up. The bytes leave with the next flush().
  void send(const std::vector<std::string>& arguments);
  void set_paused(bool is_paused, int64_t now_ns);
  // The user has found that the peer does not keep to the protocol.
  void give_up(std::string problem, int64_t now_ns) { lose(std::move(problem), now_ns); }

  // The loop: what to poll for, by when, and what came of it.
  int fd() const { return socket_.fd(); }
  short events() const;
  int64_t deadline_ns() const;
  bool has_buffered() const { return is_up() && !is_paused_ && socket_.has_buffered(); }
  void flush(int64_t now_ns);
  void on_ready(short events, int64_t now_ns);
  void on_time(int64_t now_ns);

  LinkState status(int64_t now_ns) const;

 private:
  enum class Step : uint8_t { kClosed, kWaiting, kResolving, kConnecting, kTls, kGreeting, kUp };
  enum class Greeting : uint8_t { kAuth, kSelect, kName, kId, kPing };

  void resolve(int64_t now_ns);
  void on_resolved(uint64_t attempt, std::vector<SocketAddress> found, const std::string& problem,
                   int64_t now_ns);
  void try_next_address(int64_t now_ns);
  void on_connected(int64_t now_ns);
  void greet(int64_t now_ns);
  void on_greeting(const RedisReply& reply, int64_t now_ns);
  void come_up(int64_t now_ns);
  void read(int64_t now_ns);
  void lose(std::string problem, int64_t now_ns);
  void set_status(bool is_up, int64_t now_ns);

  const std::string name_;
  const RedisLinkConfig& config_;
  RedisResolver& resolver_;
  const Post post_;
  User* user_ = nullptr;

  Step step_ = Step::kClosed;
  RedisSocket socket_;
  std::unique_ptr<RedisReader> reader_;
  std::string out_;
  std::vector<SocketAddress> addresses_;
  size_t next_address_ = 0;
  std::vector<Greeting> greetings_;
  size_t next_greeting_ = 0;
  uint64_t attempt_ = 0;  // answers of the resolver to an older one are dropped
  Redial redial_;
  int64_t deadline_ns_ = 0;  // of the step; kUp: the next probe
  int64_t heard_ns_ = 0;
  uint64_t client_id_ = 0;
  bool is_paused_ = false;
  std::string problem_;

  mutable std::mutex mutex_;  // guards what follows
  bool status_up_ = false;
  int64_t status_since_ns_ = 0;
  std::string status_problem_;
  uint64_t reconnects_ = 0;
  // Written here, read by whoever asks for the status: a plain figure, nothing hangs on it.
  std::atomic<int64_t> proven_ns_{0};
};

}  // namespace livehub::source
