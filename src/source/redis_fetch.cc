#include "source/redis_fetch.h"

#include <algorithm>

namespace livehub::source {
namespace {

constexpr size_t kEntryBytesGuess = 256;

struct Fetching {
  RedisCommands& commands;
  RedisFetch asked;
  RedisStreams::Translate translate;
  int64_t now_ns;
  Backlog backlog;
  size_t count = 0;

  void fail() { asked.done({.entries = {}, .gap = true}); }
  // True: something was taken, or there is nothing more to take.
  bool take(const RedisReply& reply) {
    size_t bytes = 0;
    for (const RedisReply& each : reply.items) {
      if (each.items.size() != 2) continue;
      const auto position = redis_position(each.items[0].text);
      if (!position || position->offset > asked.until.offset) continue;
      asked.after = *position;
      RedisOutcome out;
      if (!translate(asked.channel, *position, each.items[1].items, out)) continue;
      bytes += out.payload.size();
      backlog.entries.push_back({std::move(out.payload), std::move(out.event), *position});
      if (bytes >= asked.bytes_max) break;
    }
    return !backlog.entries.empty() || reply.items.size() < count;
  }
};

void ask_window(const std::shared_ptr<Fetching>& fetching) {
  const SourcePosition from = {fetching->asked.after.epoch, fetching->asked.after.offset + 1};
  fetching->commands.send(
      {"XRANGE", fetching->asked.key, redis_id(from), redis_id(fetching->asked.until), "COUNT",
       std::to_string(fetching->count)},
      [fetching](const RedisReply& reply) {
        if (reply.kind != RedisReply::Kind::kArray) return fetching->fail();
        if (fetching->take(reply)) return fetching->asked.done(std::move(fetching->backlog));
        ask_window(fetching);  // all of it was passed over
      },
      fetching->now_ns);
}

}  // namespace

void fetch_entries(RedisCommands& commands, RedisFetch fetch, RedisStreams::Translate translate,
                   int64_t now_ns) {
  auto fetching = std::make_shared<Fetching>(
      Fetching{commands, std::move(fetch), std::move(translate), now_ns, {}});
  fetching->count = std::clamp<size_t>(fetching->asked.bytes_max / kEntryBytesGuess, 16, 512);
  commands.send(
      redis_check(fetching->asked.key, fetching->asked.after),
      // An error is one of the next answer too.
      [fetching](const RedisReply& reply) {
        fetching->backlog.gap = redis_has_lost(reply, fetching->asked.after);
      },
      now_ns);
  ask_window(fetching);
}

// --- what a stream has lost ---

std::vector<std::string> redis_check(const std::string& key, SourcePosition after) {
  if (after.offset == 0) return {"XINFO", "STREAM", key};
  return {"XRANGE", key, "-", "+", "COUNT", "1"};
}

bool redis_has_lost(const RedisReply& reply, SourcePosition after) {
  if (reply.kind != RedisReply::Kind::kArray) return false;
  if (after.offset != 0) {
    std::optional<SourcePosition> oldest;
    if (!reply.items.empty() && !reply.items[0].items.empty())
      oldest = redis_position(reply.items[0].items[0].text);
    return !oldest || oldest->offset > after.offset;
  }
  int64_t added = 0, kept = 0;
  for (size_t i = 0; i + 1 < reply.items.size(); i += 2) {
    if (reply.items[i].text == "entries-added") added = reply.items[i + 1].integer;
    if (reply.items[i].text == "length") kept = reply.items[i + 1].integer;
  }
  return added > kept;
}

}  // namespace livehub::source
