// The thread that watches the canaries: once a second it asks the sources for their links, sends
// the canaries that are due through the sources, has a source rebuilt that stays late, and says in
// the log what is late and when it is over. On a thread of its own, so that no shard and no source
// that is stuck can keep it from that. Owned by the engine; startup, its thread between start() and
// stop(). Tests: tests/unit/server/canary_test.cc.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "livehub/source.h"
#include "session/canary.h"

namespace livehub::server {

class CanaryWatch {
 public:
  // All outlive it. A source's place in the list is its number among the canaries. While the
  // engine drains nobody sends canaries, and nothing is late.
  CanaryWatch(session::Canaries& canaries, const std::vector<std::shared_ptr<Source>>& sources,
              const std::atomic<bool>& is_draining)
      : canaries_(canaries), sources_(sources), is_draining_(is_draining) {}
  CanaryWatch(const CanaryWatch&) = delete;
  CanaryWatch& operator=(const CanaryWatch&) = delete;
  ~CanaryWatch() { stop(); }

  void start();
  void stop();  // before the sources stop

 private:
  void run();
  void look(int64_t now_ns);
  void step(uint32_t source, int64_t now_ns);

  session::Canaries& canaries_;
  const std::vector<std::shared_ptr<Source>>& sources_;
  const std::atomic<bool>& is_draining_;
  bool was_wrong_ = false;
  std::mutex mutex_;  // guards is_stopping_
  std::condition_variable wakes_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace livehub::server
