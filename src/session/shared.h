// What the shards of one engine share. immutable but for the atomics (mailbox).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/ip_address.h"
#include "base/memory_budget.h"
#include "hub/identity.h"
#include "hub/limits.h"
#include "hub/mail.h"
#include "livehub/engine.h"
#include "session/address_limits.h"
#include "session/canary.h"
#include "shard/mailbox.h"

namespace livehub::session {

struct Shared {
  struct Lanes {  // how many mails wait between two shards; powers of two
    size_t requests = 256;
    size_t answers = 1024;
  };
  Shared(const EngineOptions& engine_options, uint32_t shards, int64_t memory_bytes)
      : Shared(engine_options, shards, memory_bytes, Lanes()) {}
  Shared(const EngineOptions& engine_options, uint32_t shards, int64_t memory_bytes, Lanes lanes,
         // tidy: shared-ptr: profiles hold their sources too, on every shard
         std::vector<std::shared_ptr<Source>> engine_sources = {})
      : options(engine_options),
        budget(memory_bytes),
        doors(shards),
        requests(shards, lanes.requests, doors, shard::kGuestsMax),
        answers(shards, lanes.answers, doors),
        sources(std::move(engine_sources)),
        shards_not_quiet(shards),
        shards_with_clients(shards) {}

  const EngineOptions options;
  hub::Identity identity;
  hub::Limits limits;
  base::MemoryBudget budget;
  shard::Doors doors;
  shard::Mailboxes<hub::Mail> requests;
  shard::Mailboxes<hub::Mail> answers;
  const std::vector<std::shared_ptr<Source>> sources;  // tidy: shared-ptr: as above
  // Set before the shards start, each maybe to nothing.
  auth::NetworkList trusted_proxies;
  std::unique_ptr<AddressLimits> address_limits;
  std::unique_ptr<Canaries> canaries;
  bool knows_visitors() const { return !trusted_proxies.empty() || address_limits != nullptr; }
  // Work for a shard, from any thread, and what /metrics says, handed to `done` on that shard; set
  // before the shards start.
  std::function<void(uint32_t shard, std::function<void()> work)> post;
  std::function<void(uint32_t shard, std::function<void(std::string)> done)> metrics_text;
  std::atomic<bool> has_ended{false};        // no shard takes mail any more; sources stop waiting
  std::atomic<uint64_t> refused_by_gate{0};  // what sources sent and the gate did not let in
  std::atomic<bool> is_draining{false};      // set once by stop(), read by every shard
  // While draining: shards that still wait for answers to publishes. At 0 every message that was
  // answered with success is in the lanes of all shards that need it, so streams may be ended
  // behind it.
  std::atomic<uint32_t> shards_not_quiet;
  std::atomic<uint32_t> shards_with_clients;  // counts down while draining; the last one ends all
  std::atomic<uint32_t> shards_out_of_slots{0};  // for readiness
};

}  // namespace livehub::session
