#include "source/redis_commands.h"

#include <limits>

namespace livehub::source {

RedisReply redis_local_error(std::string sentence) {
  RedisReply reply;
  reply.kind = RedisReply::Kind::kError;
  reply.is_local = true;
  reply.text = "redis: " + std::move(sentence);
  return reply;
}

void RedisCommands::send(const std::vector<std::string>& arguments, RedisCallback done,
                         int64_t now_ns) {
  if (!link_.is_up()) {
    if (done) done(redis_local_error("no connection: " + link_.problem()));
    return;
  }
  link_.send(arguments);
  pending_.push_back({std::move(done), now_ns + int64_t{command_ms_} * 1'000'000, 0});
}

int64_t RedisCommands::deadline_ns() const {
  return expired_ < pending_.size() ? pending_[expired_].deadline_ns
                                    : std::numeric_limits<int64_t>::max();
}

// What has expired keeps its place: its answer may still come, and must be taken for no other's.
void RedisCommands::on_time(int64_t now_ns) {
  while (expired_ < pending_.size() && pending_[expired_].deadline_ns <= now_ns) {
    const RedisCallback done = std::move(pending_[expired_].done);
    pending_[expired_].done = {};
    ++expired_;
    if (done) done(redis_local_error("no answer in time"));
  }
}

void RedisCommands::fail_all(const std::string& problem) {
  const std::deque<Pending> failed = std::move(pending_);
  pending_.clear();
  expired_ = 0;
  for (const Pending& each : failed)
    if (each.done) each.done(redis_local_error(problem));
}

void RedisCommands::on_up(int64_t now_ns) {
  on_probe(now_ns);
  on_change_(true);
}

void RedisCommands::on_reply(RedisReply& reply, int64_t now_ns) {
  if (pending_.empty()) return link_.give_up("it answered what nobody had asked", now_ns);
  const Pending answered = std::move(pending_.front());
  pending_.pop_front();
  if (expired_ > 0) --expired_;
  if (answered.ping_ns != 0)
    ping_ms_.store(static_cast<double>(now_ns - answered.ping_ns) / 1e6, std::memory_order_relaxed);
  if (answered.done) answered.done(reply);
}

void RedisCommands::on_down() {
  ping_ms_.store(-1, std::memory_order_relaxed);
  fail_all("the connection was lost: " + link_.problem());
  on_change_(false);
}

void RedisCommands::on_probe(int64_t now_ns) {
  link_.send({"PING"});
  pending_.push_back({{}, now_ns + int64_t{command_ms_} * 1'000'000, now_ns});
}

}  // namespace livehub::source
