#include "source/redis_streams.h"

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "source/redis_fetch.h"

namespace livehub::source {
namespace {

constexpr size_t kEntriesAtOnce = 256;  // of a key, in one read
constexpr int64_t kRetryNs = 2'000'000'000;
constexpr int64_t kReadAgainNs = 1'000'000'000;
// A read without entries that comes back so late: this process may have stood still since.
constexpr int64_t kLateNs = 100'000'000;

}  // namespace

RedisStreams::RedisStreams(RedisLink& link, RedisCommands& commands, RedisOutbox& outbox,
                           uint32_t block_ms, Translate translate, OnRead on_read)
    : link_(link),
      commands_(commands),
      outbox_(outbox),
      block_ms_(block_ms),
      translate_(std::move(translate)),
      on_read_(std::move(on_read)) {}

void RedisStreams::want(const std::string& key, std::string_view channel, int64_t now_ns) {
  if (entries_.contains(key)) return;
  Entry& entry = entries_[key];
  entry.channel = channel;
  entry.life = ++lives_;
  ask_head(key, entry, now_ns);
}

void RedisStreams::unwant(const std::string& key) { entries_.erase(key); }

void RedisStreams::ask_head(const std::string& key, Entry& entry, int64_t now_ns) {
  clock_ns_ = now_ns;
  entry.is_asking = true;
  entry.retry_ns = 0;
  commands_.send(
      {"XREVRANGE", key, "+", "-", "COUNT", "1"},
      [this, key, life = entry.life](const RedisReply& reply) { on_head(key, life, reply); },
      now_ns);
}

void RedisStreams::on_head(const std::string& key, uint64_t life, const RedisReply& reply) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.life != life) return;
  Entry& entry = found->second;
  entry.is_asking = false;
  std::optional<SourcePosition> head;
  if (reply.kind == RedisReply::Kind::kArray) {
    if (reply.items.empty())
      head = SourcePosition::of_time(0, 0);
    else if (!reply.items[0].items.empty())
      head = redis_position(reply.items[0].items[0].text);
  }
  if (!head && entry.is_canary() && !reply.is_local) return refuse_canary(entry, reply.text);
  if (!head) {
    if (!reply.is_local || commands_.is_up()) {
      base::log_warn("redis streams: " + key + " cannot be read: " + reply.text);
      entry.retry_ns = clock_ns_ + kRetryNs;
    }
    if (!entry.is_refused) outbox_.refuse(entry.channel);
    entry.is_refused = true;
    return;
  }
  entry.last = *head;
  entry.is_live = true;
  outbox_.confirm(entry.channel, head);
  entry.is_refused = false;
  on_read_(key);
}

void RedisStreams::refuse_canary(Entry& entry, const std::string& why) {
  entry.is_live = false;
  outbox_.refuse(entry.channel);
  outbox_.refuse_canary(why);
}

void RedisStreams::on_commands(bool is_up, int64_t now_ns) {
  if (!is_up) return;
  for (auto& [key, entry] : entries_)
    if (!entry.is_live && !entry.is_asking) ask_head(key, entry, now_ns);
}

int64_t RedisStreams::deadline_ns() const {
  int64_t soonest = std::numeric_limits<int64_t>::max();
  if (read_again_ns_ != 0) soonest = read_again_ns_;
  for (const auto& [key, entry] : entries_)
    if (entry.retry_ns != 0) soonest = std::min(soonest, entry.retry_ns);
  return soonest;
}

void RedisStreams::flush(int64_t now_ns) {
  clock_ns_ = now_ns;
  bool has_live = false, has_new = false;
  for (auto& [key, entry] : entries_) {
    if (entry.retry_ns != 0 && now_ns >= entry.retry_ns) ask_head(key, entry, now_ns);
    has_live |= entry.is_live;
    has_new |= entry.is_live && !entry.is_read;
  }
  if (!link_.is_up()) return;
  if (is_reading_) {
    if (has_new) end_read_early(now_ns);
    return;
  }
  if (!has_live || outbox_.is_blocked() || now_ns < read_again_ns_) return;
  read_again_ns_ = 0;
  begin_read();
}

void RedisStreams::begin_read() {
  std::vector<std::string> read = {
      "XREAD",  "COUNT", std::to_string(kEntriesAtOnce), "BLOCK", std::to_string(block_ms_),
      "STREAMS"};
  std::vector<std::string> ids;
  for (auto& [key, entry] : entries_) {
    entry.is_read = entry.is_live;
    if (!entry.is_live) continue;
    if (entry.must_check) {
      // In front of the read, so that both are carried out in one go: what the oldest entry says
      // holds for what is read.
      link_.send(redis_check(key, entry.last));
      outstanding_.push_back({Expected::kCheck, key});
      entry.must_check = false;
    }
    read.push_back(key);
    ids.push_back(redis_id(entry.last));
  }
  read.insert(read.end(), ids.begin(), ids.end());
  link_.send(read);
  outstanding_.push_back({Expected::kRead});
  is_reading_ = true;
  is_ending_ = false;
  read_begun_ns_ = clock_ns_;
}

void RedisStreams::end_read_early(int64_t now_ns) {
  if (is_ending_ || link_.client_id() == 0 || !commands_.is_up()) return;
  is_ending_ = true;
  commands_.send(
      {"CLIENT", "UNBLOCK", std::to_string(link_.client_id())},
      [this](const RedisReply& reply) {
        // The read had not begun to wait: try again with the next turn.
        if (reply.integer == 0 && !reply.is_error()) is_ending_ = false;
      },
      now_ns);
}

void RedisStreams::on_up(int64_t) {
  for (auto& [key, entry] : entries_) entry.must_check = entry.is_live && !entry.is_canary();
}

void RedisStreams::on_down() {
  outstanding_.clear();
  is_reading_ = is_ending_ = false;
  read_again_ns_ = 0;
}

void RedisStreams::on_probe(int64_t) {
  if (is_reading_) return;  // it returns in time, and is the round trip
  link_.send({"PING"});
  outstanding_.push_back({Expected::kPing});
}

void RedisStreams::on_reply(RedisReply& reply, int64_t now_ns) {
  if (outstanding_.empty()) return link_.give_up("it answered what nobody had asked", now_ns);
  const Outstanding expected = std::move(outstanding_.front());
  outstanding_.pop_front();
  if (expected.what == Expected::kCheck) on_check(expected.key, reply);
  if (expected.what == Expected::kRead) on_read(reply, now_ns);
}

void RedisStreams::on_check(const std::string& key, const RedisReply& reply) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.is_live) return;
  Entry& entry = found->second;
  if (!redis_has_lost(reply, entry.last)) return;
  base::log_warn("redis streams: " + key + " was trimmed beyond what had been read");
  outbox_.tell_gap(entry.channel, entry.last);
}

void RedisStreams::on_read(RedisReply& reply, int64_t now_ns) {
  is_reading_ = is_ending_ = false;
  const bool is_late = now_ns - read_begun_ns_ > int64_t{block_ms_} * 1'000'000 + kLateNs;
  for (auto& [key, entry] : entries_) {
    entry.is_read = false;
    entry.must_check |= is_late && entry.is_live && !entry.is_canary();
  }
  if (reply.is_error()) {
    for (auto& [key, entry] : entries_)
      if (entry.is_canary() && entry.is_live) return refuse_canary(entry, reply.text);
    base::log_warn("redis streams: reading was refused: " + reply.text);
    read_again_ns_ = now_ns + kReadAgainNs;
    return;
  }
  for (const RedisReply& stream : reply.items) {
    if (stream.items.size() != 2) continue;
    const auto found = entries_.find(stream.items[0].text);
    if (found == entries_.end() || !found->second.is_live) continue;
    take_entries(found->first, found->second, stream.items[1]);
  }
}

void RedisStreams::take_entries(const std::string& key, Entry& entry, const RedisReply& entries) {
  for (const RedisReply& each : entries.items) {
    if (each.items.size() != 2) continue;
    const auto position = redis_position(each.items[0].text);
    if (!position || position->offset <= entry.last.offset) continue;
    entry.last = *position;
    RedisOutcome out;
    if (translate_(entry.channel, *position, each.items[1].items, out))
      outbox_.publish(entry.channel, std::move(out.payload), std::move(out.event), *position);
  }
  // What is trimmed before the next read would be missed: it lags, or the hub does, or this process
  // has stood still since the first of these came.
  entry.must_check = !entry.is_canary();
  on_read_(key);
}

}  // namespace livehub::source
