// The admin listener: health and metrics for whoever runs this process, never for its clients. It
// is an engine of its own with one shard, so a busy hub cannot make it late. startup. Tests:
// tests/integration/admin.test.mjs.
#pragma once

#include <memory>

#include "livehub/engine.h"

namespace livehub::server {

// A factory for the admin listener's profile; `hub` outlives it.
ProfileFactory make_admin(Engine& hub);

}  // namespace livehub::server
