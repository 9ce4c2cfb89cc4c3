// The shards' plain counters as Prometheus text, at a scrape. Any thread.
#pragma once

#include <string>
#include <vector>

#include "livehub/engine.h"

namespace livehub {
struct ShardSnapshot;
}

namespace livehub::server {

std::string metrics_text(const Engine::State& state, const std::vector<ShardSnapshot>& shards);

}  // namespace livehub::server
