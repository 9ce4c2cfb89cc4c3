// Profile `pg-updates`: a row of PostgreSQL changes, its user's browsers are told over WebSocket.
// Settings are the service's own environment names (docs/profiles/pg-updates.md). startup; the
// profile objects it makes are shard-local. Tests: tests/unit/profile/pg_updates_test.cc and
// tests/integration/pg_updates.test.mjs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "livehub/engine.h"
#include "profile/choice.h"

namespace livehub::profile {

// Where changes come from; empty: the database.
struct PgUpdatesParts {
  std::shared_ptr<Source> source = nullptr;
  std::function<size_t()> wanted_channels = nullptr;  // how many somebody here listens to
};

// `settings`: DATABASE_URL, WEBSOCKET_JWT_SECRET, ALLOWED_ORIGINS, PG_CHANNEL_SPELLING, PG_OUTBOX,
// OUTBOX_SECONDS, AUTH_TIMEOUT, ENFORCE_EXPIRY.
ProfileChoice make_pg_updates(const SettingMap& settings);
ProfileChoice make_pg_updates_of(const SettingMap& settings, PgUpdatesParts parts);
void set_pg_updates_defaults(EngineOptions& options);

}  // namespace livehub::profile
