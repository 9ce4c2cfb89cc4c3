#include "source/nats_stream_feed.h"

#include <chrono>
#include <utility>

#include "source/thread.h"

namespace livehub::source {
namespace {

using Clock = NatsQueue::Clock;
constexpr auto kIdle = std::chrono::hours(1);
constexpr auto kHubFull = std::chrono::milliseconds(2);

}  // namespace

NatsStreamSource::Feed::Feed(const NatsStreamOptions& options, std::function<void()> on_lost)
    : options_(options),
      queue_(std::make_shared<NatsQueue>(options.nats.queue_messages_max,
                                         options.nats.queue_bytes_max)),
      on_lost_(std::move(on_lost)) {}

void NatsStreamSource::Feed::start(Inlet& inlet) {
  inlet_ = &inlet;
  thread_ = start_thread([this] { run(); });
}

void NatsStreamSource::Feed::stop() {
  queue_->close();
  if (thread_.joinable()) thread_.join();
}

void NatsStreamSource::Feed::call(std::function<void()> work) {
  NatsEvent event;
  event.kind = NatsEvent::Kind::kCall;
  event.call = std::move(work);
  queue_->push(std::move(event));
}

void NatsStreamSource::Feed::want(bool is_wanted) {
  call([this, is_wanted] {
    is_wanted_ = is_wanted;
    is_open_ = is_wanted && is_linked_;
    if (is_open_)
      inlet_->confirm(options_.channel, nats_position(created_ns_, last()));
    else if (is_wanted && has_tried_)
      inlet_->refuse(options_.channel);
  });
}

void NatsStreamSource::Feed::begin(const std::string& reading, int64_t created_ns, uint64_t first,
                                   uint64_t last) {
  call([=, this] { take_beginning(reading, created_ns, first, last); });
}

void NatsStreamSource::Feed::lose_link() {
  call([this] {
    is_linked_ = false;
    has_tried_ = true;
    if (is_wanted_ && !is_open_) inlet_->refuse(options_.channel);
  });
}

void NatsStreamSource::Feed::confirm_canary() {
  call([this] { inlet_->confirm(kCanaryChannel); });
}

void NatsStreamSource::Feed::refuse_canary(std::string why) {
  call([this, why = std::move(why)] { inlet_->refuse_canary(why); });
}

void NatsStreamSource::Feed::deliver(uint64_t token, Backlog backlog) {
  call([this, token, shared = std::make_shared<Backlog>(std::move(backlog))] {
    inlet_->deliver(token, std::move(*shared));
  });
}

void NatsStreamSource::Feed::take_beginning(const std::string& reading, int64_t created_ns,
                                            uint64_t first, uint64_t last) {
  const bool is_first = created_ns_ == 0;
  const bool is_other = created_ns != created_ns_;
  // What we have not read yet and is gone, or is in a stream that is gone.
  const bool is_gap = !is_first && (is_other || first > this->last() + 1);
  created_ns_ = created_ns;
  if (is_first)
    last_.store(last, std::memory_order_relaxed);
  else if (is_gap)
    last_.store(first > 0 ? first - 1 : 0, std::memory_order_relaxed);
  reading_ = reading;
  is_linked_ = has_tried_ = true;
  if (!is_wanted_) return;
  const SourcePosition head = nats_position(created_ns_, this->last());
  if (!std::exchange(is_open_, true))
    inlet_->confirm(options_.channel, head);
  else if (is_gap)
    inlet_->tell_gap(options_.channel, head);
}

void NatsStreamSource::Feed::run() {
  NatsEvent event;
  for (;;) {
    const NatsQueue::Popped popped = queue_->pop(event, Clock::now() + kIdle);
    if (popped == NatsQueue::Popped::kClosed) return;
    if (popped == NatsQueue::Popped::kNothing) continue;
    if (event.kind == NatsEvent::Kind::kCall) {
      event.call();
    } else if (event.name == kCanary) {
      if (event.kind == NatsEvent::Kind::kMessage)
        offer({.channel = kCanaryChannel, .payload = event.payload});
    } else if (event.name == reading_) {
      if (event.kind == NatsEvent::Kind::kMessage) {
        take_message(event);
      } else {
        reading_.clear();  // nothing more of this one: the next begins where it broke off
        on_lost_();
      }
    }
  }
}

void NatsStreamSource::Feed::take_message(const NatsEvent& event) {
  if (event.sequence <= last()) return;
  std::string text;
  if (is_open_ && options_.decode(event.payload, text)) {
    const Publication publication{.channel = options_.channel,
                                  .payload = text,
                                  .position = nats_position(created_ns_, event.sequence)};
    if (!offer(publication)) return;
  }
  last_.store(event.sequence, std::memory_order_relaxed);
}

// False: the end has come first.
bool NatsStreamSource::Feed::offer(const Publication& publication) {
  while (inlet_->publish(publication) == Inlet::Result::kFull)
    if (!queue_->pause_until(Clock::now() + kHubFull)) return false;
  return true;
}

}  // namespace livehub::source
