// Values of the hub as the JSON of docs/ADMIN_API.md. Pure.
#pragma once

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/histogram.h"
#include "session/closed_log.h"

namespace livehub::server {

using Json = nlohmann::ordered_json;

// One line, and valid whatever bytes the strings have.
inline std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// To a part of one. Divided by a whole number it is the nearest double, and so a short text.
inline double rounded(double value, double parts = 100) {
  return std::round(value * parts) / parts;
}

inline Json times_json(const base::Histogram& times) {
  const auto ms = [&](double q) {
    return rounded(static_cast<double>(times.quantile_ns(q)) / 1e6, 1000);
  };
  return {{"p50", ms(0.5)}, {"p99", ms(0.99)}, {"max", ms(1)}};
}

inline const char* kind_name(session::EndKind kind) {
  switch (kind) {
    case session::EndKind::kSse:
      return "sse";
    case session::EndKind::kWebSocket:
      return "websocket";
    case session::EndKind::kHttp:
      return "http";
  }
  return "";
}

inline Json ended_json(const session::Ended& ended, uint32_t shard) {
  return {{"at_ms", ended.unix_ms},
          {"shard", shard},
          {"kind", kind_name(ended.kind)},
          {"code", ended.code},
          {"cause", session::cause_name(ended.cause)},
          {"reason", ended.reason_view()},
          {"address", ended.address_view()},
          {"age_seconds", rounded(ended.age_ms / 1000.0, 10)},
          {"sent_bytes", ended.sent_bytes},
          {"received_bytes", ended.received_bytes}};
}

// Resident memory of this process.
inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace livehub::server
