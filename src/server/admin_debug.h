// GET /debug/connections, /debug/channels, /debug/ended and /metrics: a question to every shard,
// and a reply when all have answered or a second is over. shard-local, on the admin listener's
// shard. Limits: kLimitMost rows a reply, kLookedMost connections of a shard. Tests:
// tests/integration/admin_debug.test.mjs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/engine.h"
#include "server/admin_gather.h"

namespace livehub::server {

class AdminDebug {
 public:
  static constexpr size_t kLimitMost = 1000;
  static constexpr uint64_t kLookedMost = 200'000;
  static constexpr int64_t kPatienceNs = 1'000'000'000;

  AdminDebug(Engine& hub, std::shared_ptr<Waker> waker) : hub_(hub), waker_(std::move(waker)) {}

  static bool knows(std::string_view path);
  // Replies now or later.
  void ask(Exchange exchange, const Request& request, int64_t now_ns);
  // Replies to what is complete, or late.
  void sweep(int64_t now_ns);

 private:
  struct Waiting {
    Exchange exchange;
    int64_t until_ns = 0;
    // The reply; nothing yet, unless it is late.
    std::function<std::optional<Reply>(bool is_late)> reply;
  };
  using Answer = std::function<std::optional<Reply>(bool is_late)>;

  Answer ask_connections(const Request& request, size_t limit);
  Answer ask_channels(const Request& request, size_t limit);
  Answer ask_ended(size_t limit);
  Answer ask_metrics();

  Engine& hub_;
  const std::shared_ptr<Waker> waker_;
  std::vector<Waiting> waiting_;
};

// JSON that no cache keeps.
[[nodiscard]] Reply json_reply(int status, std::string body);
// {"error": sentence}
[[nodiscard]] Reply error_reply(int status, std::string_view sentence);

}  // namespace livehub::server
