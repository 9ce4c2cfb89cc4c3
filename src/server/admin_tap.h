// GET /debug/tap: what goes through a channel of the hub, as an event stream of the admin listener.
// The hub's owner of the channel keeps the messages by reference (session/taps.h); they are fetched
// ten times a second and published on a channel of the admin engine, whose fan-out then deals with
// slow readers. shard-local, on the admin listener's shard. Limits: kTapsMax. Tests:
// tests/integration/admin_debug.test.mjs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "livehub/engine.h"
#include "server/admin_gather.h"
#include "session/taps.h"

namespace livehub::server {

class AdminTaps {
 public:
  static constexpr size_t kTextBytes = 16 << 10;
  static constexpr int64_t kPeriodNs = 100'000'000;

  AdminTaps(Engine& hub, std::function<void(const Publication&)> publish)
      : hub_(hub), publish_(std::move(publish)) {}
  AdminTaps(const AdminTaps&) = delete;
  AdminTaps& operator=(const AdminTaps&) = delete;
  ~AdminTaps();

  bool has_room() const { return taps_.size() < session::Taps::kTapsMax; }
  bool is_any() const { return !taps_.empty(); }
  // A number for a new one, of all admin listeners; it is its session's tag.
  static uint64_t new_id();
  void open(Session session, std::string channel);
  void close(uint64_t id);
  void tick(int64_t now_ns, int64_t unix_ms);

  // {"position":…}: one message, as the stream has it.
  static std::string event_of(const hub::Message& message, int64_t unix_ms);

 private:
  struct Tap {
    uint64_t id = 0;
    Session session;
    std::string channel;
    std::string own_channel;  // of the admin engine
    std::shared_ptr<Gather<session::Taps::Taken>> gather;
    int64_t asked_ns = 0;
    bool has_begun = false;
  };

  void ask(Tap& tap, int64_t now_ns);
  bool take(Tap& tap, int64_t unix_ms);  // false: the hub refused it

  Engine& hub_;
  const std::function<void(const Publication&)> publish_;
  std::vector<Tap> taps_;
};

}  // namespace livehub::server
