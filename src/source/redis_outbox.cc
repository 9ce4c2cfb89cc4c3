#include "source/redis_outbox.h"

namespace livehub::source {

void RedisOutbox::publish(std::string_view channel, std::string payload, std::string event,
                          std::optional<SourcePosition> position) {
  offer({Kind::kPublish, std::string(channel), std::move(payload), std::move(event), position});
}
void RedisOutbox::confirm(std::string_view channel, std::optional<SourcePosition> head) {
  offer({.kind = Kind::kConfirm, .channel = std::string(channel), .position = head});
}
void RedisOutbox::refuse(std::string_view channel) {
  offer({.kind = Kind::kRefuse, .channel = std::string(channel)});
}
void RedisOutbox::tell_gap(std::string_view channel, std::optional<SourcePosition> head) {
  offer({.kind = Kind::kGap, .channel = std::string(channel), .position = head});
}

void RedisOutbox::offer(Item item) {
  if (!waiting_.empty() || !hand_over(item)) waiting_.push_back(std::move(item));
}

void RedisOutbox::flush() {
  while (!waiting_.empty() && hand_over(waiting_.front())) waiting_.pop_front();
}

bool RedisOutbox::hand_over(const Item& item) {
  switch (item.kind) {
    case Kind::kPublish: {
      const auto result = inlet_.publish({.channel = item.channel,
                                          .payload = item.payload,
                                          .event = item.event,
                                          .position = item.position});
      return result != Inlet::Result::kFull;  // what is refused is counted there
    }
    case Kind::kConfirm:
      inlet_.confirm(item.channel, item.position);
      return true;
    case Kind::kRefuse:
      inlet_.refuse(item.channel);
      return true;
    case Kind::kGap:
      inlet_.tell_gap(item.channel, item.position);
      return true;
  }
  return true;
}

}  // namespace livehub::source
