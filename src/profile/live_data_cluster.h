// Several machines as one hub for profile `live-data`: pushes go into a Redis Stream (or a
// JetStream stream, profile/live_data_nats.h), and every machine reads its channel from there. The
// entries' ids are the positions, so a client resumes on any machine; a push is answered 200 only
// when the broker has it.
//
// Owner: the profile's shared part. Thread rule: immutable; push() may be called from any shard.
// Tests: tests/integration/redis_cluster.test.mjs.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "profile/choice.h"

namespace livehub::source {
class NatsStreamSource;
class RedisSource;
}  // namespace livehub::source

namespace livehub::profile {

class LiveDataCluster {
 public:
  // nullptr: there is neither REDIS_URL nor NATS_URL, or `error` says what is wrong with them or
  // with BROKER_PREFIX. Beside these: REDIS_CA_CERT, BROKER_MAXLEN and those of NATS.
  [[nodiscard]] static std::unique_ptr<LiveDataCluster> make(const SettingMap& settings,
                                                             std::string_view channel,
                                                             std::string& error);

  // Appends a document; `done` is called once, on another thread, whether the broker has it.
  void push(const std::string& document, std::function<void(bool is_taken)> done) const;
  std::shared_ptr<Source> source() const;

 private:
  std::shared_ptr<source::NatsStreamSource> nats_;  // or
  std::shared_ptr<source::RedisSource> redis_;
  std::string key_;
  std::string entries_max_;
};

}  // namespace livehub::profile
