#pragma once

#include <cstdint>
#include <span>

#include "io/io.h"

namespace livehub::shard {

// A driver whose turns take as long as a test says and leave as much unread.
class FakeDriver : public io::Driver {
 public:
  bool turn(int64_t wait_ns, io::Events&) override {
    asked_ns = wait_ns;
    now += wait_ns + late_ns;
    late_ns = 0;
    return has_more;
  }
  int64_t now_ns() const override { return now; }

  int64_t now = 1'000'000'000;
  int64_t late_ns = 0;  // of the next turn
  int64_t asked_ns = -1;
  bool has_more = false;

  void listen(int) override {}
  void stop_listening() override {}
  void wake() noexcept override {}
  void send_batch(std::span<io::SendRequest>) override {}
  void want_writable(io::Socket) override {}
  void pause_receive(io::Socket) override {}
  void resume_receive(io::Socket) override {}
  void shutdown_send(io::Socket) override {}
  void close(io::Socket) override {}
  void reset(io::Socket) override {}
  io::PeerAddress peer_address(io::Socket) override { return {}; }
  uint32_t sockets_open() const override { return 1000; }
  uint32_t sockets_max() const override { return 1000; }
  uint32_t receives_per_turn() const override { return 100; }
  const char* name() const override { return "fake"; }
  int64_t unix_seconds() const override { return 0; }
};

}  // namespace livehub::shard
