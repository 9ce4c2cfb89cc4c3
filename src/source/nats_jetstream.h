// JetStream calls on one connection: a stream's state, publishing, reading in order and by
// sequence. Used by the link's thread of source/nats_stream.h; one thread. Calls block for
// kRequestMs at most each. Tests: tests/unit/source/nats_stream_test.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/nats_connection.h"

typedef struct __jsCtx jsCtx;

namespace livehub::source {

class NatsJetStream {
 public:
  struct State {
    int64_t created_ns = 0;
    uint64_t first = 0;
    uint64_t last = 0;
  };

  // `ear` hears of acknowledgements. nullptr: the connection is lost.
  static std::unique_ptr<NatsJetStream> open(NatsConnection& connection,
                                             std::shared_ptr<NatsEar> ear);
  ~NatsJetStream();
  NatsJetStream(const NatsJetStream&) = delete;
  NatsJetStream& operator=(const NatsJetStream&) = delete;

  // Makes the stream where it is missing. nullopt: `problem` says why.
  std::optional<State> state(const std::string& stream, const std::string& subject,
                             int64_t messages_max, std::string& problem);
  // From `sequence` on, in order, each once.
  std::unique_ptr<NatsSubscription> read(const std::string& stream, const std::string& subject,
                                         uint64_t sequence, std::shared_ptr<NatsEar> ear);
  // NatsEar::on_ack(id) follows if this is true.
  bool publish(const std::string& subject, std::string_view payload, uint64_t id);
  enum class Found : uint8_t { kYes, kNo, kFailed };
  Found get(const std::string& stream, uint64_t sequence, std::string& payload);

 private:
  NatsJetStream(jsCtx* context, uint64_t ticket) : context_(context), ticket_(ticket) {}
  jsCtx* context_;
  uint64_t ticket_;
};

}  // namespace livehub::source
