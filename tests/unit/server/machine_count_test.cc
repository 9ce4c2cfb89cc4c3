#include "server/machine_count.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace livehub::server {
namespace {

using std::chrono::milliseconds;

// A name server on a free UDP port: answers every question with so many AAAA records.
class NameServer {
 public:
  enum class Kind { kRecords, kNoSuchName, kFailure };

  explicit NameServer(Kind kind, int records = 0) : kind_(kind), records_(records) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    socklen_t size = sizeof(address_);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
    thread_ = std::thread([this] { serve(); });
  }
  ~NameServer() {
    ::sendto(fd_, "", 0, 0, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    thread_.join();
    ::close(fd_);
  }
  sockaddr_in address() const { return address_; }

 private:
  void serve() {
    std::array<unsigned char, 512> question{};
    for (;;) {
      sockaddr_in from{};
      socklen_t from_size = sizeof(from);
      const ssize_t size = ::recvfrom(fd_, question.data(), question.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size <= 12) return;
      size_t end = 12;  // of the question: its name, then type and class
      while (question[end] != 0) end += question[end] + 1U;
      std::string answer(reinterpret_cast<const char*>(question.data()), end + 5);
      const int code = kind_ == Kind::kNoSuchName ? 3 : kind_ == Kind::kFailure ? 2 : 0;
      answer[2] = static_cast<char>(0x84);
      answer[3] = static_cast<char>(code);
      answer[7] = static_cast<char>(records_);
      answer[11] = 0;  // no additional records
      for (int i = 0; i < records_; ++i) {
        answer += std::string("\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x05\x00\x10", 12);
        answer += std::string("\xfd\xaa", 2) + std::string(13, '\0') + static_cast<char>(i + 1);
      }
      ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

  const Kind kind_;
  const int records_;
  int fd_ = -1;
  sockaddr_in address_{};
  std::thread thread_;
};

TEST(MachineCount, CountsTheAddressesOfAName) {
  for (const int machines : {1, 2, 7}) {
    const NameServer server(NameServer::Kind::kRecords, machines);
    EXPECT_EQ(count_addresses("app.internal", server.address()), static_cast<uint32_t>(machines));
  }
}

TEST(MachineCount, NoSuchNameIsNone) {
  const NameServer server(NameServer::Kind::kNoSuchName);
  EXPECT_EQ(count_addresses("app.internal", server.address()), 0U);
}

TEST(MachineCount, ANameServerInTroubleIsNoCount) {
  const NameServer server(NameServer::Kind::kFailure);
  EXPECT_EQ(count_addresses("app.internal", server.address()), std::nullopt);
}

TEST(MachineCount, OnlyMoreThanOneIsAProblem) {
  EXPECT_EQ(machines_problem(0), "");
  EXPECT_EQ(machines_problem(1), "");
  EXPECT_NE(machines_problem(2).find("2 Machines run and no broker"), std::string::npos);
  EXPECT_EQ(machines_host("hub"), "hub.internal");
}

// A watch feeds nothing.
class NoInlet : public Inlet {
 public:
  Result publish(const Publication&) override { return Result::kRefused; }
  void confirm(std::string_view, std::optional<SourcePosition>) override {}
  void refuse(std::string_view) override {}
  void tell_gap(std::string_view, std::optional<SourcePosition>) override {}
  void deliver(uint64_t, Backlog) override {}
};

// Waits for what the watch's own thread will do.
class Watch {
 public:
  explicit Watch(MachineWatch::Counter counter)
      : watch_("hub", std::move(counter), milliseconds(1)) {
    (void)watch_.start(inlet_);
  }
  bool until(bool is_up) {
    for (int i = 0; i < 10'000; ++i) {
      if (watch_.links().at(0).is_up == is_up) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  MachineWatch& operator*() { return watch_; }

 private:
  NoInlet inlet_;
  MachineWatch watch_;
};

TEST(MachineCount, ReadinessIsRedWhileThereAreMore) {
  std::atomic<uint32_t> machines{1};
  std::atomic<int> asked{0};
  Watch watch([&](const std::string& host) -> std::optional<uint32_t> {
    EXPECT_EQ(host, "hub.internal");
    ++asked;
    return machines.load();
  });
  EXPECT_TRUE(watch.until(true));
  machines = 3;
  EXPECT_TRUE(watch.until(false));
  const LinkState link = (*watch).links().at(0);
  EXPECT_TRUE(link.is_needed);
  EXPECT_EQ(link.problem, machines_problem(3));
  machines = 1;
  EXPECT_TRUE(watch.until(true));
  (*watch).stop();
  const int last = asked;
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(asked, last);
}

TEST(MachineCount, WhatCannotBeCountedChangesNothing) {
  std::atomic<int> asked{0};
  Watch watch([&](const std::string&) -> std::optional<uint32_t> {
    return ++asked == 1 ? std::optional<uint32_t>(2) : std::nullopt;
  });
  EXPECT_TRUE(watch.until(false));
  while (asked < 5) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_FALSE((*watch).links().at(0).is_up);
}

}  // namespace
}  // namespace livehub::server
