// What profile `signals` asks Redis for when it is asked itself: the signals of the past, and how
// the stream stands. Everything here returns at once; `done` is called once, on the Redis thread.
// Thread rule: any thread; what is under way owns itself. Limits: kScansMax at once, kScannedMax
// entries looked at for one answer. Tests: tests/integration/signals.test.mjs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "profile/signals_shared.h"

namespace livehub::profile {

inline constexpr uint32_t kScansMax = 64;
inline constexpr size_t kScannedMax = 10'000;

struct HistoryQuery {
  SignalMode mode = SignalMode::kPaper;
  size_t limit = 200;
  std::string pair = {};  // empty: every
  bool oldest_first = false;
};

// A JSON array; empty if Redis could not be asked.
void read_history(const std::shared_ptr<SignalsShared>& shared, HistoryQuery query,
                  std::function<void(std::string array)> done);

struct StreamFacts {
  bool is_known = false;
  int64_t length = 0;
  int64_t newest_ms = 0;  // 0: the stream is empty
  int64_t now_ms = 0;
};

void read_facts(const std::shared_ptr<SignalsShared>& shared,
                const std::function<void(const StreamFacts&)>& done);

}  // namespace livehub::profile
