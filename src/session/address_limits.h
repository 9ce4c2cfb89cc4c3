// How many connections each address has open, and how fast it opens them, over all shards at once.
// Why a table of atomics and no owner: who comes is let in or refused in the same turn, with no
// mail to another shard and back. Reasons: docs/decisions/2026-11-21-limits-per-address.md.
//
// mailbox: any shard calls enter() and leave(); no locks. Limits: kBucketCells addresses with open
// connections in one bucket; further ones are let in uncounted (these limits are about few
// addresses with many connections). An IPv6 address counts with all of its /64: that is what one
// customer has. Numbered invariants:
//  1. Never more than open_max connections of an address are in with a verdict of kFine: each
//     counts itself first and looks at the sum then.
//  2. A cell changes its address only while nothing is open in it and its rate has recovered.
// Tests: tests/unit/session/address_limits_test.cc.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "auth/ip_address.h"
#include "base/siphash.h"

namespace livehub::session {

class AddressLimits {
 public:
  struct Rules {
    uint32_t open_max = 0;         // 0: any number
    uint32_t rate_per_minute = 0;  // 0: any; a minute's worth may come at once
    bool is_counting_only = false;
  };
  enum class Verdict : uint8_t {
    kFine,
    kTooMany,   // open already
    kTooFast,   // opened lately
    kUncounted  // the table has no room for its address
  };
  static constexpr uint32_t kNoPlace = UINT32_MAX;
  struct Entry {
    Verdict verdict = Verdict::kFine;
    uint32_t place = kNoPlace;  // for leave()
  };

  // Room for about `addresses_max` of them, 16 bytes each, taken as it is used.
  AddressLimits(Rules rules, uint32_t addresses_max, base::HashKey key);

  // Without a place unless it is let in: where it is only counted, everybody is.
  [[nodiscard]] Entry enter(const auth::IpAddress& address, int64_t now_ns);
  void leave(uint32_t place);
  [[nodiscard]] uint32_t open_of(const auth::IpAddress& address) const;
  const Rules& rules() const { return rules_; }

  static constexpr uint32_t kBucketCells = 8;

 private:
  // Two words that std::atomic_ref works on: pages that nobody has come by stay untouched.
  struct Cell {
    uint64_t tag_and_open;  // 40 bits of the address's hash, 24 of the count; 0: never used
    int64_t earned_ns;      // when all that has come will have been earned, by the rate
  };
  struct Name {
    uint32_t bucket;  // index of its first cell
    uint64_t tag;     // in its place in the word; never 0
  };
  Name name_of(const auth::IpAddress& address) const;
  uint32_t take_cell(const Name& name, int64_t now_ns);
  uint32_t open_in(const Name& name) const;
  bool earns(Cell& cell, int64_t now_ns) const;

  const Rules rules_;
  const base::HashKey key_;
  const uint32_t cells_;  // a power of two
  const std::unique_ptr<Cell[], decltype(&std::free)> table_;
};

}  // namespace livehub::session
