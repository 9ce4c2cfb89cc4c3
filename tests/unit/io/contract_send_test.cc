// The contract of io.h, points 3, 4 and 6: what a send says was taken is exactly what the peer
// gets.
#include <random>

#include "io_test_util.h"

namespace livehub::io::testing {
namespace {

class SendContract : public ContractTest {
 protected:
  // Listeners whose accepted sockets hold little, so that sends become short soon.
  void start_small(const Options& options = {}) {
    start(options);
    const int bytes = 16 * 1024;
    if (driver) ::setsockopt(listeners.fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
  Client connect_small() { return connect({.receive_buffer_bytes = 4096}); }

  // Sends until the socket is full; what was taken.
  std::string fill(Socket socket, uint32_t seed) {
    const std::string block = pattern(300'000, seed);
    std::string taken;
    for (int i = 0; i < 100; ++i) {
      const SendRequest sent = send(socket, block);
      if (sent.outcome == SendOutcome::kBlocked) return taken;
      taken.append(block, 0, sent.bytes_sent);
    }
    ADD_FAILURE() << "a socket that is not read from takes bytes for ever";
    return taken;
  }
};

TEST_P(SendContract, AShortSendTellsWhatWasTakenAndThenBlocks) {
  start_small();
  if (!driver) return;
  Client client = connect_small();
  ASSERT_TRUE(accept_all(1));
  const std::string all = pattern(1'000'000);
  const SendRequest part = send(events.accepted[0], all);
  ASSERT_EQ(part.outcome, SendOutcome::kPart);
  ASSERT_GT(part.bytes_sent, 0u);
  ASSERT_LT(part.bytes_sent, all.size());
  const std::string more = fill(events.accepted[0], 7);
  const SendRequest blocked = send(events.accepted[0], "x");
  EXPECT_EQ(blocked.outcome, SendOutcome::kBlocked);
  EXPECT_EQ(blocked.bytes_sent, 0u);
  EXPECT_EQ(blocked.error, 0);
  close(events.accepted[0]);
  std::string got;
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_TRUE(got == all.substr(0, part.bytes_sent) + more) << got.size();
}

TEST_P(SendContract, ABlockedSocketBecomesWritableOnceThereIsRoom) {
  start_small();
  if (!driver) return;
  Client client = connect_small();
  ASSERT_TRUE(accept_all(1));
  std::string expected = fill(events.accepted[0], 3), got;
  driver->want_writable(events.accepted[0]);
  run_for(10);
  EXPECT_EQ(seen(0).writables, 0) << "it is full";
  expect_no_spin();
  ASSERT_TRUE(run_until([&] { return client.read_into(got), seen(0).writables == 1; }));
  const SendRequest sent = send(events.accepted[0], "and the rest");
  EXPECT_EQ(sent.outcome, SendOutcome::kAll);
  close(events.accepted[0]);
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_TRUE(got == expected + "and the rest");
  EXPECT_EQ(seen(0).writables, 1);
}

TEST_P(SendContract, AFullSocketIsWokenByThePeersDeath) {
  start_small();
  if (!driver) return;
  Client client = connect_small();
  ASSERT_TRUE(accept_all(1));
  fill(events.accepted[0], 3);
  driver->pause_receive(events.accepted[0]);
  driver->want_writable(events.accepted[0]);
  run_for(2);
  client.reset();
  ASSERT_TRUE(run_until([&] { return seen(0).writables == 1; }));
  EXPECT_EQ(send(events.accepted[0], "x").outcome, SendOutcome::kFailed);
}

// One stream in random sizes and numbers of pieces, the peer reading now and then: every byte,
// once.
TEST_P(SendContract, RandomSizesAndPiecesArriveByteForByte) {
  start_small();
  if (!driver) return;
  Client client = connect_small();
  ASSERT_TRUE(accept_all(1));
  const std::string all = pattern(6'000'000, 99);
  std::mt19937 random(20261120);
  std::string got;
  size_t at = 0;
  int parts = 0, blocked = 0;
  const auto deadline = now() + kPatience;
  while (at < all.size() && now() < deadline) {
    std::vector<iovec> pieces(1 + random() % (random() % 8 ? 4 : kPiecesMax));
    SendRequest request{.socket = events.accepted[0], .pieces = pieces.data()};
    for (iovec& piece : pieces) {
      const size_t left = all.size() - at - request.bytes;
      const size_t size = std::min<size_t>(left, 1 + random() % (random() % 4 ? 700 : 60'000));
      if (size == 0) break;
      piece = {.iov_base = const_cast<char*>(all.data()) + at + request.bytes, .iov_len = size};
      request.bytes += static_cast<uint32_t>(size);
      ++request.piece_count;
    }
    driver->send_batch({&request, 1});
    ASSERT_NE(request.outcome, SendOutcome::kFailed);
    EXPECT_EQ(request.outcome == SendOutcome::kAll, request.bytes_sent == request.bytes);
    parts += request.outcome == SendOutcome::kPart;
    blocked += request.outcome == SendOutcome::kBlocked;
    at += request.bytes_sent;
    if (request.outcome != SendOutcome::kAll || random() % 4 == 0)
      client.read_into(got, 1 + random() % 30'000);
  }
  ASSERT_EQ(at, all.size());
  EXPECT_GT(parts, 10) << "the test met too few short sends to mean anything";
  EXPECT_GT(blocked, 10);
  close(events.accepted[0]);
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_TRUE(got == all) << got.size();
}

// Many pieces whose sum exceeds what fits: the cut falls inside of any piece.
TEST_P(SendContract, AShortSendOfPiecesCutsAnywhere) {
  start_small();
  if (!driver) return;
  const std::string all = pattern(400'000, 5);
  for (const size_t piece_bytes : {6'251u, 33'333u, 100'000u}) {
    Client client = connect_small();
    events.accepted.clear();
    ASSERT_TRUE(accept_all(1));
    std::vector<iovec> pieces;
    for (size_t at = 0; at < all.size(); at += piece_bytes)
      pieces.push_back({.iov_base = const_cast<char*>(all.data()) + at,
                        .iov_len = std::min(piece_bytes, all.size() - at)});
    ASSERT_LE(pieces.size(), kPiecesMax);
    SendRequest request{.socket = events.accepted[0],
                        .pieces = pieces.data(),
                        .piece_count = static_cast<uint32_t>(pieces.size()),
                        .bytes = static_cast<uint32_t>(all.size())};
    driver->send_batch({&request, 1});
    ASSERT_EQ(request.outcome, SendOutcome::kPart);
    close(events.accepted[0]);
    std::string got;
    EXPECT_EQ(read_to_end(client, got), 0);
    EXPECT_TRUE(got == all.substr(0, request.bytes_sent)) << got.size();
  }
}

// More sockets than a submission queue has entries, every third of them full, some dead, one a
// stranger.
TEST_P(SendContract, ABatchTellsEachOutcome) {
  start_small({.sockets_max = 3000});
  if (!driver) return;
  constexpr size_t kCount = 1500;
  std::vector<Client> clients;
  std::vector<std::string> expected(kCount);
  // One by one, so that the connections' order is known.
  for (size_t i = 0; i < kCount; ++i) {
    clients.push_back(connect_small());
    ASSERT_TRUE(accept_all(i + 1));
  }
  for (size_t i = 0; i < kCount; i += 3)
    expected[i] = fill(events.accepted[i], static_cast<uint32_t>(i));
  for (size_t i = 1; i < kCount; i += 100) clients[i].reset();
  events.of(events.accepted[2]).is_closed = true;
  driver->close(events.accepted[2]);
  std::vector<std::string> texts(kCount);
  std::vector<iovec> pieces(2 * kCount);
  std::vector<SendRequest> requests(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    texts[i] = pattern(200 + i % 7, static_cast<uint32_t>(i + 1));
    pieces[2 * i] = {.iov_base = texts[i].data(), .iov_len = 100};
    pieces[2 * i + 1] = {.iov_base = texts[i].data() + 100, .iov_len = texts[i].size() - 100};
    requests[i] = {.socket = events.accepted[i],
                   .pieces = &pieces[2 * i],
                   .piece_count = 2,
                   .bytes = static_cast<uint32_t>(texts[i].size())};
    if (i % 2)
      requests[i] = {
          .socket = events.accepted[i], .pieces = &pieces[2 * i], .piece_count = 1, .bytes = 100};
  }
  driver->send_batch(requests);
  for (size_t i = 0; i < kCount; ++i) {
    const bool is_dead = i == 2 || i % 100 == 1, is_full = i % 3 == 0 && !is_dead;
    const SendOutcome wanted = is_dead && i % 3 != 0 ? SendOutcome::kFailed
                               : is_full             ? SendOutcome::kBlocked
                               : is_dead             ? SendOutcome::kFailed
                                                     : SendOutcome::kAll;
    ASSERT_EQ(requests[i].outcome, wanted) << i << " error " << requests[i].error;
    ASSERT_EQ(requests[i].error != 0, is_dead) << i;
    if (wanted == SendOutcome::kAll) expected[i] += texts[i].substr(0, requests[i].bytes);
  }
  for (size_t i = 0; i < kCount; ++i)
    if (i != 2) close(events.accepted[i]);
  for (size_t i = 0; i < kCount; ++i) {
    if (clients[i].fd() < 0) continue;
    std::string got;
    ASSERT_EQ(read_to_end(clients[i], got), 0) << i;
    ASSERT_TRUE(got == expected[i]) << i;
  }
}

// The kernel holds no pointer of ours: what the pieces pointed to may be overwritten and unmapped
// at once.
TEST_P(SendContract, NothingIsReadAfterwards) {
  start_small();
  if (!driver) return;
  Client client = connect_small();
  ASSERT_TRUE(accept_all(1));
  std::string expected, got;
  for (uint32_t round = 0; round < 200; ++round) {
    std::string text = pattern(30'000, round);
    iovec pieces[2] = {{.iov_base = text.data(), .iov_len = 10'000},
                       {.iov_base = text.data() + 10'000, .iov_len = 20'000}};
    SendRequest request{
        .socket = events.accepted[0], .pieces = pieces, .piece_count = 2, .bytes = 30'000};
    driver->send_batch({&request, 1});
    ASSERT_NE(request.outcome, SendOutcome::kFailed);
    expected.append(text, 0, request.bytes_sent);
    text.assign(text.size(), '!');
    std::memset(pieces, 0, sizeof pieces);
    client.read_into(got, 20'000);
    driver->turn(0, events);
  }
  close(events.accepted[0]);
  EXPECT_EQ(read_to_end(client, got), 0);
  EXPECT_TRUE(got == expected);
}

TEST_P(SendContract, SendsFromInsideCallbacks) {
  start_small();
  if (!driver) return;
  std::vector<Client> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect());
  events.at_receive = [&](Socket s, std::span<char> bytes) {
    send(s, {bytes.data(), bytes.size()});
  };
  ASSERT_TRUE(accept_all(100));
  for (size_t i = 0; i < 100; ++i) ASSERT_TRUE(clients[i].send("echo " + std::to_string(i)));
  for (size_t i = 0; i < 100; ++i) {
    std::string got;
    ASSERT_TRUE(run_until([&] {
      return clients[i].read_into(got), got == "echo " + std::to_string(i);
    })) << i;
  }
}

LIVEHUB_IO_CONTRACT(SendContract);

}  // namespace
}  // namespace livehub::io::testing
