// What the hub costs by itself: appending to a stream and draining it, and fanning one message out
// to n subscribers. The sink takes every send and touches nothing, so the kernel's price is not in
// it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/memory_budget.h"
#include "hub/fanout.h"
#include "load/payload.h"
#include "session/encodings.h"

namespace livehub::hub {
namespace {

class TakesAll final : public Sink {
 public:
  void send_batch(std::span<PeerSend> sends) override {
    for (PeerSend& send : sends) {
      send.outcome = PeerSend::Outcome::kAll;
      bytes += send.bytes;
    }
  }
  void want_writable(PeerId) override {}
  void on_drained(PeerId) override {}
  void on_failed(PeerId, int) override {}
  void on_lapped(PeerId, SubscriptionId) override {}
  void on_skipped(PeerId, SubscriptionId, uint64_t) override {}
  uint64_t bytes = 0;
};

// One stream with subscribers that keep up.
class OneStream {
 public:
  OneStream(session::EncodingKind encoding, bool is_hot, uint32_t subscribers, size_t bytes)
      : subscribers_(subscribers),
        fanout_(limits_of(is_hot), account_, sink_),
        message_(message_of(bytes)) {
    fanout_.add_encoding(&session::encoding_of(encoding));
    stream_ = fanout_.make_stream(0, 0, 0);
    for (PeerId peer = 0; peer < subscribers; ++peer) {
      fanout_.open_peer(peer);
      fanout_.attach_at_head(fanout_.make_subscription(peer, 0, 0, SlowReader::kDisconnect),
                             stream_);
    }
  }
  ~OneStream() {
    for (PeerId peer = 0; peer < subscribers_; ++peer) {
      fanout_.remove_subscription(fanout_.peer(peer).first_subscription);
      fanout_.close_peer(peer);
    }
  }

  void append() {
    ++message_->position.offset;
    Fanout::Claim claim;
    if (fanout_.make_room(stream_, *message_, claim)) fanout_.append(stream_, *message_, kNoIndex);
  }
  void drain() {
    while (fanout_.flush(1)) continue;
  }
  uint64_t sent_bytes() const { return sink_.bytes; }

 private:
  static Limits limits_of(bool is_hot) {
    Limits limits;
    limits.hot_from_subscribers = is_hot ? 1 : ~0u;
    return limits;
  }
  static MessagePtr message_of(size_t bytes) {
    std::string text(bytes, ' ');
    bench::write_payload(text.data(), bytes, {.seq = 1, .t_ns = 1'234'567'890'123});
    return MessagePtr::make("channel", text);
  }

  uint32_t subscribers_;
  base::MemoryBudget budget_{int64_t{1} << 30};
  base::MemoryAccount account_{budget_};
  TakesAll sink_;
  Fanout fanout_;
  MessagePtr message_;
  StreamId stream_ = kNoIndex;
};

// So many messages are appended, then one subscriber is sent them: the argument is their number.
void append_and_drain(benchmark::State& state, session::EncodingKind encoding, bool is_hot) {
  OneStream stream(encoding, is_hot, 1, 128);
  const int64_t batch = state.range(0);
  for (auto _ : state) {
    for (int64_t i = 0; i < batch; ++i) stream.append();
    stream.drain();
  }
  if (stream.sent_bytes() == 0) state.SkipWithError("nothing was sent");
  state.SetItemsProcessed(state.iterations() * batch);
}

void RingAppendDrain(benchmark::State& state) {
  append_and_drain(state, session::EncodingKind::kWsText, true);
}
BENCHMARK(RingAppendDrain)->Arg(1)->Arg(16)->Arg(256);

void RingAppendDrainSse(benchmark::State& state) {
  append_and_drain(state, session::EncodingKind::kSseChunked, true);
}
BENCHMARK(RingAppendDrainSse)->Arg(1)->Arg(16);

// A quiet channel's messages lie in the shard's arena.
void ArenaAppendDrain(benchmark::State& state) {
  append_and_drain(state, session::EncodingKind::kWsText, false);
}
BENCHMARK(ArenaAppendDrain)->Arg(1)->Arg(16);

// One message to each of n subscribers; items are deliveries.
void FanoutToSubscribers(benchmark::State& state) {
  const auto subscribers = static_cast<uint32_t>(state.range(0));
  OneStream stream(session::EncodingKind::kWsText, subscribers >= 64, subscribers, 128);
  for (auto _ : state) {
    stream.append();
    stream.drain();
  }
  if (stream.sent_bytes() == 0) state.SkipWithError("nothing was sent");
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(FanoutToSubscribers)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace livehub::hub
