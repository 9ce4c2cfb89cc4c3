#include "session/canary.h"

#include <algorithm>
#include <utility>

namespace livehub::session {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kStepNsMax = 2 * kSecondNs;  // more between two steps: this process stood still
constexpr int64_t kStuckNs = 3 * kSecondNs;    // a shard turns once a second at least
constexpr uint32_t kDoublingsMax = 5;
constexpr int64_t kRefusedShare = 12;  // one that is not permitted is tried that much more rarely

std::string seconds(int64_t ns) { return std::to_string(ns / kSecondNs) + " s"; }

// Canaries may overtake each other on their ways: only a newer one moves a cell. One writer each.
void raise(std::atomic<int64_t>& cell, int64_t ns) {
  if (ns > cell.load(kRelaxed)) cell.store(ns, kRelaxed);
}

}  // namespace

Canaries::Canaries(uint32_t shards, std::vector<std::string> sources, CanaryTimes times,
                   int64_t now_ns)
    : times_(times), turned_ns_(shards), own_ns_(shards) {
  for (uint32_t shard = 0; shard < shards; ++shard) {
    turned_ns_[shard].store(now_ns, kRelaxed);
    own_ns_[shard].store(now_ns, kRelaxed);
  }
  for (std::string& name : sources) {
    sources_.push_back(std::make_unique<Source>());
    sources_.back()->name = std::move(name);
    sources_.back()->heard_ns = std::vector<Cell>(shards);
    sources_.back()->stepped_ns = now_ns;
  }
}

void Canaries::note_turn(uint32_t shard, int64_t now_ns) { raise(turned_ns_[shard], now_ns); }
void Canaries::note_own(uint32_t shard, int64_t sent_ns) { raise(own_ns_[shard], sent_ns); }

void Canaries::note_of_source(uint32_t shard, uint32_t source, int64_t sent_ns) {
  if (source >= sources_.size()) return;
  raise(sources_[source]->heard_ns[shard], sent_ns);
  if (sources_[source]->is_refused.load(kRelaxed))
    sources_[source]->is_refused.store(false, kRelaxed);
}

bool Canaries::refuse(uint32_t source) {
  return !sources_[source]->is_refused.exchange(true, kRelaxed);
}

// --- ages ---

int64_t Canaries::shard_age_ns(uint32_t shard, int64_t now_ns) const {
  return std::max<int64_t>(0, now_ns - own_ns_[shard].load(kRelaxed));
}

bool Canaries::is_any_shard_late(int64_t now_ns) const {
  for (uint32_t shard = 0; shard < shards(); ++shard)
    if (is_late(shard, now_ns)) return true;
  return false;
}

int64_t Canaries::newest_ns(const Source& source) const {
  int64_t newest = source.since_ns.load(kRelaxed);
  for (const Cell& heard : source.heard_ns) newest = std::max(newest, heard.load(kRelaxed));
  return newest;
}

std::optional<int64_t> Canaries::source_age_ns(uint32_t index, int64_t now_ns) const {
  const Source& source = *sources_[index];
  if (!source.is_watched.load(kRelaxed) || source.is_refused.load(kRelaxed)) return std::nullopt;
  const int64_t since_ns = source.since_ns.load(kRelaxed);
  int64_t age_ns = 0;
  for (const Cell& heard : source.heard_ns)
    age_ns = std::max(age_ns, now_ns - std::max(since_ns, heard.load(kRelaxed)));
  return age_ns;
}

uint64_t Canaries::rebuilds(uint32_t source) const {
  return sources_[source]->rebuilds.load(kRelaxed);
}

// --- readiness ---

// Of a shard that is late. One that does not turn holds up its neighbour's canary as well: it alone
// is named, as soon as it is late itself.
std::string Canaries::shard_sentence(uint32_t shard, int64_t now_ns) const {
  const auto still_ns = [&](uint32_t which) { return now_ns - turned_ns_[which].load(kRelaxed); };
  if (still_ns(shard) >= kStuckNs)
    return "shard " + std::to_string(shard) + " has not turned for " + seconds(still_ns(shard));
  const uint32_t owner = owner_for(shard);
  if (still_ns(owner) >= kStuckNs && is_late(owner, now_ns)) return {};
  return "canary: the newest that came to shard " + std::to_string(shard) + " by shard " +
         std::to_string(owner_for(shard)) + " was sent " + seconds(shard_age_ns(shard, now_ns)) +
         " ago";
}

std::vector<std::string> Canaries::wrong(bool is_local, int64_t now_ns) const {
  std::vector<std::string> sentences;
  for (uint32_t shard = 0; shard < shards(); ++shard) {
    if (!is_late(shard, now_ns)) continue;
    if (std::string sentence = shard_sentence(shard, now_ns); !sentence.empty())
      sentences.push_back(std::move(sentence));
  }
  // One that is stuck may own the channels of the sources' canaries: it has to be well first.
  if (is_local || is_any_shard_late(now_ns)) return sentences;
  for (uint32_t source = 0; source < sources(); ++source) {
    const auto age_ns = source_age_ns(source, now_ns);
    if (age_ns && *age_ns >= times_.late_ns)
      sentences.push_back("canary: nothing has come back through " + name_of(source) + " for " +
                          seconds(*age_ns) + ", though its link is up");
  }
  return sentences;
}

// --- the watch's step ---

// True once the source's own way has been late for long enough. If a shard is late, the fault is
// here and a new link would not mend it.
bool Canaries::must_rebuild(Source& source, int64_t passed_ns, int64_t now_ns) const {
  if (is_any_shard_late(now_ns)) return false;
  source.late_spent_ns += std::min(passed_ns, kStepNsMax);
  const int64_t patience_ns = times_.rebuild_ns
                              << std::min(source.rebuilds_in_a_row, kDoublingsMax);
  if (source.late_spent_ns < patience_ns) return false;
  source.late_spent_ns = 0;
  ++source.rebuilds_in_a_row;
  source.rebuilds.fetch_add(1, kRelaxed);
  return true;
}

Canaries::Step Canaries::step(uint32_t index, bool is_linked, int64_t now_ns) {
  Source& source = *sources_[index];
  const int64_t passed_ns = now_ns - std::exchange(source.stepped_ns, now_ns);
  const bool was_linked = std::exchange(source.was_linked, is_linked);
  const bool is_new = is_linked && !was_linked;
  if (!is_linked) source.is_refused.store(false, kRelaxed);  // the next link may be permitted more
  if (is_new && !source.is_doubted) source.since_ns.store(now_ns, kRelaxed);
  source.is_watched.store(is_linked, kRelaxed);
  Step step;
  if (!is_linked) return step;
  const bool is_refused = source.is_refused.load(kRelaxed);
  const bool is_late = !is_refused && now_ns - newest_ns(source) >= times_.late_ns;
  if (is_late) {
    step.is_to_rebuild = must_rebuild(source, passed_ns, now_ns);
    source.is_doubted |= step.is_to_rebuild;
  } else if (!is_refused) {
    source.is_doubted = false;
    source.late_spent_ns = 0;
    source.rebuilds_in_a_row = 0;
  }
  const int64_t every_ns = times_.every_ns * (is_refused ? kRefusedShare : 1);
  // One that is late is looked for more often, so that its return shows at once.
  step.is_to_send = is_new || is_late || now_ns - source.sent_ns >= every_ns;
  if (step.is_to_send) source.sent_ns = now_ns;
  return step;
}

}  // namespace livehub::session
