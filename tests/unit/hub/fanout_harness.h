// A fan-out with a sink that does what the test says, peer by peer, and remembers what it was
// given.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hub/fanout.h"

namespace livehub::hub::testing {

// The payload itself, in brackets: "[a]".
class PlainEncoding : public Encoding {
 public:
  size_t frame_bytes(const Message& m) const override { return m.payload_bytes + 2; }
  void write_frame(const Message& m, char* out) const override {
    *out++ = '[';
    std::copy(m.payload().begin(), m.payload().end(), out);
    out[m.payload_bytes] = ']';
  }
};

class ScriptedSink : public Sink {
 public:
  static constexpr size_t kFails = ~size_t{0};
  void send_batch(std::span<PeerSend> sends) override {
    batches.push_back(sends.size());
    for (PeerSend& send : sends) {
      std::string bytes;
      for (uint32_t i = 0; i < send.piece_count; ++i)
        bytes.append(static_cast<const char*>(send.pieces[i].iov_base), send.pieces[i].iov_len);
      pieces_most = std::max(pieces_most, send.piece_count);
      const auto limit = takes.find(send.peer);
      if (limit == takes.end() || (limit->second != kFails && limit->second >= bytes.size())) {
        send.outcome = PeerSend::Outcome::kAll;
      } else if (limit->second == kFails) {
        send.outcome = PeerSend::Outcome::kFailed;
        send.error = 104;
        continue;
      } else {
        bytes.resize(limit->second);
        send.bytes_sent = static_cast<uint32_t>(limit->second);
        send.outcome = bytes.empty() ? PeerSend::Outcome::kBlocked : PeerSend::Outcome::kPart;
      }
      received[send.peer] += bytes;
    }
  }
  void want_writable(PeerId peer) override { waiting.insert(peer); }
  void on_drained(PeerId peer) override { drained.push_back(peer); }
  void on_failed(PeerId peer, int) override { failed.push_back(peer); }
  void on_lapped(PeerId peer, SubscriptionId) override { lapped.push_back(peer); }
  void on_skipped(PeerId peer, SubscriptionId, uint64_t offset) override {
    skipped.emplace_back(peer, offset);
  }

  std::map<PeerId, size_t> takes;  // so many bytes per send; no entry: everything
  std::map<PeerId, std::string> received;
  std::set<PeerId> waiting;
  std::vector<PeerId> drained, failed, lapped;
  std::vector<std::pair<PeerId, uint64_t>> skipped;
  std::vector<size_t> batches;
  uint32_t pieces_most = 0;
};

class FanoutTest : public ::testing::Test {
 protected:
  static Limits tiny_limits() {
    Limits limits;
    limits.ring_bytes = 4096;
    limits.arena_bytes = 8192;
    limits.hot_from_subscribers = 1000;
    limits.hot_until_ns = 10;
    limits.blocks_bytes_max = 4096;
    return limits;
  }
  static Limits hot_limits() {
    Limits limits = tiny_limits();
    limits.hot_from_subscribers = 1;
    return limits;
  }

  explicit FanoutTest(const Limits& limits = tiny_limits(), Beginning beginning = {})
      : fanout(std::make_unique<Fanout>(limits, account, sink, beginning)) {
    fanout->add_encoding(&encoding);
    stream = fanout->make_stream(0, 0, 0);
  }
  ~FanoutTest() override {
    fanout.reset();
    EXPECT_EQ(account.held(), 0);
  }

  SubscriptionId listen(PeerId peer, SlowReader policy = SlowReader::kDisconnect) {
    return listen_to(stream, peer, policy);
  }
  SubscriptionId listen_to(StreamId id, PeerId peer, SlowReader policy = SlowReader::kDisconnect) {
    if (!fanout->has_peer(peer)) fanout->open_peer(peer);
    const SubscriptionId s = fanout->make_subscription(peer, 0, 0, policy);
    fanout->attach_at_head(s, id);
    return s;
  }
  bool append(std::string_view payload, PeerId skip = kNoIndex) {
    return append_to(stream, payload, skip);
  }
  bool append_to(StreamId id, std::string_view payload, PeerId skip = kNoIndex) {
    MessagePtr message = MessagePtr::make("channel", payload);
    message->position.offset = offset + 1;
    Fanout::Claim claim;
    if (!fanout->make_room(id, *message, claim)) return false;
    ++offset;
    fanout->append(id, *message, skip);
    fanout->check_invariants();
    return true;
  }
  // Appends until what stood in the ring before is gone; the others keep up meanwhile.
  void lap(StreamId id, std::string_view payload = "filler") {
    const uint64_t until = fanout->stream(id).next;
    while (fanout->stream(id).first() < until) {
      ASSERT_TRUE(append_to(id, payload));
      flush();
    }
  }
  void flush() {
    while (fanout->flush(1)) fanout->check_invariants();
    fanout->check_invariants();
  }
  void writable(PeerId peer) {
    EXPECT_EQ(sink.waiting.erase(peer), 1U);
    sink.takes.erase(peer);
    fanout->on_writable(peer);
    fanout->check_invariants();
  }
  void close(PeerId peer) {
    while (fanout->peer(peer).first_subscription != kNoIndex)
      fanout->remove_subscription(fanout->peer(peer).first_subscription);
    fanout->close_peer(peer);
    fanout->check_invariants();
  }
  std::string take(PeerId peer) { return std::exchange(sink.received[peer], {}); }

  PlainEncoding encoding;
  base::MemoryBudget budget{1 << 30};
  base::MemoryAccount account{budget};
  ScriptedSink sink;
  std::unique_ptr<Fanout> fanout;
  StreamId stream = kNoIndex;
  uint64_t offset = 0;
};

// The same test on a stream in the arena and on one with a ring of its own.
class ColdAndHot : public FanoutTest, public ::testing::WithParamInterface<bool> {
 protected:
  ColdAndHot() : FanoutTest(GetParam() ? hot_limits() : tiny_limits()) {}
};
inline std::string cold_or_hot(const ::testing::TestParamInfo<bool>& info) {
  return info.param ? "Hot" : "Cold";
}

}  // namespace livehub::hub::testing
