#include "source/nats_queue.h"

#include <utility>

namespace livehub::source {

bool NatsQueue::push_message(std::string_view subject, std::string_view payload,
                             uint64_t sequence) {
  {
    const std::lock_guard guard(mutex_);
    if (is_closed_) return false;
    const bool is_full = messages_ >= messages_max_ || bytes_ + payload.size() > bytes_max_;
    if (is_full || !lost_.empty()) {
      lost_.emplace(subject);
      return false;
    }
    NatsEvent event;
    event.name = subject;
    event.payload = payload;
    event.sequence = sequence;
    events_.push_back(std::move(event));
    ++messages_;
    bytes_ += payload.size();
  }
  news_.notify_one();
  return true;
}

void NatsQueue::push(NatsEvent event) {
  {
    const std::lock_guard guard(mutex_);
    if (is_closed_) return;
    events_.push_back(std::move(event));
  }
  news_.notify_one();
}

void NatsQueue::lose(std::string_view subject) {
  {
    const std::lock_guard guard(mutex_);
    lost_.emplace(subject);
  }
  news_.notify_one();
}

void NatsQueue::close() {
  {
    const std::lock_guard guard(mutex_);
    is_closed_ = true;
    events_.clear();
    lost_.clear();
  }
  news_.notify_all();
}

// From here on there is room again.
void NatsQueue::tell_lost() {
  for (const std::string& subject : lost_) {
    NatsEvent event;
    event.kind = NatsEvent::Kind::kLost;
    event.name = subject;
    events_.push_back(std::move(event));
  }
  lost_.clear();
}

NatsQueue::Popped NatsQueue::pop(NatsEvent& event, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  news_.wait_until(lock, until,
                   [this] { return is_closed_ || !events_.empty() || !lost_.empty(); });
  if (is_closed_) return Popped::kClosed;
  if (events_.empty()) tell_lost();
  if (events_.empty()) return Popped::kNothing;
  event = std::move(events_.front());
  events_.pop_front();
  if (event.kind == NatsEvent::Kind::kMessage) {
    --messages_;
    bytes_ -= event.payload.size();
  }
  return Popped::kEvent;
}

bool NatsQueue::pause_until(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  return !news_.wait_until(lock, until, [this] { return is_closed_; });
}

}  // namespace livehub::source
