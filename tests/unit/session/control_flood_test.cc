// Pings are answered, and pongs that nobody asked for are taken, but not by the thousand: who sends
// so many in a second is closed, and says so itself how often it was answered.
#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sim_shard.h"
#include "wire/ws_client.h"
#include "wire/ws_reader.h"

namespace livehub::sim {
namespace {

class Silent : public Profile {
 public:
  Route route(const Request&) override { return Route::websocket({}); }
};

struct Heard {
  int pongs = 0;
  int close_code = 0;
};

class ControlFlood : public SimShardTest {
 protected:
  ControlFlood() : SimShardTest({}, [](const auto&) { return std::make_unique<Silent>(); }) {
    client_ = connect(kWsUpgrade);
    settle();
    EXPECT_TRUE(hear(*client_).starts_with("HTTP/1.1 101"));
  }

  void send(wire::WsOpcode opcode, int frames) {
    std::string bytes;
    for (int i = 0; i < frames; ++i) bytes += wire::ws_client_frame(opcode, "", {1, 2, 3, 4});
    say(*client_, bytes);
    settle();
    read();
  }
  void read() {
    for (;;) {
      std::string bytes = hear(*client_);
      if (bytes.empty()) return;
      settle();
      std::span<char> input(bytes);
      for (wire::WsEvent event = reader_.next(input, {});
           event.kind != wire::WsEvent::Kind::kNeedMore; event = reader_.next(input, {})) {
        heard_.pongs += event.kind == wire::WsEvent::Kind::kPong;
        if (event.kind == wire::WsEvent::Kind::kClose) heard_.close_code = event.close_code;
        if (heard_.close_code != 0) return;
      }
    }
  }

  io::SimLinkPtr client_;
  wire::WsReader reader_{wire::WsRole::kClient};
  Heard heard_;
};

TEST_F(ControlFlood, AThousandPingsInASecondAreAnsweredAndNotOneMore) {
  send(wire::WsOpcode::kPing, 1000);
  EXPECT_EQ(heard_.pongs, 1000);
  EXPECT_EQ(heard_.close_code, 0);
  send(wire::WsOpcode::kPing, 1);
  EXPECT_EQ(heard_.pongs, 1000);
  EXPECT_EQ(heard_.close_code, 1008);
}

TEST_F(ControlFlood, PongsCountAsWell) {
  send(wire::WsOpcode::kPong, 600);
  EXPECT_EQ(heard_.close_code, 0);
  send(wire::WsOpcode::kPing, 401);
  EXPECT_EQ(heard_.pongs, 400);
  EXPECT_EQ(heard_.close_code, 1008);
}

TEST_F(ControlFlood, WhoPingsForHoursIsNoFlood) {
  for (int second = 0; second < 100; ++second) {
    send(wire::WsOpcode::kPing, 400);
    kernel_.advance(2'000'000'000);
    settle();
  }
  EXPECT_EQ(heard_.pongs, 40'000);
  EXPECT_EQ(heard_.close_code, 0);
}

}  // namespace
}  // namespace livehub::sim
