// NATS as a source: hub channels that are fed by core subscriptions (one for each subject, whatever
// the number of clients), publishing, and for the profile's own use wildcard subscriptions and
// JetStream key-value buckets.
//
// Two threads of ours. The *link* dials, subscribes and proves the connection alive by a round trip
// each 5 s; the *feed* alone calls the Inlet. Between libnats's threads and the feed stands a
// bounded queue. All public calls are mailbox: any thread, none of them blocks. What callbacks are
// given runs on the feed's thread.
//
//   1. confirm() only after a round trip behind the subscription: the server has it.
//   2. What the link lost is told: every channel that was confirmed gets a gap once it is
//      subscribed anew; one that was refused is confirmed then.
//   3. A subscription that the server does not permit is named by links(), and tried again; the
//      others go on.
//   4. A subject stays subscribed for linger_ms after its last client: who comes back soon finds
//      it, and no answer to an older want() can be taken for one to the next.
// Limits: kPublishesMax waiting; the queue's. Tests: tests/unit/source/nats_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/source.h"
#include "source/nats_subscriber.h"

namespace livehub::source {

struct NatsOptions {
  std::string servers = "nats://localhost:4222";  // NATS_URL: a comma list, tried in turn
  std::string creds_file = {};                    // JWT and key, as `nsc` writes them
  std::string ca_file = {};                       // who signs tls:// servers; empty: the system's
  std::string name = "livehub";
  int64_t dial_ms = 2000;
  int64_t ping_ms = 5000;
  int64_t silent_ms = 10'000;  // without a round trip for so long: a new connection
  int64_t retry_ms_max = 1000;
  int64_t refused_ms = 5000;  // until a subscription that was not permitted is tried again
  int64_t linger_ms = 5000;
  size_t queue_messages_max = 65'536;
  size_t queue_bytes_max = 64 << 20;
};

struct NatsMessage {
  std::string_view subject;
  std::string_view payload;
};

struct NatsDecoded {
  std::string payload;
  std::string event;
};

// How a profile's channels and subjects go together. Pure functions, called on any thread.
struct NatsRule {
  std::function<bool(std::string_view channel)> feeds;
  std::function<std::string(std::string_view channel)> subject_of;
  std::function<std::string(std::string_view subject)> channel_of;
  // False: the message is dropped. On the feed's thread.
  std::function<bool(const NatsMessage& message, NatsDecoded& out)> decode;
};

inline constexpr size_t kPublishesMax = 10'000;

class NatsSource : public Source, public NatsSubscriber {
 public:
  NatsSource(NatsOptions options, NatsRule rule);
  NatsSource(const NatsSource&) = delete;
  NatsSource& operator=(const NatsSource&) = delete;
  ~NatsSource() override;

  std::string start(Inlet& inlet) override;
  void stop() override;
  std::vector<LinkState> links() const override;
  bool feeds(std::string_view channel) const override { return rule_.feeds(channel); }
  void want(std::string_view channel) override;
  void unwant(std::string_view channel) override;
  // Core pub/sub, on one subject of this process's own: "livehub.canary." and 16 hex digits.
  std::string_view canary_name() const override { return "nats"; }
  void send_canary(std::string_view payload) override;
  void rebuild() override;

  uint64_t listen(NatsListen listen) override;
  uint64_t listen(NatsBucket bucket) override;
  void unlisten(uint64_t id) override;
  // NATS core, fire and forget. False: the link is down, or too much waits.
  bool publish(std::string_view subject, std::string_view payload);
  bool is_up() const override;

 private:
  struct Parts;
  const std::string canary_subject_;
  const NatsRule rule_;  // the profile's, and the canary's
  const NatsOptions options_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace livehub::source
