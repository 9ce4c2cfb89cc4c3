// One shard on the simulated kernel, and clients who say what a test has them say, when it has them
// say it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "../../sim/engine.h"

namespace livehub::sim {

inline constexpr std::string_view kWsUpgrade =
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

class SimShardTest : public testing::Test {
 protected:
  SimShardTest(const EngineSetup& setup, const ProfileFactory& factory)
      : engine_(kernel_, setup, factory, nullptr) {}

  io::SimKernel kernel_{1};
  SimEngine engine_;

  io::SimLinkPtr connect(std::string_view says, size_t down_room = 65536) {
    io::SimLinkPtr client = kernel_.connect(down_room);
    say(*client, says);
    return client;
  }
  // What a client writes is at the server at once.
  void say(io::SimLink& client, std::string_view bytes) {
    kernel_.write(client, bytes);
    client.arrived = client.up.size();
  }
  std::string hear(io::SimLink& client) { return kernel_.read(client, 65536); }
  void settle() {
    for (int turns = 0; turns < 1000 && engine_.is_runnable(0); ++turns) engine_.turn(0);
  }
};

}  // namespace livehub::sim
