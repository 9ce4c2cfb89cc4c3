#include "source/nats_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "source/thread.h"

namespace livehub::source {
namespace {

using Clock = NatsQueue::Clock;
using Kind = NatsEvent::Kind;
constexpr auto kIdle = std::chrono::hours(1);
constexpr auto kHubFull = std::chrono::milliseconds(2);

}  // namespace

void announce(NatsQueue& queue, const std::shared_ptr<NatsListener>& listener) {
  // acq_rel pairs with call_due(): what came before this call is seen by the callback after it.
  if (listener->is_news.exchange(true, std::memory_order_acq_rel)) return;
  NatsEvent event;
  event.kind = Kind::kNews;
  event.listener = listener;
  queue.push(std::move(event));
}

void NatsFeed::start(Inlet& inlet) {
  inlet_ = &inlet;
  thread_ = start_thread([this] { run(); });
}

void NatsFeed::stop() {
  queue_->close();
  if (thread_.joinable()) thread_.join();
}

void NatsFeed::run() {
  NatsEvent event;
  for (;;) {
    const NatsQueue::Popped popped = queue_->pop(event, next_due());
    if (popped == NatsQueue::Popped::kClosed) return;
    if (popped == NatsQueue::Popped::kEvent) take(event);
    if (!due_.empty()) call_due(Clock::now());
  }
}

Clock::time_point NatsFeed::next_due() const {
  Clock::time_point next = Clock::now() + kIdle;
  for (const auto& [listener, at] : due_) next = std::min(next, at);
  return next;
}

void NatsFeed::call_due(Clock::time_point now) {
  for (auto entry = due_.begin(); entry != due_.end();) {
    if (entry->second > now) {
      ++entry;
      continue;
    }
    const std::shared_ptr<NatsListener> listener = entry->first;
    entry = due_.erase(entry);
    listener->is_news.exchange(false, std::memory_order_acq_rel);  // pairs with announce()
    if (!listener->is_off && listener->listen.on_news) listener->listen.on_news();
  }
}

void NatsFeed::take(NatsEvent& event) {
  switch (event.kind) {
    case Kind::kMessage:
      return take_message(event);
    case Kind::kLost:
      if (const std::string channel = rule_.channel_of(event.name); open_.contains(channel))
        inlet_->tell_gap(channel);
      return;
    case Kind::kConfirm:
      inlet_->confirm(event.name);
      open_.insert(std::move(event.name));
      return;
    case Kind::kRefuse:
      return inlet_->refuse(event.name);
    case Kind::kGap:
      if (open_.contains(event.name)) inlet_->tell_gap(event.name);
      return;
    case Kind::kForget:
      open_.erase(event.name);
      return;
    case Kind::kForbid:
      return inlet_->refuse_canary(event.payload);
    case Kind::kNews:
      due_[event.listener] =
          Clock::now() + std::chrono::milliseconds(event.listener->listen.hold_ms);
      return;
    case Kind::kCall:
      event.call();
      due_[event.listener] = Clock::now();
      return;
  }
}

void NatsFeed::take_message(const NatsEvent& event) {
  const std::string channel = rule_.channel_of(event.name);
  if (!open_.contains(channel)) return;
  decoded_.payload.clear();
  decoded_.event.clear();
  if (!rule_.decode({.subject = event.name, .payload = event.payload}, decoded_)) return;
  offer({.channel = channel, .payload = decoded_.payload, .event = decoded_.event});
}

void NatsFeed::offer(const Publication& publication) {
  while (inlet_->publish(publication) == Inlet::Result::kFull)
    if (!queue_->pause_until(Clock::now() + kHubFull)) return;
}

}  // namespace livehub::source
