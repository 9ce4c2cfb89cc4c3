#include "source/pg_delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "source/pg_link.h"

namespace livehub::source {
namespace {

constexpr int64_t kSayEveryMs = 60'000;

}  // namespace

void PgDelivery::deliver(std::string_view name, std::string_view payload) {
  if (name == canary_name_) {
    channel_ = kCanaryChannel;
    text_ = payload;
    return offer();
  }
  channel_.clear();
  // Of an outbox every row comes by, also for those who are not here.
  if (!rules_.channel_of(name, channel_) || !plan_.find(channel_)) return;
  text_.clear();
  switch (rules_.translate(name, payload, base::unix_ms(), text_)) {
    case PostgresRules::Verdict::kSend:
      return offer();
    case PostgresRules::Verdict::kDrop:
      return;
    case PostgresRules::Verdict::kBad:
      return note_bad(name);
  }
}

void PgDelivery::retry() {
  if (is_holding_) offer();
}

void PgDelivery::offer() {
  const Inlet::Result result = inlet_.publish({.channel = channel_, .payload = text_});
  is_holding_ = result == Inlet::Result::kFull;
  if (result == Inlet::Result::kRefused) note_bad(channel_);
}

// What was in it is nobody's business but its sender's.
void PgDelivery::note_bad(std::string_view name) {
  ++bad_count_;
  const int64_t now = base::monotonic_ms();
  if (said_ms_ != 0 && now - said_ms_ < kSayEveryMs) return;
  said_ms_ = now;
  base::log_warn("postgres: dropped a message that is not as promised, on " + std::string(name) +
                 " (" + std::to_string(bad_count_) + " so far)");
}

}  // namespace livehub::source
