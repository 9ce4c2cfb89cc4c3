// A stand-in for PostgreSQL, for answers that a real one gives too rarely: one connection over a
// free port of 127.0.0.1, simple queries only (protocol 3.0). What it says to LISTEN is the test's;
// a NOTIFY comes back at once. one thread of its own.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace livehub::source::pg_test {

class PostgresStandIn {
 public:
  // The SQLSTATE that a query fails with; empty: it goes well.
  using Verdict = std::function<std::string(const std::string& query)>;

  explicit PostgresStandIn(Verdict verdict) : verdict_(std::move(verdict)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    (void)::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    (void)::listen(listener_, 1);
    (void)::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~PostgresStandIn() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  PostgresStandIn(const PostgresStandIn&) = delete;
  PostgresStandIn& operator=(const PostgresStandIn&) = delete;

  // Whatever bytes, unasked, once somebody is connected.
  void say(const std::string& bytes) const { send(fd_, bytes); }
  std::string url() const {
    return "host=127.0.0.1 user=u dbname=d sslmode=disable gssencmode=disable port=" +
           std::to_string(port_);
  }

 private:
  static constexpr uint32_t kPid = 7;

  static std::string number(uint32_t value) {
    const uint32_t wire = htonl(value);
    return {reinterpret_cast<const char*>(&wire), sizeof(wire)};
  }
  static std::string message(char type, const std::string& body) {
    return type + number(static_cast<uint32_t>(body.size() + 4)) + body;
  }
  static std::string text(std::string_view value) { return std::string(value) + '\0'; }

  std::string answer(const std::string& query) const {
    const std::string ready = message('Z', "I");
    if (const std::string state = verdict_(query); !state.empty())
      return message('E', "S" + text("ERROR") + "C" + text(state) + "M" + text("as asked") + '\0') +
             ready;
    const std::string done = message('C', text(query.substr(0, query.find(' '))));
    if (!query.starts_with("NOTIFY")) return done + ready;
    const size_t begin = query.find('"') + 1;
    const std::string name = query.substr(begin, query.find('"', begin) - begin);
    return done + message('A', number(kPid) + text(name) + text("alive")) + ready;
  }

  static bool receive(int fd, std::string& bytes, size_t size) {
    bytes.resize(size);
    return size == 0 || ::recv(fd, bytes.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  static bool receive_body(int fd, std::string& body) {
    std::string head;
    if (!receive(fd, head, 4)) return false;
    uint32_t size = 0;
    head.copy(reinterpret_cast<char*>(&size), sizeof(size));
    return receive(fd, body, ntohl(size) - 4);
  }
  static void send(int fd, const std::string& bytes) {
    (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  void run() {
    const int fd = fd_ = ::accept(listener_, nullptr, nullptr);
    std::string type, body;
    if (fd < 0) return;
    if (receive_body(fd, body))  // the startup packet, which has no type
      send(fd,
           message('R', number(0)) + message('K', number(kPid) + number(1)) + message('Z', "I"));
    while (receive(fd, type, 1) && receive_body(fd, body))
      if (type == "Q") send(fd, answer(body.substr(0, body.size() - 1)));
    ::close(fd);
  }

  const Verdict verdict_;
  int listener_ = -1;
  std::atomic<int> fd_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace livehub::source::pg_test
