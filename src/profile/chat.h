// Profile `chat`: a support chat's rooms over WebSockets. A token names the room; what a client
// sends is saved through the web app's API and goes to the room here and, through Redis, to every
// other machine. Settings are the service's own environment names (docs/profiles/chat.md). startup;
// the profile objects it makes are shard-local. Tests: tests/unit/profile/chat_test.cc and
// tests/integration/chat*.test.mjs.
#pragma once

#include <functional>
#include <memory>

#include "livehub/engine.h"
#include "profile/choice.h"

namespace livehub::source {
class HttpCaller;
}

namespace livehub::profile {

// What the simulator puts in the place of the world outside; empty: the world.
struct ChatParts {
  std::shared_ptr<source::HttpCaller> backend = nullptr;  // the web app's API
  std::function<int64_t()> unix_ms = nullptr;
};

// `settings`: JWT_SECRET, REDIS_URL, REDIS_CA_CERT, INTERNAL_API_SECRET, NEXT_API_URL,
// BACKEND_TIMEOUT_MS, BACKEND_CONCURRENCY, BACKEND_QUEUE, CHAT_TRUST_ROLES, ENFORCE_EXPIRY.
ProfileChoice make_chat(const SettingMap& settings);
ProfileChoice make_chat_of(const SettingMap& settings, const ChatParts& parts);
// Its own port, pings each 30 s, no history.
void set_chat_defaults(EngineOptions& options);

}  // namespace livehub::profile
