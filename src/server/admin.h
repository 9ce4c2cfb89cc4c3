// The admin listener: health, metrics, the page and what it reads, for whoever runs this process,
// never for its clients (docs/ADMIN_API.md). It is an engine of its own with one shard, so a busy
// hub cannot make it late; it asks the hub's shards by tasks and waits for none. startup. Tests:
// tests/integration/admin.test.mjs, tests/integration/admin_debug.test.mjs.
#pragma once

#include <memory>
#include <string>

#include "livehub/engine.h"
#include "server/admin_access.h"

namespace livehub::server {

struct AdminOptions {
  std::shared_ptr<const AdminToken> token;
  std::string profile;  // the hub's
  std::string hub_url;  // where clients reach the hub, if that is known
};

// A factory for the admin listeners' profile; `hub` outlives them.
ProfileFactory make_admin(Engine& hub, AdminOptions options);

}  // namespace livehub::server
