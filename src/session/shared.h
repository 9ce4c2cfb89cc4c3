// What the shards of one engine share. immutable but for the atomics (mailbox).
#pragma once

#include <atomic>
#include <cstdint>

#include "base/memory_budget.h"
#include "hub/identity.h"
#include "hub/limits.h"
#include "hub/mail.h"
#include "livehub/engine.h"
#include "shard/mailbox.h"

namespace livehub::session {

struct Shared {
  struct Lanes {  // how many mails wait between two shards; powers of two
    size_t requests = 256;
    size_t answers = 1024;
  };
  Shared(const EngineOptions& engine_options, uint32_t shards, int64_t memory_bytes)
      : Shared(engine_options, shards, memory_bytes, Lanes()) {}
  Shared(const EngineOptions& engine_options, uint32_t shards, int64_t memory_bytes, Lanes lanes)
      : options(engine_options),
        budget(memory_bytes),
        doors(shards),
        requests(shards, lanes.requests, doors),
        answers(shards, lanes.answers, doors),
        shards_not_quiet(shards),
        shards_with_clients(shards) {}

  const EngineOptions options;
  hub::Identity identity;
  hub::Limits limits;
  base::MemoryBudget budget;
  shard::Doors doors;
  shard::Mailboxes<hub::Mail> requests;
  shard::Mailboxes<hub::Mail> answers;
  std::atomic<bool> is_draining{false};  // set once by stop(), read by every shard
  // While draining: shards that still wait for answers to publishes. At 0 every message that was
  // answered with success is in the lanes of all shards that need it, so streams may be ended
  // behind it.
  std::atomic<uint32_t> shards_not_quiet;
  std::atomic<uint32_t> shards_with_clients;  // counts down while draining; the last one ends all
  std::atomic<uint32_t> shards_out_of_slots{0};  // for readiness
};

}  // namespace livehub::session
