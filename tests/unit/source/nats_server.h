// For tests: a real nats-server of the test's own, on a free port, with a store of its own; an
// Inlet that writes down what it is told; a publisher. one thread, but for the Inlet.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <nats/nats.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
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
#include "livehub/source.h"

namespace livehub::source {

inline constexpr auto kPatience = std::chrono::seconds(30);

inline uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

class NatsServerProcess {
 public:
  explicit NatsServerProcess(std::vector<std::string> more = {"-js"})
      : port_(free_port()), more_(std::move(more)) {
    char name[] = "/tmp/livehub-nats-XXXXXX";
    directory_ = ::mkdtemp(name);
    start();
  }
  ~NatsServerProcess() {
    kill();
    std::filesystem::remove_all(directory_);
  }
  NatsServerProcess(const NatsServerProcess&) = delete;
  NatsServerProcess& operator=(const NatsServerProcess&) = delete;

  void start() {
    std::vector<std::string> words = {"nats-server",         "-a",  "127.0.0.1", "-p",
                                      std::to_string(port_), "-sd", directory_};
    words.insert(words.end(), more_.begin(), more_.end());
    words.insert(words.end(), {"-l", directory_ + "/log"});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawnp(&pid_, "nats-server", nullptr, nullptr, argv.data(), environ), 0);
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void reload() { ::kill(pid_, SIGHUP); }
  void freeze() { freeze_process(pid_); }
  void thaw() { ::kill(pid_, SIGCONT); }
  uint16_t port() const { return port_; }
  const std::string& directory() const { return directory_; }
  std::string url(const std::string& user = "") const {
    return "nats://" + user + "127.0.0.1:" + std::to_string(port_);
  }

 private:
  const uint16_t port_;
  const std::vector<std::string> more_;
  std::string directory_;
  pid_t pid_ = 0;
};

// Until it is true, with the test's patience.
inline bool eventually(const std::function<bool()>& is_true) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  return true;
}

// Each call is a line: "publish <channel> <event>|<payload>", "confirm <channel>" and so on.
class FakeInlet : public Inlet {
 public:
  Result publish(const Publication& p) override {
    if (is_full) return Result::kFull;
    note("publish " + std::string(p.channel) + " " + std::string(p.event) + "|" +
         std::string(p.payload));
    return Result::kTaken;
  }
  void confirm(std::string_view channel, std::optional<SourcePosition>) override {
    note("confirm " + std::string(channel));
  }
  void refuse(std::string_view channel) override { note("refuse " + std::string(channel)); }
  void tell_gap(std::string_view channel, std::optional<SourcePosition>) override {
    note("gap " + std::string(channel));
  }
  void deliver(uint64_t, Backlog) override { note("deliver"); }

  std::vector<std::string> lines() {
    const std::lock_guard guard(mutex_);
    return lines_;
  }
  size_t count(const std::string& beginning) {
    const std::lock_guard guard(mutex_);
    return static_cast<size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const auto& l) { return l.starts_with(beginning); }));
  }
  bool sees(const std::string& line, size_t times = 1) {
    return eventually([&] { return count(line) >= times; });
  }
  bool is_one_thread() {
    const std::lock_guard guard(mutex_);
    return is_one_thread_;
  }
  std::atomic<bool> is_full{false};  // set by the test

 private:
  void note(std::string line) {
    const std::lock_guard guard(mutex_);
    if (lines_.empty()) thread_ = std::this_thread::get_id();
    is_one_thread_ = is_one_thread_ && thread_ == std::this_thread::get_id();
    lines_.push_back(std::move(line));
  }
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::thread::id thread_;
  bool is_one_thread_ = true;
};

class NatsPublisher {
 public:
  explicit NatsPublisher(const NatsServerProcess& server, const std::string& user = "") {
    EXPECT_TRUE(eventually([&] {
      return natsConnection_ConnectTo(&connection_, server.url(user).c_str()) == NATS_OK;
    }));
  }
  ~NatsPublisher() { natsConnection_Destroy(connection_); }
  NatsPublisher(const NatsPublisher&) = delete;
  NatsPublisher& operator=(const NatsPublisher&) = delete;
  void publish(const std::string& subject, const std::string& payload) {
    EXPECT_EQ(natsConnection_PublishString(connection_, subject.c_str(), payload.c_str()), NATS_OK);
  }
  void flush() { EXPECT_EQ(natsConnection_FlushTimeout(connection_, 30'000), NATS_OK); }
  natsConnection* raw() { return connection_; }

 private:
  natsConnection* connection_ = nullptr;
};

}  // namespace livehub::source
