// A real redis-server for a test, an inlet that writes down what it is told, and patience.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "freeze.h"
#include "source/redis.h"

namespace livehub::source::redis_test {

inline std::chrono::milliseconds test_patience() {
  const char* text = std::getenv("LIVEHUB_TEST_PATIENCE");
  double factor = 1;
  if (text) std::from_chars(text, text + std::string_view(text).size(), factor);
  return std::chrono::milliseconds(static_cast<int>(30'000 * factor));
}

inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + test_patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class TestDirectory {
 public:
  TestDirectory() {
    char name[] = "/tmp/livehub-redis-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

inline pid_t spawn_quietly(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(fd, 1);
  ::dup2(fd, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

// redis-server on a free port, in a directory of its own, without persistence. It is ended by its
// pid.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> more = {}, bool is_tls = false)
      : more_(std::move(more)), is_tls_(is_tls) {
    for (int attempt = 0; attempt < 20 && pid_ <= 0; ++attempt) {
      port_ = free_port();
      start();
    }
    EXPECT_GT(pid_, 0) << "redis-server does not start";
  }
  ~RedisServer() { kill(); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start() {
    std::vector<std::string> command = {"redis-server", "--bind", "127.0.0.1", "--save",         "",
                                        "--appendonly", "no",     "--dir",     directory_.path()};
    const std::string port = std::to_string(port_);
    if (is_tls_)
      command.insert(command.end(), {"--port", "0", "--tls-port", port});
    else
      command.insert(command.end(), {"--port", port});
    command.insert(command.end(), more_.begin(), more_.end());
    pid_ = spawn_quietly(command, directory_.path() + "/log");
    if (!eventually([this] { return has_ended() || accepts(); }) || has_ended()) kill();
  }
  void kill() { end(SIGKILL); }
  void freeze() const { freeze_process(pid_); }
  void thaw() const { ::kill(pid_, SIGCONT); }

  uint16_t port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  void end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  bool has_ended() const { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; }
  bool accepts() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    const bool is_open = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return is_open;
  }

  TestDirectory directory_;
  const std::vector<std::string> more_;
  const bool is_tls_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// Writes down what the source says, as text: "confirm a", "publish a x", "gap a", "refuse a".
class FakeInlet : public Inlet {
 public:
  Result publish(const Publication& p) override {
    const std::lock_guard guard(mutex_);
    if (is_full_) {
      ++fulls_;
      return Result::kFull;
    }
    std::string line = "publish " + std::string(p.channel) + " " + std::string(p.payload);
    if (!p.event.empty()) line += " event=" + std::string(p.event);
    if (p.position) line += " @" + redis_id(*p.position);
    lines_.push_back(line);
    return Result::kTaken;
  }
  void confirm(std::string_view channel, std::optional<SourcePosition> head) override {
    add("confirm", channel, head);
  }
  void refuse(std::string_view channel) override { add("refuse", channel, {}); }
  void tell_gap(std::string_view channel, std::optional<SourcePosition> head) override {
    add("gap", channel, head);
  }
  void deliver(uint64_t token, Backlog backlog) override {
    std::string line = "deliver " + std::to_string(token) + (backlog.gap ? " gap" : "");
    for (const Backlog::Entry& entry : backlog.entries)
      line += " " + entry.payload + "@" + redis_id(entry.position);
    const std::lock_guard guard(mutex_);
    lines_.push_back(line);
  }

  void refuse_canary(std::string_view why) override { add("canary refused:", why, {}); }

  void set_full(bool is_full) {
    const std::lock_guard guard(mutex_);
    is_full_ = is_full;
  }
  size_t fulls() const {
    const std::lock_guard guard(mutex_);
    return fulls_;
  }
  std::vector<std::string> lines() const {
    const std::lock_guard guard(mutex_);
    return lines_;
  }
  std::vector<std::string> lines_with(const std::string& part) const {
    std::vector<std::string> found;
    for (const std::string& line : lines())
      if (line.find(part) != std::string::npos) found.push_back(line);
    return found;
  }
  bool has(const std::string& line) const {
    for (const std::string& each : lines())
      if (each == line) return true;
    return false;
  }
  size_t count(const std::string& part) const { return lines_with(part).size(); }
  void clear() {
    const std::lock_guard guard(mutex_);
    lines_.clear();
  }

 private:
  void add(const char* what, std::string_view channel, std::optional<SourcePosition> head) {
    std::string line = std::string(what) + " " + std::string(channel);
    if (head) line += " @" + redis_id(*head);
    const std::lock_guard guard(mutex_);
    lines_.push_back(line);
  }
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  bool is_full_ = false;
  size_t fulls_ = 0;
};

inline std::string text_of(const RedisReply& reply) {
  using Kind = RedisReply::Kind;
  if (reply.kind == Kind::kNil) return "nil";
  if (reply.kind == Kind::kInteger) return std::to_string(reply.integer);
  if (reply.is_error()) return "error: " + reply.text;
  if (reply.kind != Kind::kArray) return reply.text;
  std::string text = "[";
  for (const RedisReply& item : reply.items) text += (text.size() > 1 ? " " : "") + text_of(item);
  return text + "]";
}

// A started source; commands on it may be waited for.
struct TestSource {
  TestSource(RedisOptions options, RedisRule rule, RedisHook hook = {}) {
    std::string error;
    source = RedisSource::make(std::move(options), std::move(rule), std::move(hook), error);
    EXPECT_NE(source, nullptr) << error;
    EXPECT_EQ(source->start(inlet), "");
  }
  ~TestSource() { source->stop(); }
  TestSource(const TestSource&) = delete;
  TestSource& operator=(const TestSource&) = delete;

  std::string run(std::vector<std::string> arguments) const {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> answer;
    if (!source->command(std::move(arguments), [&](const RedisReply& reply) {
          const std::lock_guard guard(mutex);
          answer = text_of(reply);
          changed.notify_one();
        }))
      return "not taken";
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return answer.has_value(); });
    return *answer;
  }
  bool is_up() const {
    const auto links = source->links();
    for (const LinkState& link : links)
      if (!link.is_up) return false;
    return !links.empty();
  }
  bool becomes_up() const {
    return eventually([this] { return is_up(); });
  }
  bool becomes_down() const {
    return eventually([this] { return !is_up(); });
  }
  std::string problem() const {
    for (const LinkState& link : source->links())
      if (!link.is_up) return link.problem;
    return {};
  }

  FakeInlet inlet;
  std::shared_ptr<RedisSource> source;
};

// Probes that a test need not wait ten seconds for.
inline RedisOptions quick_options(const std::string& url) {
  RedisOptions options;
  options.url = url;
  options.probe_ms = 200;
  options.silence_ms = 600;
  options.connect_ms = 2000;
  return options;
}

inline RedisRule pubsub_rule() { return {RedisRule::Kind::kPubSub, "room:", "chat:", {}}; }
inline RedisRule stream_rule() { return {RedisRule::Kind::kStream, "s:", "stream:", {}}; }

}  // namespace livehub::source::redis_test
