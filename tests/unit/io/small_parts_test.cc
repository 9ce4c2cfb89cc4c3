// fifo.h, accept_gate.h, waker.h, socket_options.h, uring_abi.h.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "io/accept_gate.h"
#include "io/fifo.h"
#include "io/socket_options.h"
#include "io/uring_abi.h"
#include "io/waker.h"

namespace livehub::io {
namespace {

TEST(Fifo, IsAQueue) {
  Fifo<int> fifo;
  std::deque<int> model;
  std::mt19937 random(7);
  for (int i = 0; i < 100'000; ++i) {
    if (random() % 100 < (i / 1000 % 2 ? 60u : 40u)) {
      fifo.push(i);
      model.push_back(i);
    } else if (!model.empty()) {
      ASSERT_EQ(fifo.pop(), model.front());
      model.pop_front();
    }
    ASSERT_EQ(fifo.size(), model.size());
    ASSERT_EQ(fifo.empty(), model.empty());
  }
}

TEST(AcceptGate, ShutsForAWhileAfterAShortage) {
  AcceptGate gate;
  EXPECT_FALSE(gate.is_open(0));
  EXPECT_EQ(gate.bound_wait(-1, 0), -1);
  gate.open(5);
  EXPECT_TRUE(gate.is_open(0));
  gate.note_shortage(1'000);
  EXPECT_FALSE(gate.is_open(1'000));
  EXPECT_FALSE(gate.is_open(1'000 + AcceptGate::kRetryNs - 1));
  EXPECT_TRUE(gate.is_open(1'000 + AcceptGate::kRetryNs));
  EXPECT_EQ(gate.bound_wait(-1, 1'000), AcceptGate::kRetryNs);
  EXPECT_EQ(gate.bound_wait(5, 1'000), 5);
  EXPECT_EQ(gate.bound_wait(AcceptGate::kRetryNs * 2, 2'000), AcceptGate::kRetryNs - 1'000);
  EXPECT_EQ(gate.bound_wait(-1, 1'000 + AcceptGate::kRetryNs), -1);
  gate.note_close();
  EXPECT_TRUE(gate.is_open(1'001));
  gate.shut();
  EXPECT_FALSE(gate.is_open(1'001));
}

TEST(AcceptGate, TellsClientsFromShortages) {
  for (const int error : {ECONNABORTED, EPROTO, EINTR, ENETUNREACH})
    EXPECT_TRUE(AcceptGate::concerns_one_client(error)) << error;
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL, EBADF})
    EXPECT_FALSE(AcceptGate::concerns_one_client(error)) << error;
}

TEST(Waker, WritesOnceUntilAcknowledged) {
  Waker waker;
  pollfd ready{.fd = waker.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
  for (int i = 0; i < 3; ++i) waker.wake();
  ASSERT_EQ(::poll(&ready, 1, 0), 1);
  waker.acknowledge(true);
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
  waker.wake();
  EXPECT_EQ(::poll(&ready, 1, 0), 1);
  uint64_t count = 0;
  ASSERT_EQ(::read(waker.fd(), &count, sizeof count), 8);
  EXPECT_EQ(count, 1u);
}

// A wake that is lost once is lost for good (pending, with nothing to read), so that the end of it
// tells.
TEST(Waker, IsHeardAgainAfterAWriteThatFailed) {
  Waker waker;
  pollfd ready{.fd = waker.fd(), .events = POLLIN, .revents = 0};
  const uint64_t full = UINT64_MAX - 1;
  ASSERT_EQ(::write(waker.fd(), &full, sizeof full), ssize_t{sizeof full});
  waker.wake();  // EAGAIN: the counter has no room
  uint64_t count = 0;
  ASSERT_EQ(::read(waker.fd(), &count, sizeof count), ssize_t{sizeof count});
  EXPECT_EQ(::poll(&ready, 1, 0), 0);
  waker.wake();
  EXPECT_EQ(::poll(&ready, 1, 0), 1);
}

TEST(Waker, LosesNoneUnderAStorm) {
  Waker waker;
  constexpr uint64_t kEach = 300'000, kThreads = 3;
  std::atomic<uint64_t> asked{0};
  std::vector<std::thread> others;
  for (uint64_t t = 0; t < kThreads; ++t)
    others.emplace_back([&] {
      for (uint64_t i = 0; i < kEach; ++i) {
        asked.fetch_add(1, std::memory_order_relaxed);
        waker.wake();
      }
    });
  bool is_lost = false;
  while (asked.load(std::memory_order_relaxed) < kEach * kThreads && !is_lost) {
    pollfd ready{.fd = waker.fd(), .events = POLLIN, .revents = 0};
    is_lost = ::poll(&ready, 1, 20'000) == 0;
    waker.acknowledge(true);
  }
  for (std::thread& other : others) other.join();
  EXPECT_FALSE(is_lost);
}

TEST(SettleSend, SaysWhatAResultMeans) {
  SendRequest request;
  request.bytes = 10;
  settle_send(request, 10);
  EXPECT_EQ(request.outcome, SendOutcome::kAll);
  EXPECT_EQ(request.bytes_sent, 10u);
  settle_send(request, 3);
  EXPECT_EQ(request.outcome, SendOutcome::kPart);
  EXPECT_EQ(request.bytes_sent, 3u);
  for (const int error : {EAGAIN, EINTR, ENOMEM, ENOBUFS}) {
    settle_send(request, -error);
    EXPECT_EQ(request.outcome, SendOutcome::kBlocked);
    EXPECT_EQ(request.bytes_sent, 0u);
    EXPECT_EQ(request.error, 0);
  }
  settle_send(request, -EPIPE);
  EXPECT_EQ(request.outcome, SendOutcome::kFailed);
  EXPECT_EQ(request.error, EPIPE);
  EXPECT_EQ(request.bytes_sent, 0u);
}

TEST(PeerAddress, OfNothingIsEmpty) {
  EXPECT_EQ(to_peer_address(SocketAddress{}).text, "");
  EXPECT_EQ(peer_address_of(-1).text, "");
}

TEST(UringAbi, UserDataGoesThereAndBack) {
  for (const UringTag tag :
       {UringTag::kIgnore, UringTag::kSend, UringTag::kPollIn, UringTag::kWake})
    for (const Socket socket :
         {Socket{0, 1}, Socket{0xffffffffu, kGenerationMax}, Socket{77, 0x1234567}}) {
      const uint64_t user_data = pack_user_data(tag, socket);
      EXPECT_EQ(tag_of(user_data), tag);
      EXPECT_EQ(socket_of(user_data), socket);
    }
}

}  // namespace
}  // namespace livehub::io
