// `livehub serve`: settings in, a running hub, signals out. startup.
#pragma once

#include "server/settings.h"

namespace livehub::server {

// Returns the exit code: 0 after an orderly end, 1 if it could not start (the sentence went to
// stderr).
int serve(const Settings& settings);

}  // namespace livehub::server
