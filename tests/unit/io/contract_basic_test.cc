// The contract of io.h, points 1, 2 and 6, and what a connection's life consists of, on each
// driver.
#include "io_test_util.h"

namespace livehub::io::testing {
namespace {

using BasicContract = ContractTest;

TEST_P(BasicContract, AcceptsReceivesAndSends) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  const Socket socket = events.accepted[0];
  EXPECT_NE(socket.generation, 0u);
  EXPECT_EQ(driver->sockets_open(), 1u);
  EXPECT_EQ(events.spare_slots[0], driver->sockets_max() - 1);
  ASSERT_TRUE(client.send("hello"));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes == "hello"; }));
  const SendRequest sent = send(socket, "world");
  EXPECT_EQ(sent.outcome, SendOutcome::kAll);
  EXPECT_EQ(sent.bytes_sent, 5u);
  std::string got;
  ASSERT_TRUE(run_until([&] { return client.read_into(got), got == "world"; }));
}

TEST_P(BasicContract, CallsBackOnlyInsideTurn) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  ASSERT_TRUE(client.send("x"));
  const Socket socket = events.accepted[0];
  driver->pause_receive(socket);
  driver->resume_receive(socket);
  driver->want_writable(socket);
  send(socket, "y");
  driver->peer_address(socket);
  driver->shutdown_send(socket);
  EXPECT_EQ(seen(0).receives + seen(0).writables + seen(0).ends, 0);
  ASSERT_TRUE(run_until([&] { return seen(0).receives == 1 && seen(0).writables == 1; }));
}

TEST_P(BasicContract, LentBytesMayBeChangedInPlace) {
  Client first = connect(), second = connect();
  ASSERT_TRUE(accept_all(2));
  events.at_receive = [](Socket, std::span<char> bytes) {
    for (char& byte : bytes) byte = '#';
  };
  ASSERT_TRUE(first.send(pattern(3000, 1)) && second.send(pattern(3000, 2)));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes.size() + seen(1).bytes.size() == 6000; }));
  const std::string first_bytes = seen(0).bytes, second_bytes = seen(1).bytes;
  // The connections' order of acceptance is the kernel's.
  EXPECT_TRUE((first_bytes == pattern(3000, 1) && second_bytes == pattern(3000, 2)) ||
              (first_bytes == pattern(3000, 2) && second_bytes == pattern(3000, 1)));
}

TEST_P(BasicContract, ALargeMessageArrivesInOrder) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  const std::string all = pattern(3'000'000);
  size_t given = 0;
  ASSERT_TRUE(run_until([&] {
    const ssize_t sent =
        ::send(client.fd(), all.data() + given, all.size() - given, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) given += static_cast<size_t>(sent);
    return seen(0).bytes.size() == all.size();
  }));
  EXPECT_TRUE(seen(0).bytes == all);
}

TEST_P(BasicContract, BytesComeBeforeTheEnd) {
  const std::string all = pattern(100'000);  // several buffers
  Client client = connect();
  ASSERT_TRUE(client.send(all));
  client.shutdown_send();
  ASSERT_TRUE(accept_all(1));
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).error, 0);
  EXPECT_TRUE(seen(0).bytes == all);
}

TEST_P(BasicContract, AHalfClosedPeerIsStillSentTo) {
  Client client = connect();
  client.shutdown_send();
  ASSERT_TRUE(accept_all(1));
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).error, 0);
  EXPECT_EQ(send(events.accepted[0], "late").outcome, SendOutcome::kAll);
  close(events.accepted[0]);
  std::string got;
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_EQ(got, "late");
}

TEST_P(BasicContract, TheEndIsToldOnceAndDoesNotSpin) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  client.shutdown_send();
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  expect_no_spin();
  driver->want_writable(events.accepted[0]);
  ASSERT_TRUE(run_until([&] { return seen(0).writables == 1; }));
  client.reset();  // EPOLLHUP and EPOLLERR from now on, and nobody is interested
  expect_no_spin();
  EXPECT_EQ(seen(0).ends, 1);
  EXPECT_EQ(seen(0).writables, 1);
}

TEST_P(BasicContract, APeersResetIsAnError) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  client.reset();
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).error, ECONNRESET);
  const SendRequest sent = send(events.accepted[0], "x");
  EXPECT_EQ(sent.outcome, SendOutcome::kFailed);
  EXPECT_EQ(sent.error, EPIPE);
}

TEST_P(BasicContract, AFailedSendDoesNotMakeTheEndLookOrderly) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  client.reset();
  const SendRequest sent = send(events.accepted[0], "x");  // takes the socket's error with it
  EXPECT_EQ(sent.outcome, SendOutcome::kFailed);
  EXPECT_NE(sent.error, 0);
  EXPECT_EQ(sent.bytes_sent, 0u);
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_NE(seen(0).error, 0);
}

TEST_P(BasicContract, BytesBeforeAResetAreStillReceived) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  ASSERT_TRUE(client.send("last words"));
  client.reset();
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).bytes, "last words");
  EXPECT_EQ(seen(0).error, ECONNRESET);
}

TEST_P(BasicContract, APausedSocketIsSilentUntilResumed) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  const Socket socket = events.accepted[0];
  driver->pause_receive(socket);
  driver->pause_receive(socket);
  ASSERT_TRUE(client.send("one"));
  run_for(10);
  EXPECT_EQ(seen(0).receives, 0);
  ASSERT_TRUE(client.send("two"));
  client.shutdown_send();
  run_for(10);
  EXPECT_EQ(seen(0).receives + seen(0).ends, 0);
  driver->resume_receive(socket);
  driver->resume_receive(socket);
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).bytes, "onetwo");
}

TEST_P(BasicContract, PausingInsideTheCallbackHoldsBackTheRest) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  events.at_receive = [&](Socket s, std::span<char>) { driver->pause_receive(s); };
  const std::string all = pattern(50'000);
  ASSERT_TRUE(client.send(all));
  int pauses = 0;
  ASSERT_TRUE(run_until([&] {
    if (seen(0).receives > pauses) {
      run_for(3);
      EXPECT_EQ(seen(0).receives, pauses + 1) << "received while paused";
      ++pauses;
      driver->resume_receive(events.accepted[0]);
    }
    return seen(0).bytes.size() == all.size();
  }));
  EXPECT_GT(pauses, 2);
  EXPECT_TRUE(seen(0).bytes == all);
}

TEST_P(BasicContract, PauseAndResumeAtOnceLosesNothing) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  events.at_receive = [&](Socket s, std::span<char>) {
    driver->pause_receive(s);
    driver->resume_receive(s);
  };
  const std::string all = pattern(200'000);
  ASSERT_TRUE(client.send(all));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes.size() == all.size(); }));
  EXPECT_TRUE(seen(0).bytes == all);
}

TEST_P(BasicContract, ACallbackMayPauseAnotherThatIsReadyToo) {
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(8));
  for (Client& client : clients) ASSERT_TRUE(client.send("ping"));
  // Whoever is served first pauses all others: they were ready in the same turn.
  Socket first{};
  events.at_receive = [&](Socket s, std::span<char>) {
    if (first.generation == 0) first = s;
    for (const Socket other : events.accepted)
      if (other != first) driver->pause_receive(other);
  };
  run_for(10);
  EXPECT_EQ(events.receive_order, std::vector<Socket>{first});
  for (Client& client : clients) {
    ASSERT_TRUE(client.send("pong"));
    client.shutdown_send();
  }
  run_for(5);
  events.at_receive = nullptr;
  for (const Socket other : events.accepted) driver->resume_receive(other);
  ASSERT_TRUE(run_until([&] {
    size_t ends = 0;
    for (size_t i = 0; i < 8; ++i) ends += static_cast<size_t>(seen(i).ends);
    return ends == 8;
  }));
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(seen(i).bytes, "pingpong");
}

TEST_P(BasicContract, ADeadPausedSocketDoesNotSpinAndIsToldAfterwards) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  driver->pause_receive(events.accepted[0]);
  run_for(2);
  client.reset();
  run_for(2);
  expect_no_spin();
  EXPECT_EQ(seen(0).ends, 0);
  driver->resume_receive(events.accepted[0]);
  ASSERT_TRUE(run_until([&] { return seen(0).ends == 1; }));
  EXPECT_EQ(seen(0).error, ECONNRESET);
}

TEST_P(BasicContract, WritableComesOncePerWish) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  run_for(5);
  EXPECT_EQ(seen(0).writables, 0) << "nobody asked";
  driver->want_writable(events.accepted[0]);
  driver->want_writable(events.accepted[0]);
  ASSERT_TRUE(run_until([&] { return seen(0).writables > 0; }));
  run_for(5);
  EXPECT_EQ(seen(0).writables, 1);
  events.at_writable = [&](Socket s) {
    if (seen(0).writables < 4) driver->want_writable(s);
  };
  driver->want_writable(events.accepted[0]);
  ASSERT_TRUE(run_until([&] { return seen(0).writables == 4; }));
  run_for(5);
  EXPECT_EQ(seen(0).writables, 4);
}

TEST_P(BasicContract, PeerAddressIsUnmapped) {
  Client v4 = connect();
  ASSERT_TRUE(accept_all(1));
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getsockname(v4.fd(), reinterpret_cast<sockaddr*>(&own), &size), 0);
  const PeerAddress later = driver->peer_address(events.accepted[0]);
  EXPECT_EQ(later.text, "127.0.0.1");
  EXPECT_EQ(later.port, ntohs(own.sin_port));
  if (!listeners.ipv6) GTEST_SKIP() << "no IPv6 here";
  Client v6 = connect({.ipv6 = true});
  ASSERT_TRUE(accept_all(2));
  EXPECT_EQ(driver->peer_address(events.accepted[1]).text, "::1");
  EXPECT_NE(driver->peer_address(events.accepted[1]).port, 0);
}

TEST_P(BasicContract, PeerAddressIsKnownInsideOnAcceptEvenOfOneThatIsGone) {
  PeerAddress peer;
  events.at_accept = [&](Socket s) { peer = driver->peer_address(s); };
  Client client = connect();
  client.reset();
  ASSERT_TRUE(accept_all(1));
  EXPECT_EQ(peer.text, "127.0.0.1");
  EXPECT_NE(peer.port, 0);
}

TEST_P(BasicContract, AnUnknownSocketIsNobody) {
  Client client = connect();
  ASSERT_TRUE(accept_all(1));
  const Socket socket = events.accepted[0];
  const Socket stranger{socket.index, socket.generation + 1}, nowhere{12345, 1};
  for (const Socket other : {stranger, nowhere}) {
    EXPECT_EQ(send(other, "x").outcome, SendOutcome::kFailed);
    driver->want_writable(other);
    driver->pause_receive(other);
    driver->shutdown_send(other);
    driver->reset(other);
    driver->close(other);
    EXPECT_EQ(driver->peer_address(other).text, "");
  }
  EXPECT_EQ(driver->sockets_open(), 1u);
  ASSERT_TRUE(client.send("still here"));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes == "still here"; }));
}

TEST_P(BasicContract, TheClocksRun) {
  const auto start = now();
  const int64_t before = driver->now_ns();
  // More than once: what a ring destroyed by an earlier test leaves behind interrupts a wait
  // (EINTR).
  ASSERT_TRUE(run_until([&] { return now() - start > std::chrono::milliseconds(20); }));
  EXPECT_GE(driver->now_ns() - before, 15'000'000);
  EXPECT_NEAR(static_cast<double>(driver->unix_seconds()), static_cast<double>(::time(nullptr)),
              5.0);
}

LIVEHUB_IO_CONTRACT(BasicContract);

}  // namespace
}  // namespace livehub::io::testing
