// The contract of io.h, points 7 and 8: accepting within limits, turns of bounded work, fairness.
#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "io_test_util.h"
#include "refusal_test_util.h"

namespace livehub::io::testing {
namespace {

class AcceptContract : public ContractTest {
 protected:
  // Runs it in a child; what it returned, 100 if an expectation failed.
  template <typename Body>
  int in_child(Body body) {
    driver.reset();
    return run_in_child([&] {
      const int result = body();
      return HasFailure() ? 100 : result;
    });
  }

  // From now on so many more can be opened.
  static void limit_descriptors(rlim_t more) {
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = std::min(limit.rlim_max, static_cast<rlim_t>(lowest_free) + more);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

  // Whether the server side has sent anything or closed; a client that waits in the backlog sees
  // nothing.
  static bool hears_something(Client& client) {
    pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 0) == 1;
  }
};

TEST_P(AcceptContract, AFullTableStopsAcceptingWithoutSpinningAndGoesOnAfterAClose) {
  start({.sockets_max = 8});
  if (!driver) return;
  ASSERT_EQ(driver->sockets_max(), 8u);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(8));
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(events.spare_slots[i], 7 - i);
  expect_no_spin();
  EXPECT_EQ(events.accepted.size(), 8u);
  EXPECT_EQ(driver->sockets_open(), 8u);
  for (Client& client : clients) EXPECT_FALSE(hears_something(client)) << "accepted and dropped";
  for (size_t i = 0; i < 12; ++i) {
    close(events.accepted[i]);
    ASSERT_TRUE(accept_all(9 + i)) << "did not go on after a close";
    EXPECT_LE(driver->sockets_open(), 8u);
  }
  expect_no_spin();
  // Each client was served: those of the first eight and those that had to wait.
  for (size_t i = 12; i < 20; ++i)
    EXPECT_EQ(send(events.accepted[i], "in").outcome, SendOutcome::kAll);
  size_t served = 0;
  for (Client& client : clients) {
    std::string got;
    const ssize_t end = read_to_end_or(client, got, "in");
    served += got == "in" || end == 0;
  }
  EXPECT_EQ(served, 20u);
}

TEST_P(AcceptContract, AWaitForEverEndsWhenASlotIsFreed) {
  start({.sockets_max = 1});
  if (!driver) return;
  Client first = connect(), second = connect();
  ASSERT_TRUE(accept_all(1));
  events.at_end = [&](Socket s, int) { close(s); };
  first.close();
  // Bounded by the events themselves: a driver that forgets to accept would hang here (and be
  // killed).
  while (events.accepted.size() < 2) driver->turn(-1, events);
}

TEST_P(AcceptContract, AcceptsPerTurnAreBounded) {
  start({.sockets_max = 500, .accepts_per_turn = 7});
  if (!driver) return;
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect());
  size_t before = 0;
  int turns = 0;
  ASSERT_TRUE(run_until([&] {
    EXPECT_LE(events.accepted.size() - before, 7u);
    before = events.accepted.size();
    ++turns;
    return before == 100;
  }));
  EXPECT_GE(turns, 100 / 7);
}

TEST_P(AcceptContract, WhatIsLeftMakesTheNextTurnReturnAtOnce) {
  start({.sockets_max = 500, .accepts_per_turn = 10});
  if (!driver) return;
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect());
  // A turn that waited although clients are in the backlog would hang for ever.
  while (events.accepted.size() < 100) driver->turn(-1, events);
}

TEST_P(AcceptContract, StopListeningAndBackAgain) {
  Client first = connect();
  ASSERT_TRUE(accept_all(1));
  driver->stop_listening();
  run_for(3);
  Client second = connect();
  run_for(10);
  EXPECT_EQ(events.accepted.size(), 1u);
  expect_no_spin();
  ASSERT_TRUE(first.send("still served"));
  ASSERT_TRUE(run_until([&] { return seen(0).bytes == "still served"; }));
  driver->listen(listeners.fds[0]);
  ASSERT_TRUE(accept_all(2));
}

TEST_P(AcceptContract, StopListeningInsideOnAccept) {
  start({.sockets_max = 100, .accepts_per_turn = 1});
  if (!driver) return;
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(connect());
  events.at_accept = [&](Socket) { driver->stop_listening(); };
  ASSERT_TRUE(accept_all(1));
  run_for(10);
  EXPECT_EQ(events.accepted.size(), 1u);
}

TEST_P(AcceptContract, AFloodIsAcceptedInFull) {
  start({.sockets_max = 4000});
  if (!driver) return;
  std::vector<Client> clients;
  for (int i = 0; i < 2000; ++i) {
    clients.push_back(connect());
    if (i % 100 == 0) clients.back().reset();  // gone before they were accepted
    if (i % 50 == 0) driver->turn(0, events);
  }
  ASSERT_TRUE(accept_all(2000));
  std::set<uint32_t> indexes;
  for (const Socket socket : events.accepted) indexes.insert(socket.index);
  EXPECT_EQ(indexes.size(), 2000u);
  EXPECT_LT(*indexes.rbegin(), 2100u) << "indexes are dense";
}

TEST_P(AcceptContract, ReceivesPerTurnAreBoundedAndFair) {
  start({.sockets_max = 200, .receives_per_turn = 16, .receive_bytes = 1024});
  if (!driver) return;
  constexpr size_t kCount = 80;
  std::vector<Client> clients;
  for (size_t i = 0; i < kCount; ++i) clients.push_back(connect());
  ASSERT_TRUE(accept_all(kCount));
  run_for(3);
  // Each has 20 buffers full: all stay ready for a long time.
  for (Client& client : clients) ASSERT_TRUE(client.send(pattern(20 * 1024)));
  size_t before = events.receive_order.size();
  while (events.receive_order.size() < 10 * kCount) {
    driver->turn(-1, events);
    ASSERT_LE(events.receive_order.size() - before, 16u);
    before = events.receive_order.size();
  }
  // At any time nobody is more than one buffer ahead, once all have been noticed.
  std::map<uint64_t, size_t> served;
  for (const Socket socket : events.receive_order) {
    ++served[Recorder::key(socket)];
    if (served.size() < kCount) continue;
    const auto [low, high] =
        std::minmax_element(served.begin(), served.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    ASSERT_LE(high->second - low->second, 2u);
  }
  EXPECT_EQ(served.size(), kCount);
}

TEST_P(AcceptContract, AnOverfullSocketDoesNotStarveOthers) {
  start({.sockets_max = 10, .receives_per_turn = 1, .receive_bytes = 512});
  if (!driver) return;
  Client loud = connect();
  ASSERT_TRUE(accept_all(1));
  Client quiet = connect();
  ASSERT_TRUE(accept_all(2));
  ASSERT_TRUE(loud.send(pattern(400'000)));
  run_for(5);
  ASSERT_TRUE(quiet.send("hello"));
  const int before = seen(0).receives;
  ASSERT_TRUE(run_until([&] { return seen(1).bytes == "hello"; }));
  EXPECT_LT(seen(0).receives - before, 10);
}

// The tests below run in a process of their own, whose descriptors run out. Direct ones do not
// count.
TEST_P(AcceptContract, RunningOutOfDescriptorsIsSurvived) {
  const size_t first = GetParam() == Backend::kUringDirect ? 41 : 10;
  EXPECT_EQ(in_child([&] {
              start({.sockets_max = 1000});
              std::vector<Client> clients;
              for (int i = 0; i < 41; ++i) clients.push_back(connect());
              limit_descriptors(10);
              run_for(5);
              if (events.accepted.size() != first) return 11;
              expect_no_spin();
              // A close makes room for another; a limit that is raised is noticed too.
              close(events.accepted[0]);
              run_for(3);
              if (events.accepted.size() != std::min<size_t>(first + 1, 41)) return 12;
              limit_descriptors(1000);
              return accept_all(41) ? 0 : 13;
            }),
            0);
}

// The client that could not be accepted is in the backlog, and no other comes to remind of it.
TEST_P(AcceptContract, ALoneClientIsNotForgottenAfterAShortage) {
  const auto body = [&] {
    // Before ACCEPTs are armed: they keep to the limit of the moment they were submitted in.
    limit_descriptors(40);
    start({.sockets_max = 1000});
    run_for(3);
    Client client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::vector<Client> hoard;
    for (int fd; (fd = ::dup(0)) >= 0;) hoard.push_back(Client(fd));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listeners.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return 11;
    run_for(5);
    if (GetParam() != Backend::kUringDirect && !events.accepted.empty()) return 12;
    hoard.clear();
    return accept_all(1) ? 0 : 13;
  };
  EXPECT_EQ(in_child(body), 0);
}

TEST_P(AcceptContract, WithoutADescriptorToSpareSocketsAreServedAllTheSame) {
  EXPECT_EQ(in_child([&] {
              start({.sockets_max = 1000});
              Client client = connect(), other = connect();
              if (!accept_all(2)) return 11;
              limit_descriptors(0);
              driver->peer_address(events.accepted[0]);  // may be empty
              send(events.accepted[0], "the end");
              driver->shutdown_send(events.accepted[0]);
              std::string got;
              if (read_to_end(client, got) != 0 || got != "the end") return 12;
              events.of(events.accepted[1]).is_closed = true;
              driver->reset(events.accepted[1]);
              return read_to_end(other, got) == -ECONNRESET ? 0 : 13;
            }),
            0);
}

LIVEHUB_IO_CONTRACT(AcceptContract);

}  // namespace
}  // namespace livehub::io::testing
