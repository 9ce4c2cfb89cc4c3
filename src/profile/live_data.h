// Profile `live-data`: the Live Data Hub. One channel; whoever pushes a JSON document over HTTP
// reaches every SSE and WebSocket client. Settings are the service's own environment names
// (docs/PROFILES.md). startup; the profile objects it makes are shard-local. Tests:
// tests/unit/profile/live_data_test.cc and tests/integration/.
#pragma once

#include "profile/choice.h"

namespace livehub::profile {

// `settings`: MODE, TICK_MS, LIVE_PUSH_TOKEN, LIVE_PUSH_HMAC_SECRET, MAX_BODY_BYTES, CORS_ORIGINS,
// and those of live_data_cluster.h.
ProfileChoice make_live_data(const SettingMap& settings);

}  // namespace livehub::profile
