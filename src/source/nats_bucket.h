// The keys of one JetStream key-value bucket, watched over one connection: an ordered consumer of
// the bucket's stream that begins with the last entry of each key. Used by the link's thread; its
// ear keeps the keys (mailbox). Tests: tests/unit/source/nats_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source/nats_connection.h"

typedef struct __jsCtx jsCtx;

namespace livehub::source {

class NatsBucketWatch {
 public:
  // `on_change` is called on libnats's thread, when all keys are known and at each change after
  // it. Blocks for some round trips. nullptr: `problem` says why.
  static std::unique_ptr<NatsBucketWatch> start(NatsConnection& connection, const std::string& name,
                                                int64_t bytes_max, std::function<void()> on_change,
                                                std::string& problem);
  NatsBucketWatch(const NatsBucketWatch&) = delete;
  NatsBucketWatch& operator=(const NatsBucketWatch&) = delete;
  ~NatsBucketWatch();
  class Keys;
  // To be kept by who reads them on another thread.
  std::shared_ptr<Keys> keys() const { return keys_; }
  // nullopt: not all of them are known yet.
  static std::optional<std::vector<std::string>> list(Keys& keys);

 private:
  NatsBucketWatch(jsCtx* context, std::shared_ptr<Keys> keys);
  bool open_bucket(NatsConnection& connection, const std::string& name, int64_t bytes_max);
  bool subscribe(const std::string& name);

  jsCtx* context_ = nullptr;
  int status_ = 0;  // libnats's, of the last call
  std::shared_ptr<Keys> keys_;
  std::unique_ptr<NatsSubscription> subscription_;
};

}  // namespace livehub::source
