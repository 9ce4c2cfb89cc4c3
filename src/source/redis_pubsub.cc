#include "source/redis_pubsub.h"

#include <algorithm>
#include <limits>

#include "base/log.h"

namespace livehub::source {
namespace {

constexpr size_t kBatch = 500;
constexpr int64_t kRetryNs = 2'000'000'000;

}  // namespace

void RedisPubSub::mark(const std::string& key, Entry& entry) {
  if (entry.is_dirty) return;
  entry.is_dirty = true;
  dirty_.push_back(key);
}

void RedisPubSub::want(const std::string& key, std::string_view channel) {
  Entry& entry = entries_[key];
  if (entry.is_wanted) return;
  entry.channel = channel;
  entry.is_wanted = true;
  entry.is_confirmed = entry.is_refused = entry.has_gap = false;
  if (!link_.is_up()) {
    entry.is_refused = true;
    outbox_.refuse(channel);
    return;
  }
  // Still subscribed, since nothing of a former wish's end has been sent.
  if (entry.is_live && entry.is_asked && entry.under_way == 0) {
    entry.is_confirmed = true;
    outbox_.confirm(channel);
    return;
  }
  mark(key, entry);
}

void RedisPubSub::unwant(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  found->second.is_wanted = false;
  if (link_.is_up())
    mark(key, found->second);
  else
    entries_.erase(found);
}

void RedisPubSub::flush(int64_t now_ns) {
  if (!link_.is_up()) return;
  if (retry_ns_ != 0 && now_ns >= retry_ns_) {
    retry_ns_ = 0;
    for (const std::string& key : denied_)
      if (const auto found = entries_.find(key); found != entries_.end()) mark(key, found->second);
    denied_.clear();
  }
  if (dirty_.empty()) return;
  std::vector<std::string> coming, going, canary;
  for (const std::string& key : dirty_) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    Entry& entry = found->second;
    entry.is_dirty = false;
    if (entry.is_wanted && !entry.is_asked && entry.channel == kCanaryChannel)
      canary.push_back(key);
    else if (entry.is_wanted != entry.is_asked)
      (entry.is_wanted ? coming : going).push_back(key);
    else if (!entry.is_wanted && entry.under_way == 0)
      entries_.erase(found);
  }
  dirty_.clear();
  send(true, std::move(coming));
  send(false, std::move(going));
  send(true, std::move(canary));
}

bool RedisPubSub::is_canary(const std::string& key) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && found->second.channel == kCanaryChannel;
}

int64_t RedisPubSub::deadline_ns() const {
  return retry_ns_ == 0 || !link_.is_up() ? std::numeric_limits<int64_t>::max() : retry_ns_;
}

void RedisPubSub::send(bool is_subscribe, std::vector<std::string> keys) {
  for (size_t from = 0; from < keys.size(); from += kBatch) {
    Batch batch{.is_subscribe = is_subscribe, .keys = {}};
    std::vector<std::string> arguments = {is_subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE"};
    for (size_t i = from; i < std::min(keys.size(), from + kBatch); ++i) {
      Entry& entry = entries_[keys[i]];
      entry.is_asked = is_subscribe;
      ++entry.under_way;
      batch.keys.push_back(keys[i]);
      arguments.push_back(std::move(keys[i]));
    }
    link_.send(arguments);
    batches_.push_back(std::move(batch));
  }
}

void RedisPubSub::on_up(int64_t) {
  dirty_.clear();
  for (auto& [key, entry] : entries_) {
    entry.is_dirty = false;
    mark(key, entry);
  }
}

void RedisPubSub::on_down() {
  batches_.clear();
  dirty_.clear();
  denied_.clear();
  retry_ns_ = 0;
  for (auto each = entries_.begin(); each != entries_.end();) {
    Entry& entry = each->second;
    if (!entry.is_wanted) {
      each = entries_.erase(each);
      continue;
    }
    entry.is_asked = entry.is_live = entry.is_dirty = false;
    entry.under_way = 0;
    entry.has_gap = true;
    if (!entry.is_confirmed && !entry.is_refused) {
      entry.is_refused = true;
      outbox_.refuse(entry.channel);
    }
    ++each;
  }
}

void RedisPubSub::on_probe(int64_t) { link_.send({"PING"}); }

void RedisPubSub::on_reply(RedisReply& reply, int64_t now_ns) {
  using Kind = RedisReply::Kind;
  if (reply.kind == Kind::kStatus) return;  // PONG, while nothing is subscribed
  if (reply.is_error()) return on_error(reply.text, now_ns);
  if (reply.kind != Kind::kArray || reply.items.size() < 2)
    return link_.give_up("it sent a subscriber what is no message", now_ns);
  const std::string& what = reply.items[0].text;
  if (what == "message" && reply.items.size() == 3) {
    const std::string& key = reply.items[1].text;
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.is_wanted && found->second.is_live &&
        found->second.is_confirmed)
      on_message_(found->second.channel, key, reply.items[2].text, now_ns);
    return;
  }
  if (what == "subscribe" || what == "unsubscribe")
    on_acknowledged(what == "subscribe", reply.items[1].text, now_ns);
}

void RedisPubSub::on_acknowledged(bool is_subscribe, const std::string& key, int64_t now_ns) {
  if (batches_.empty() || batches_.front().is_subscribe != is_subscribe)
    return link_.give_up("it acknowledged what nobody had asked", now_ns);
  if (++batches_.front().acknowledged == batches_.front().keys.size()) batches_.pop_front();
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.under_way > 0) --entry.under_way;
  entry.is_live = is_subscribe;
  if (entry.under_way > 0) return;
  if (!entry.is_wanted) {
    if (!is_subscribe && !entry.is_dirty) entries_.erase(found);
    return;
  }
  if (!is_subscribe) return;  // it is wanted again: a SUBSCRIBE is on its way
  if (!entry.is_confirmed)
    outbox_.confirm(entry.channel);  // the hub tells those who were let through without it
  else if (entry.has_gap)
    outbox_.tell_gap(entry.channel);
  entry.is_confirmed = true;
  entry.has_gap = entry.is_refused = false;
}

// An error answers the whole batch: Redis has done nothing of it (an ACL, say).
void RedisPubSub::on_error(const std::string& text, int64_t now_ns) {
  if (batches_.empty()) return link_.give_up("it answered with an error: " + text, now_ns);
  const Batch batch = std::move(batches_.front());
  batches_.pop_front();
  if (batch.keys.size() == 1 && is_canary(batch.keys.front())) {
    --entries_[batch.keys.front()].under_way;
    outbox_.refuse(kCanaryChannel);
    return outbox_.refuse_canary(text);
  }
  base::log_warn("redis subscriber: refused: " + text);
  for (const std::string& key : batch.keys) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    Entry& entry = found->second;
    if (entry.under_way > 0) --entry.under_way;
    entry.is_asked = !batch.is_subscribe;
    if (!entry.is_wanted || !batch.is_subscribe) continue;
    if (!entry.is_confirmed && !entry.is_refused) outbox_.refuse(entry.channel);
    entry.is_refused = true;
    denied_.push_back(key);
    retry_ns_ = now_ns + kRetryNs;
  }
}

}  // namespace livehub::source
