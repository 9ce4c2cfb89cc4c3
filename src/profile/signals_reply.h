// Replies and documents of profile `signals`, as its clients know them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "livehub/profile.h"
#include "profile/signals_history.h"
#include "profile/signals_shared.h"

namespace livehub::profile {

using Headers = std::vector<std::pair<std::string, std::string>>;

// For everything but the stream: the origins that may read it.
[[nodiscard]] Headers signals_cors(const auth::OriginList& origins, std::string_view origin);
[[nodiscard]] Reply signals_json(Headers headers, int status, std::string body);

// The service's 422: what of the query is wrong, in the framework's words.
[[nodiscard]] std::string wrong_mode(std::string_view input);
[[nodiscard]] std::string wrong_limit(std::string_view name, std::string_view input);

// What the health pages say.
struct SignalsHealth {
  bool is_up = false;
  double ping_ms = -1;
  int64_t now_ms = 0;
  int64_t uptime_seconds = 0;
};
[[nodiscard]] std::string status_health(const SignalsHealth& health);  // /v1/status/health
[[nodiscard]] std::string plain_health(const SignalsHealth& health, const StreamFacts& facts,
                                       uint64_t read_ms);  // /health
[[nodiscard]] std::string sse_health(const SignalsHealth& health, const StreamFacts& facts,
                                     const SignalsTally& tally);       // /v1/signals/health/sse
[[nodiscard]] std::string signals_metrics(const SignalsTally& tally);  // behind the hub's own

// A version 4 UUID out of 16 bytes.
[[nodiscard]] std::string uuid_of(uint64_t high, uint64_t low);

}  // namespace livehub::profile
