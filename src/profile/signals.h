// Profile `signals`: trading signals that a bot writes to Redis Streams, as SSE and as JSON. Its
// settings are the service's own environment names (docs/profiles/signals.md). startup; the profile
// objects it makes are shard-local. Tests: tests/unit/profile/signals_test.cc and
// tests/integration/signals.test.mjs.
#pragma once

#include "livehub/engine.h"
#include "profile/choice.h"

namespace livehub::profile {

ProfileChoice make_signals(const SettingMap& settings);

// Where the service has other defaults than the hub: its port, and room for a stream's past.
void set_signals_defaults(EngineOptions& options);

}  // namespace livehub::profile
