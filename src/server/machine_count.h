// How many Machines of this Fly.io app there are: one AAAA record of <app>.internal each. Without a
// broker every push reaches the clients of one Machine only, so more than one is an error, said in
// the log and in readiness (as a link that is down). mailbox: links() from any thread; the counting
// is done on a thread of its own. Owned by the engine, as its sources are.
// Tests: tests/unit/server/machine_count_test.cc.
#pragma once

#include <netinet/in.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "livehub/source.h"

namespace livehub::server {

// AAAA records of a name; 0: the name has none, or there is no such name; nullopt: nobody could be
// asked. Takes a few seconds at most. `server`: ask this name server instead of the system's.
[[nodiscard]] std::optional<uint32_t> count_addresses(
    const std::string& host, const std::optional<sockaddr_in>& server = std::nullopt);

[[nodiscard]] std::string machines_host(const std::string& app);
// The sentence for so many Machines without a broker; empty for one or none.
[[nodiscard]] std::string machines_problem(uint32_t machines);

class MachineWatch : public Source {
 public:
  using Counter = std::function<std::optional<uint32_t>(const std::string& host)>;
  MachineWatch(const std::string& app, Counter counter,
               std::chrono::milliseconds period = std::chrono::seconds(60));
  ~MachineWatch() override;
  MachineWatch(const MachineWatch&) = delete;
  MachineWatch& operator=(const MachineWatch&) = delete;

  std::string start(Inlet& inlet) override;
  void stop() override;
  std::vector<LinkState> links() const override;

 private:
  void run();
  void count();

  const std::string host_;
  const Counter counter_;
  const std::chrono::milliseconds period_;
  std::atomic<uint32_t> machines_{0};   // written by the thread, read by links()
  std::atomic<int64_t> changed_ns_{0};  // the same; steady clock
  std::mutex mutex_;                    // guards is_stopping_
  std::condition_variable wakes_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace livehub::server
