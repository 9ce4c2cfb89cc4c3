#include "source/redis_group.h"

#include <limits>
#include <vector>

namespace livehub::source {
namespace {

constexpr int64_t kEveryNs = 1'000'000'000;
constexpr size_t kEntriesAtOnce = 1000;

}  // namespace

RedisGroup::RedisGroup(RedisCommands& commands, const std::string& group, std::string consumer)
    : commands_(commands), group_(group + "-" + machine_name()), consumer_(std::move(consumer)) {}

int64_t RedisGroup::deadline_ns() const {
  for (const auto& [key, stream] : streams_)
    if ((stream.is_behind || stream.is_kept) && !stream.is_busy && commands_.is_up())
      return next_ns_;
  return std::numeric_limits<int64_t>::max();
}

void RedisGroup::on_time(int64_t now_ns) {
  if (now_ns < next_ns_ || !commands_.is_up()) return;
  next_ns_ = now_ns + kEveryNs;
  for (auto& [key, stream] : streams_) {
    if ((!stream.is_behind && !stream.is_kept) || stream.is_busy) continue;
    stream.is_behind = false;
    stream.is_busy = true;
    stream.exists ? advance(key, now_ns) : create(key, now_ns);
  }
}

void RedisGroup::create(const std::string& key, int64_t now_ns) {
  commands_.send(
      {"XGROUP", "CREATE", key, group_, "$", "MKSTREAM"},
      [this, key](const RedisReply& reply) {
        const auto found = streams_.find(key);
        if (found == streams_.end()) return;
        found->second.is_busy = false;
        found->second.exists = !reply.is_error() || reply.text.starts_with("BUSYGROUP");
        // One that was there already may stand far behind.
        found->second.is_behind = reply.is_error();
      },
      now_ns);
}

void RedisGroup::advance(const std::string& key, int64_t now_ns) {
  commands_.send(
      {"XREADGROUP", "GROUP", group_, consumer_, "COUNT", std::to_string(kEntriesAtOnce), "STREAMS",
       key, ">"},
      [this, key, now_ns](const RedisReply& reply) { on_entries(key, reply, now_ns); }, now_ns);
}

void RedisGroup::on_entries(const std::string& key, const RedisReply& reply, int64_t now_ns) {
  const auto found = streams_.find(key);
  if (found == streams_.end()) return;
  found->second.is_busy = false;
  if (reply.is_error()) {
    found->second.is_behind = true;
    if (reply.text.starts_with("NOGROUP")) found->second.exists = false;  // the stream is new
    return;
  }
  if (reply.items.empty() || reply.items[0].items.size() != 2) return;
  std::vector<std::string> acknowledge = {"XACK", key, group_};
  for (const RedisReply& entry : reply.items[0].items[1].items)
    if (!entry.items.empty()) acknowledge.push_back(entry.items[0].text);
  found->second.is_behind = acknowledge.size() >= kEntriesAtOnce;
  if (acknowledge.size() > 3) commands_.send(acknowledge, {}, now_ns);
}

}  // namespace livehub::source
