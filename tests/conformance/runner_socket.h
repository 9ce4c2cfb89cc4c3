// A client's TCP connection for the conformance runners: it reads while it writes, and tells a
// clean end of the peer (FIN) from a reset. One thread. Waiting ends after the patience, which is
// for a server that will never answer and says nothing about speed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace livehub::conformance {

class Socket {
 public:
  enum class State : uint8_t { kOpen, kEnded, kReset };

  // Connects to 127.0.0.1. Throws std::runtime_error if that is impossible.
  Socket(uint16_t port, std::chrono::milliseconds patience);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Writes in pieces of that size (0: at once), each its own segment as far as a sender can see to
  // it, and takes what comes meanwhile. False: the peer was gone before all was written, or took
  // nothing for the patience.
  bool write(std::string_view bytes, size_t piece_bytes = 0);

  // Our end is over; the peer may still write.
  void end();

  // Reads until `enough` says so, the peer is gone, or nothing came for the patience: then false.
  bool read_until(const std::function<bool()>& enough);

  // Takes what comes within that time; for the pauses between two writes.
  void pause(std::chrono::milliseconds time);

  std::string& input() { return input_; }  // received and not yet taken
  const std::string& input() const { return input_; }
  State state() const { return state_; }

 private:
  bool wait(short events, std::chrono::milliseconds time);  // false: nothing happened
  bool receive();  // false: nothing is there now, or the peer is gone

  int fd_ = -1;
  std::chrono::milliseconds patience_;
  std::string input_;
  State state_ = State::kOpen;
};

// Runs task(0) ... task(count - 1), `jobs` of them at a time.
void in_parallel(size_t count, size_t jobs, const std::function<void(size_t)>& task);

}  // namespace livehub::conformance
