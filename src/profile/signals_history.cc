#include "profile/signals_history.h"

#include <algorithm>

#include "base/clock.h"

namespace livehub::profile {
namespace {

using source::RedisReply;

constexpr size_t kWindow = 500;

struct Scan {
  std::shared_ptr<SignalsShared> shared;
  HistoryQuery query;
  std::function<void(std::string)> done;
  std::vector<std::string> found;  // newest first
  std::string from = "+";
  size_t asked = 0;
  size_t scanned = 0;

  Scan() = default;
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;
  ~Scan() { shared->tally->scans.fetch_sub(1, std::memory_order_relaxed); }

  void finish() {
    if (query.oldest_first) std::reverse(found.begin(), found.end());
    std::string array = "[";
    for (const std::string& each : found) {
      if (array.size() > 1) array += ',';
      array += each;
    }
    done(array + "]");
  }

  // True: there may be more, and it is wanted.
  bool take(const RedisReply& reply) {
    for (const RedisReply& each : reply.items) {
      if (each.items.size() != 2) continue;
      const auto position = source::redis_position(each.items[0].text);
      if (!position || position->offset == 0) continue;
      from = source::redis_id({position->epoch, position->offset - 1});
      SignalFields fields;
      const auto& values = each.items[1].items;
      for (size_t i = 0; i + 1 < values.size(); i += 2)
        fields.emplace_back(values[i].text, values[i + 1].text);
      const SignalEntry& entry = shared->cache.read(query.mode, position->offset, fields);
      if (entry.json.empty() || (!query.pair.empty() && entry.pair != query.pair)) continue;
      found.push_back(entry.json);
      if (found.size() == query.limit) return false;
    }
    scanned += reply.items.size();
    return reply.items.size() == asked && scanned < kScannedMax;
  }
};

void ask(const std::shared_ptr<Scan>& scan) {
  const size_t missing = scan->query.limit - scan->found.size();
  scan->asked = scan->query.pair.empty() ? std::clamp<size_t>(missing, 10, kWindow) : kWindow;
  const std::string& key = scan->shared->settings.stream_of(scan->query.mode);
  const bool is_taken = scan->shared->redis->command(
      {"XREVRANGE", key, scan->from, "-", "COUNT", std::to_string(scan->asked)},
      [scan](const RedisReply& reply) {
        const int64_t now_seconds = base::unix_ms() / 1000;
        if (reply.kind != RedisReply::Kind::kArray ||
            !scan->shared->cache.spend(reply.items.size(), now_seconds))
          return scan->done({});
        if (scan->take(reply)) return ask(scan);
        scan->finish();
      });
  if (!is_taken) scan->done({});
}

}  // namespace

void read_history(const std::shared_ptr<SignalsShared>& shared, HistoryQuery query,
                  std::function<void(std::string)> done) {
  const auto scan = std::make_shared<Scan>();
  scan->shared = shared;
  scan->query = std::move(query);
  scan->done = std::move(done);
  if (shared->tally->scans.fetch_add(1, std::memory_order_relaxed) >= kScansMax)
    return scan->done({});
  ask(scan);
}

void read_facts(const std::shared_ptr<SignalsShared>& shared,
                const std::function<void(const StreamFacts&)>& done) {
  const std::string key = shared->settings.stream_of(shared->settings.active);
  const auto facts = std::make_shared<StreamFacts>();
  const auto tell = [done, facts] {
    facts->now_ms = base::unix_ms();
    done(*facts);
  };
  const bool is_taken = shared->redis->command(
      {"XREVRANGE", key, "+", "-", "COUNT", "1"}, [=](const RedisReply& newest) {
        if (newest.kind == RedisReply::Kind::kArray && !newest.items.empty() &&
            !newest.items[0].items.empty())
          if (const auto position = source::redis_position(newest.items[0].items[0].text))
            facts->newest_ms = static_cast<int64_t>(position->time_ms());
        const bool goes_on = shared->redis->command({"XLEN", key}, [=](const RedisReply& length) {
          facts->is_known = length.kind == RedisReply::Kind::kInteger;
          facts->length = length.integer;
          tell();
        });
        if (!goes_on) tell();
      });
  if (!is_taken) tell();
}

}  // namespace livehub::profile
