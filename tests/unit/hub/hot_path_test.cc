// The hot path, a message in and its bytes out to many: it allocates nothing, and formats a message
// once, not once for each subscriber.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "fanout_harness.h"

namespace {

uint64_t allocations = 0;  // of the whole program; its tests are one thread

void* allocate(size_t bytes) {
  ++allocations;
  if (void* place = std::malloc(bytes)) return place;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, size_t) noexcept { std::free(place); }
void operator delete[](void* place) noexcept { std::free(place); }
void operator delete[](void* place, size_t) noexcept { std::free(place); }

namespace livehub::hub {
namespace {

constexpr PeerId kPeers = 200;
constexpr int kMessages = 1000;

class CountingEncoding : public testing::PlainEncoding {
 public:
  void write_frame(const Message& m, char* out) const override {
    ++written;
    PlainEncoding::write_frame(m, out);
  }
  mutable uint64_t written = 0;
};

// Takes everything, as the kernel does most of the time.
class TakesAll : public testing::ScriptedSink {
 public:
  void send_batch(std::span<PeerSend> sends) override {
    for (PeerSend& send : sends) {
      send.outcome = PeerSend::Outcome::kAll;
      bytes += send.bytes;
    }
  }
  uint64_t bytes = 0;
};

class HotPath : public ::testing::TestWithParam<bool> {
 protected:
  HotPath() {
    fanout_.add_encoding(&encoding_);
    stream_ = fanout_.make_stream(0, 0, 0);
    for (PeerId peer = 0; peer < kPeers; ++peer) {
      fanout_.open_peer(peer);
      fanout_.attach_at_head(fanout_.make_subscription(peer, 0, 0, SlowReader::kDisconnect),
                             stream_);
    }
  }
  static Limits limits() {
    Limits limits;
    limits.ring_bytes = 1 << 16;
    limits.arena_bytes = 1 << 16;
    limits.hot_from_subscribers = GetParam() ? 2 : 1000;
    return limits;
  }
  void deliver(int messages) {
    for (int i = 0; i < messages; ++i) {
      message_->position.offset = ++offset_;
      Fanout::Claim claim;
      ASSERT_TRUE(fanout_.make_room(stream_, *message_, claim));
      fanout_.append(stream_, *message_, kNoIndex);
      while (fanout_.flush(1)) {
      }
    }
  }

  CountingEncoding encoding_;
  base::MemoryBudget budget_{1 << 30};
  base::MemoryAccount account_{budget_};
  TakesAll sink_;
  Fanout fanout_{limits(), account_, sink_, {}};
  StreamId stream_ = kNoIndex;
  MessagePtr message_ = MessagePtr::make("channel", "a message of some length, as they are");
  uint64_t offset_ = 0;
};

TEST_P(HotPath, DeliveringAllocatesNothingAndFormatsOnce) {
  deliver(kMessages);  // buffers find their sizes, rings their rounds
  const uint64_t allocated = allocations, written = encoding_.written, sent = sink_.bytes;
  deliver(kMessages);
  EXPECT_EQ(allocations, allocated);
  EXPECT_EQ(encoding_.written - written, uint64_t{kMessages});
  EXPECT_EQ(sink_.bytes - sent, uint64_t{kMessages} * kPeers * (message_->payload_bytes + 2));
}

INSTANTIATE_TEST_SUITE_P(ColdAndHot, HotPath, ::testing::Bool(), testing::cold_or_hot);

}  // namespace
}  // namespace livehub::hub
