// The shards' plain counters as Prometheus text. Runs on the admin listener's shard, at a scrape.
#pragma once

#include <string>

#include "livehub/engine.h"

namespace livehub::server {

std::string metrics_text(Engine::State& state);

}  // namespace livehub::server
