#include "session/address_limits.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "base/check.h"

namespace livehub::session {
namespace {

constexpr uint64_t kOpenMask = (uint64_t{1} << 24) - 1;
constexpr uint32_t kAddressesLeast = 4096;
constexpr uint32_t kAddressesMost = 1 << 20;
constexpr int64_t kMinuteNs = 60'000'000'000;

// Every use pairs with the other shards' uses of the same cell. One order for all of them
// (sequential, the default) is what invariant 1 stands on: of two that come at once, the later one
// sees both.
std::atomic_ref<uint64_t> word_of(uint64_t& word) { return std::atomic_ref(word); }

uint32_t cells_for(uint32_t addresses_max) {
  return std::bit_ceil(std::clamp(addresses_max, kAddressesLeast, kAddressesMost));
}

}  // namespace

AddressLimits::AddressLimits(Rules rules, uint32_t addresses_max, base::HashKey key)
    : rules_(rules),
      key_(key),
      cells_(cells_for(addresses_max)),
      table_(static_cast<Cell*>(std::calloc(cells_, sizeof(Cell))), &std::free) {
  LIVEHUB_CHECK(table_ != nullptr, "the table of addresses is made at the start, from free memory");
}

AddressLimits::Name AddressLimits::name_of(const auth::IpAddress& address) const {
  const size_t bytes = address.is_v4() ? address.bytes.size() : 8;
  const uint64_t hash =
      base::siphash13(key_, {reinterpret_cast<const char*>(address.bytes.data()), bytes});
  const uint64_t tag = hash & ~kOpenMask;
  // The bucket comes of the bits that the tag does not have, as far as they go.
  const uint32_t buckets = cells_ / kBucketCells;
  return {static_cast<uint32_t>(hash & (buckets - 1)) * kBucketCells,
          tag != 0 ? tag : kOpenMask + 1};
}

uint32_t AddressLimits::open_in(const Name& name) const {
  uint32_t open = 0;
  for (uint32_t i = 0; i < kBucketCells; ++i) {
    const uint64_t word = word_of(table_[name.bucket + i].tag_and_open).load();
    if ((word & ~kOpenMask) == name.tag) open += static_cast<uint32_t>(word & kOpenMask);
  }
  return open;
}

// The cell that has the address, counted up by one; else one that is free. Two shards may take two
// cells for one address: the sum over the bucket is what counts.
uint32_t AddressLimits::take_cell(const Name& name, int64_t now_ns) {
  for (const bool takes_free : {false, true}) {
    for (uint32_t i = 0; i < kBucketCells; ++i) {
      Cell& cell = table_[name.bucket + i];
      uint64_t word = word_of(cell.tag_and_open).load();
      const bool is_recovered = std::atomic_ref(cell.earned_ns).load() <= now_ns;
      while (true) {
        const bool is_ours = (word & ~kOpenMask) == name.tag;
        const bool is_free = (word & kOpenMask) == 0 && (word == 0 || is_recovered);
        if (!is_ours && !(takes_free && is_free)) break;
        const uint64_t next = is_ours ? word + 1 : name.tag + 1;
        if (word_of(cell.tag_and_open).compare_exchange_weak(word, next)) return name.bucket + i;
      }
    }
  }
  return kNoPlace;
}

// A bucket of a minute's worth that fills with time, kept as the moment when it will be full.
bool AddressLimits::earns(Cell& cell, int64_t now_ns) const {
  if (rules_.rate_per_minute == 0) return true;
  const int64_t price = kMinuteNs / rules_.rate_per_minute;
  std::atomic_ref earned(cell.earned_ns);
  int64_t before = earned.load();
  while (true) {
    const int64_t after = std::max(before, now_ns) + price;
    if (after - now_ns > kMinuteNs) return false;
    if (earned.compare_exchange_weak(before, after)) return true;
  }
}

AddressLimits::Entry AddressLimits::enter(const auth::IpAddress& address, int64_t now_ns) {
  const Name name = name_of(address);
  const uint32_t place = take_cell(name, now_ns);
  if (place == kNoPlace) return {Verdict::kUncounted, kNoPlace};
  Verdict verdict = Verdict::kFine;
  if (rules_.open_max > 0 && open_in(name) > rules_.open_max)
    verdict = Verdict::kTooMany;
  else if (!earns(table_[place], now_ns))
    verdict = Verdict::kTooFast;
  if (verdict == Verdict::kFine || rules_.is_counting_only) return {verdict, place};
  leave(place);
  return {verdict, kNoPlace};
}

void AddressLimits::leave(uint32_t place) {
  if (place == kNoPlace) return;
  const uint64_t before = word_of(table_[place].tag_and_open).fetch_sub(1);
  LIVEHUB_CHECK((before & kOpenMask) != 0, "who leaves has entered");
}

uint32_t AddressLimits::open_of(const auth::IpAddress& address) const {
  return open_in(name_of(address));
}

}  // namespace livehub::session
