// The contract of io.h, point 5: closing, and that nothing comes afterwards.
#include <set>

#include "io_test_util.h"

namespace livehub::io::testing {
namespace {

using CloseContract = ContractTest;

TEST_P(CloseContract, AnIdlePeerSeesTheEndInTime) {
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(200));
  run_for(3);  // their polls are armed now
  for (const Socket socket : events.accepted) close(socket);
  EXPECT_EQ(driver->sockets_open(), 0u);
  // Few turns suffice: the FIN does not wait for anything of the peer.
  run_for(3);
  for (Client& client : clients) {
    pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 5000), 1);
    std::string got;
    EXPECT_EQ(client.read_into(got), 0);
  }
}

TEST_P(CloseContract, BothPollsArmed) {
  Client client = connect({.receive_buffer_bytes = 4096});
  ASSERT_TRUE(accept_all(1));
  const std::string block = pattern(4'000'000);
  const SendRequest sent = send(events.accepted[0], block);
  ASSERT_EQ(sent.outcome, SendOutcome::kPart);
  driver->want_writable(events.accepted[0]);
  run_for(3);
  close(events.accepted[0]);
  std::string got;
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_TRUE(got == block.substr(0, sent.bytes_sent)) << "what was taken is delivered";
}

// A peer that never reads again: its slot must not wait for the room that was wanted.
TEST_P(CloseContract, AStuckPeerDoesNotKeepItsSlot) {
  start({.sockets_max = 1});
  if (!driver) return;
  Client stuck = connect({.receive_buffer_bytes = 4096}), next = connect();
  ASSERT_TRUE(accept_all(1));
  ASSERT_EQ(send(events.accepted[0], pattern(4'000'000)).outcome, SendOutcome::kPart);
  driver->want_writable(events.accepted[0]);
  run_for(3);
  close(events.accepted[0]);
  ASSERT_TRUE(accept_all(2));
}

TEST_P(CloseContract, CloseInOnAcceptAndInOnReceive) {
  events.at_accept = [&](Socket s) { close(s); };
  Client refused = connect();
  std::string got;
  EXPECT_EQ(read_to_end(refused, got), 0);
  events.at_accept = nullptr;
  events.at_receive = [&](Socket s, std::span<char>) {
    send(s, "bye");
    close(s);
  };
  Client client = connect();
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(driver->sockets_open(), 0u);
}

// Bytes that arrived and were not received would turn the FIN into a RST, which takes the
// response's tail with it at the peer.
TEST_P(CloseContract, UnreadBytesDoNotSpoilTheLastResponse) {
  for (int round = 0; round < 20; ++round) {
    Client client = connect();
    events.accepted.clear();
    ASSERT_TRUE(accept_all(1));
    driver->pause_receive(events.accepted[0]);
    run_for(1);
    ASSERT_TRUE(client.send(pattern(20'000)));
    const std::string response = pattern(60'000, 2);
    ASSERT_EQ(send(events.accepted[0], response).outcome, SendOutcome::kAll);
    close(events.accepted[0]);
    run_for(2);
    std::string got;
    ASSERT_EQ(read_to_end(client, got), 0) << "reset";
    EXPECT_TRUE(got == response);
  }
}

// The same for room: the peer reads (the poll fires), we fill the room before it is reported, and
// close. The peer does not read on, so that no more room comes to the poll's help.
TEST_P(CloseContract, ClosingWhereRoomCameAndWasFilledAgain) {
  start({.sockets_max = 1});
  if (!driver) return;
  for (size_t round = 0; round < 20; ++round) {
    Client client = connect({.receive_buffer_bytes = 4096});
    ASSERT_TRUE(accept_all(round + 1)) << "the one before still has its slot";
    const Socket socket = events.accepted.back();
    const std::string block = pattern(500'000);
    std::string got;
    while (send(socket, block).outcome != SendOutcome::kBlocked) {
    }
    driver->want_writable(socket);
    run_for(1);
    for (int i = 0; i < 200; ++i) client.read_into(got);
    while (send(socket, block).outcome != SendOutcome::kBlocked) {
    }
    close(socket);
    Client next = connect();
    ASSERT_TRUE(run_until([&] { return events.accepted.size() > round + 1; })) << "never closed";
    close(events.accepted.back());
    events.accepted.resize(round + 1);
  }
}

TEST_P(CloseContract, ACallbackMayCloseOthersThatAreReadyToo) {
  constexpr size_t kCount = 100;
  std::vector<Client> clients;
  for (size_t i = 0; i < kCount; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(kCount));
  for (const Socket socket : events.accepted) driver->want_writable(socket);
  for (Client& client : clients) {
    ASSERT_TRUE(client.send("x"));
    client.shutdown_send();
  }
  // The first to be served closes all others: they have bytes, room and an end to report.
  bool done = false;
  const auto close_others = [&](Socket s) {
    if (std::exchange(done, true)) return;
    for (const Socket other : events.accepted)
      if (other != s) close(other);
  };
  events.at_receive = [&](Socket s, std::span<char>) { close_others(s); };
  events.at_writable = close_others;
  ASSERT_TRUE(run_until([&] { return done; }));
  run_for(10);
  EXPECT_EQ(driver->sockets_open(), 1u);
  EXPECT_EQ(events.breaches, 0);
}

TEST_P(CloseContract, AClosedSocketsIndexComesBackWithANewGeneration) {
  std::set<uint64_t> names;
  uint32_t index_max = 0;
  for (int i = 0; i < 300; ++i) {
    Client client = connect();
    events.accepted.clear();
    ASSERT_TRUE(accept_all(1));
    const Socket socket = events.accepted[0];
    EXPECT_TRUE(names.insert(Recorder::key(socket)).second) << "a name was given twice";
    index_max = std::max(index_max, socket.index);
    close(socket);
    run_for(2);
  }
  EXPECT_LT(index_max, 8u) << "low indexes are reused";
}

TEST_P(CloseContract, ClosingTwiceIsNothing) {
  Client client = connect(), other = connect();
  ASSERT_TRUE(accept_all(2));
  close(events.accepted[0]);
  driver->close(events.accepted[0]);
  driver->reset(events.accepted[0]);
  driver->shutdown_send(events.accepted[0]);
  EXPECT_EQ(driver->sockets_open(), 1u);
  run_for(3);
  driver->close(events.accepted[0]);
  EXPECT_EQ(driver->sockets_open(), 1u);
}

TEST_P(CloseContract, ResetIsSeenAsReset) {
  Client client = connect({.receive_buffer_bytes = 4096});
  ASSERT_TRUE(accept_all(1));
  run_for(2);
  ASSERT_EQ(send(events.accepted[0], pattern(4'000'000)).outcome, SendOutcome::kPart);
  events.of(events.accepted[0]).is_closed = true;
  driver->reset(events.accepted[0]);
  EXPECT_EQ(driver->sockets_open(), 0u);
  std::string got;
  EXPECT_EQ(read_to_end(client, got), -ECONNRESET);
}

TEST_P(CloseContract, ShutdownSendIsAHalfClose) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  ASSERT_EQ(send(events.accepted[0], "all of it").outcome, SendOutcome::kAll);
  driver->shutdown_send(events.accepted[0]);
  std::string got;
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_EQ(got, "all of it");
  ASSERT_TRUE(client.send("and an answer"));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes == "and an answer"; }));
  const SendRequest sent = send(events.accepted[0], "no more");
  EXPECT_EQ(sent.outcome, SendOutcome::kFailed);
  client.close();
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  expect_no_spin();
  close(events.accepted[0]);
}

TEST_P(CloseContract, ShutdownSendThenCloseAtOnce) {
  for (int round = 0; round < 50; ++round) {
    Client client = connect();
    events.accepted.clear();
    ASSERT_TRUE(accept_all(1));
    ASSERT_EQ(send(events.accepted[0], "the end").outcome, SendOutcome::kAll);
    driver->shutdown_send(events.accepted[0]);
    close(events.accepted[0]);
    std::string got;
    ASSERT_EQ(read_to_end(client, got), 0);
    EXPECT_EQ(got, "the end");
  }
}

TEST_P(CloseContract, TheDriversEndClosesWhatIsOpen) {
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(50));
  run_for(2);
  driver.reset();
  for (Client& client : clients) {
    pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 10'000), 1);
    std::string got;
    EXPECT_EQ(client.read_into(got), 0);
  }
}

LIVEHUB_IO_CONTRACT(CloseContract);

}  // namespace
}  // namespace livehub::io::testing
