// Profile `drop`: the Product Drop service. SSE streams of a drop and one of its users, of a queue
// token, and of the list of all drops: a snapshot from the backend (Restate) at each connect, then
// what NATS brings. Settings are the service's own environment names (docs/profiles/drop.md).
// startup; the profile objects it makes are shard-local. Tests: tests/integration/drop.test.mjs,
// tests/integration/drop_faults.test.mjs and tests/integration/drop_list.test.mjs.
#pragma once

#include <functional>
#include <memory>

#include "livehub/engine.h"
#include "profile/choice.h"

namespace livehub::source {
class HttpCaller;
class NatsSubscriber;
}  // namespace livehub::source

namespace livehub::profile {

// What the simulator puts in the place of the world outside; empty: the world. What feeds the
// channels is then its own affair.
struct DropParts {
  std::shared_ptr<source::HttpCaller> backend = nullptr;  // Restate
  std::shared_ptr<source::NatsSubscriber> nats = nullptr;
  std::function<int64_t()> unix_ms = nullptr;
};

// `settings`: NATS_URL, NATS_CREDS_FILE, NATS_CA_FILE, RESTATE_INGRESS_URL, RESTATE_API_TIMEOUT_MS,
// CORS_ORIGINS.
ProfileChoice make_drop(const SettingMap& settings);
ProfileChoice make_drop_of(const SettingMap& settings, const DropParts& parts);
void set_drop_defaults(EngineOptions& options);

}  // namespace livehub::profile
