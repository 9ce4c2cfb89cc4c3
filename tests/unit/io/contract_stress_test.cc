// Everything at once, at random, against a model: clients come and go, reset and half close while
// the server sends, pauses, shuts down, resets and closes. Point 5 of the contract is what Recorder
// counts as breaches.
#include <random>

#include "io_test_util.h"

namespace livehub::io::testing {
namespace {

class StressContract : public ContractTest {
 protected:
  struct Peer {
    Client client;
    std::string given;     // by the client
    std::string expected;  // taken from the server
    std::string got;
    bool is_broken = false;  // somebody reset it, or closed with bytes on their way: prefixes only
  };

  // Connects one client and waits until it is accepted, so that both ends are known to belong
  // together.
  void open() {
    const size_t before = events.accepted.size();
    Peer peer{.client = connect({.receive_buffer_bytes = random() % 2 ? 4096 : 0}),
              .given = {},
              .expected = {},
              .got = {}};
    ASSERT_TRUE(accept_all(before + 1));
    const Socket socket = events.accepted.back();
    ASSERT_TRUE(peers.emplace(Recorder::key(socket), std::move(peer)).second);
    sockets.push_back(socket);
    ++opened;
  }

  void act_as_server(Socket socket, Peer& peer) {
    switch (random() % 12) {
      case 0:
        return driver->pause_receive(socket);
      case 1:
        return driver->resume_receive(socket);
      case 2:
        return driver->want_writable(socket);
      case 3:
        if (random() % 4 == 0) driver->shutdown_send(socket);
        return;
      case 4:
        if (random() % 4) return;
        peer.is_broken = true;
        return leave(socket, true);
      case 5:
        if (random() % 2) return leave(socket, false);
        return;
      default:
        batch.push_back(socket);
    }
  }

  void act_as_client(Peer& peer) {
    if (peer.client.fd() < 0) return;
    switch (random() % 12) {
      case 0:
        if (random() % 4) return;
        peer.is_broken = true;
        return peer.client.reset();
      case 1:
        if (random() % 4) return;
        peer.is_broken = true;
        return peer.client.close();
      case 2:
        if (random() % 4 == 0) peer.client.shutdown_send();
        return;
      case 3:
      case 4:
      case 5: {
        const std::string text = pattern(1 + random() % (random() % 8 ? 300 : 40'000), random());
        if (peer.client.send(text))
          peer.given += text;
        else
          peer.is_broken = true;
        return;
      }
      default:
        peer.client.read_into(peer.got);
    }
  }

  void leave(Socket socket, bool by_reset) {
    events.of(socket).is_closed = true;
    if (by_reset)
      driver->reset(socket);
    else
      driver->close(socket);
    closed.push_back(socket);
  }

  void send_the_batch() {
    std::vector<std::string> texts;
    std::vector<iovec> pieces(batch.size());
    std::vector<SendRequest> requests(batch.size());
    for (size_t i = 0; i < batch.size(); ++i)
      texts.push_back(pattern(1 + random() % (random() % 4 ? 500 : 100'000), random()));
    for (size_t i = 0; i < batch.size(); ++i) {
      pieces[i] = {.iov_base = texts[i].data(), .iov_len = texts[i].size()};
      requests[i] = {.socket = batch[i],
                     .pieces = &pieces[i],
                     .piece_count = 1,
                     .bytes = static_cast<uint32_t>(texts[i].size())};
    }
    driver->send_batch(requests);
    for (size_t i = 0; i < batch.size(); ++i)
      peers.at(Recorder::key(batch[i])).expected.append(texts[i], 0, requests[i].bytes_sent);
    batch.clear();
  }

  // A closed connection: what the client gets to its end is what was taken (or a prefix if it was
  // broken).
  void settle(Socket socket) {
    Peer& peer = peers.at(Recorder::key(socket));
    const Recorder::Seen& server = events.of(socket);
    EXPECT_TRUE(peer.given.starts_with(server.bytes) || peer.is_broken);
    if (peer.client.fd() >= 0) {
      const ssize_t end = read_to_end(peer.client, peer.got);
      ASSERT_NE(end, 1) << "neither end nor error: the connection was left open";
      if (end == 0 && !peer.is_broken) {
        EXPECT_TRUE(peer.got == peer.expected);
      }
      ++settled;
    }
    EXPECT_TRUE(peer.expected.starts_with(peer.got)) << "bytes of somebody else, or out of order";
    peers.erase(Recorder::key(socket));
    events.seen.erase(Recorder::key(socket));
  }

  void settle_closed() {
    for (const Socket socket : std::exchange(closed, {})) {
      std::erase(sockets, socket);
      settle(socket);
    }
  }

  std::mt19937 random{20261120};
  std::map<uint64_t, Peer> peers;
  std::vector<Socket> sockets, batch, closed;
  size_t opened = 0, settled = 0;
};

TEST_P(StressContract, TenThousandConnections) {
  start({.sockets_max = 600, .receives_per_turn = 64, .receive_bytes = 4096});
  if (!driver) return;
  // Closing inside of callbacks too; the connection is settled after the turn.
  events.at_receive = [&](Socket s, std::span<char>) {
    if (random() % 40 == 0 && !events.of(s).is_closed) leave(s, false);
  };
  events.at_end = [&](Socket s, int error) {
    if ((error || random() % 2) && !events.of(s).is_closed) leave(s, false);
  };
  while (opened < 10'000 && !HasFatalFailure()) {
    while (sockets.size() < 100 + random() % 200) {
      open();
      if (HasFatalFailure()) return;
    }
    for (int i = 0; i < 100; ++i) {
      const Socket socket = sockets[random() % sockets.size()];
      if (events.of(socket).is_closed) continue;
      Peer& peer = peers.at(Recorder::key(socket));
      if (random() % 2)
        act_as_client(peer);
      else if (std::find(batch.begin(), batch.end(), socket) == batch.end())
        act_as_server(socket, peer);
    }
    std::erase_if(batch, [&](Socket s) { return events.of(s).is_closed; });
    send_the_batch();
    driver->turn(0, events);
    settle_closed();
  }
  for (const Socket socket : sockets)
    if (!events.of(socket).is_closed) leave(socket, false);
  while (!closed.empty()) settle_closed();
  EXPECT_EQ(driver->sockets_open(), 0u);
  EXPECT_GT(settled, 1000u);
}

LIVEHUB_IO_CONTRACT(StressContract);

}  // namespace
}  // namespace livehub::io::testing
