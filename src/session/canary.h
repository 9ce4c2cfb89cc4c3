// The canaries of one engine: when each of them was last heard, what follows from that for
// readiness and metrics, and when a source's links are to be made anew. The whole story:
// docs/decisions/2026-11-21-canary.md.
//
// Each shard sends one around by its neighbour, each source one through its broker to every shard.
// An *age* is the time since the newest canary that has arrived was sent: a way that is slow is as
// late as one that is cut. A source is *watched* while its links say that they are up and its
// broker permits canaries; while a link says that it is down there is nothing to add.
// mailbox: atomics, but for step(), which is one thread's (server/canary_watch.h). Pure: time is an
// argument. Tests: tests/unit/session/canary_test.cc.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace livehub::session {

struct CanaryTimes {
  int64_t every_ns = 5'000'000'000;
  // Two canaries in a row are missing, and a little: a fault shows within 15 s.
  int64_t late_ns = 12'000'000'000;
  // A source that is late for so long beyond that is rebuilt; then after twice as long, and so on.
  int64_t rebuild_ns = 10'000'000'000;
};

class Canaries {
 public:
  Canaries(uint32_t shards, std::vector<std::string> sources, CanaryTimes times, int64_t now_ns);

  const CanaryTimes& times() const { return times_; }
  uint32_t shards() const { return static_cast<uint32_t>(turned_ns_.size()); }
  uint32_t sources() const { return static_cast<uint32_t>(sources_.size()); }
  const std::string& name_of(uint32_t source) const { return sources_[source]->name; }
  // Whose channel a shard's own canary takes: the neighbour's, so that both lanes are used.
  uint32_t owner_for(uint32_t shard) const { return (shard + 1) % shards(); }

  // --- on shards ---
  void note_turn(uint32_t shard, int64_t now_ns);  // its loop turns
  void note_own(uint32_t shard, int64_t sent_ns);
  void note_of_source(uint32_t shard, uint32_t source, int64_t sent_ns);

  // --- on a source's thread ---
  // False: it was so already.
  bool refuse(uint32_t source);

  // --- on the watch's thread, about once a second ---
  struct Step {
    bool is_to_send = false;
    bool is_to_rebuild = false;
  };
  Step step(uint32_t source, bool is_linked, int64_t now_ns);

  // --- any thread ---
  int64_t shard_age_ns(uint32_t shard, int64_t now_ns) const;
  // Of the shard that waits longest. None: not watched.
  std::optional<int64_t> source_age_ns(uint32_t source, int64_t now_ns) const;
  uint64_t rebuilds(uint32_t source) const;
  // A sentence for each way that is late. `is_local`: without the sources.
  std::vector<std::string> wrong(bool is_local, int64_t now_ns) const;

 private:
  using Cell = std::atomic<int64_t>;  // a time; relaxed, since nothing else hangs on it
  struct Source {
    std::string name;
    std::vector<Cell> heard_ns;  // by shard
    Cell since_ns{0};            // ages count from here if nothing was heard since
    std::atomic<bool> is_watched{false};
    std::atomic<bool> is_refused{false};
    std::atomic<uint64_t> rebuilds{0};
    // step() alone.
    bool was_linked = false;
    bool is_doubted = false;  // was rebuilt, and none has come since: a new link alone is no proof
    int64_t sent_ns = 0;
    int64_t stepped_ns = 0;
    int64_t late_spent_ns = 0;  // late, while we looked: a machine that slept was not late
    uint32_t rebuilds_in_a_row = 0;
  };

  bool is_late(uint32_t shard, int64_t now_ns) const {
    return shard_age_ns(shard, now_ns) >= times_.late_ns;
  }
  bool is_any_shard_late(int64_t now_ns) const;
  int64_t newest_ns(const Source& source) const;
  bool must_rebuild(Source& source, int64_t passed_ns, int64_t now_ns) const;
  std::string shard_sentence(uint32_t shard, int64_t now_ns) const;

  const CanaryTimes times_;
  std::vector<Cell> turned_ns_;  // by shard
  std::vector<Cell> own_ns_;     // by shard
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace livehub::session
