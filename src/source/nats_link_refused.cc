// The part of the link that deals with what the server does not permit.
#include <algorithm>

#include "source/nats_link.h"

namespace livehub::source {
namespace {

using std::chrono::milliseconds;

}  // namespace

// What we hold for a subscription is none. Whoever waits goes on; who was let in has missed
// something, and is told once it is permitted.
void NatsLink::drop_refused() {
  refused_at_ = Clock::now() + milliseconds(options_.refused_ms);
  for (const std::string& subject : refusals_->take_news()) {
    for (auto& [id, listening] : listening_) {
      if (!listening.subscription || listening.listener->listen.subject != subject) continue;
      listening.subscription.reset();
      listening.retry_at = refused_at_;
    }
    const auto found = channels_.find(rule_.channel_of(subject));
    if (found == channels_.end() || !found->second.subscription) continue;
    Channel& channel = found->second;
    channel.subscription.reset();
    if (channel.told == Told::kConfirmed) channel.told = Told::kLost;
    if (channel.told == Told::kNothing && channel.is_wanted) refuse(found->first, channel);
  }
}

// Asks again. One that was asked for at the last time, and is not refused since, is permitted.
void NatsLink::try_refused() {
  refused_at_ = Clock::now() + milliseconds(options_.refused_ms);
  for (const std::string& subject : refusals_->subjects()) {
    const auto listens = [&](const auto& entry) {
      return entry.second.listener->listen.subject == subject;
    };
    const auto listening = std::find_if(listening_.begin(), listening_.end(), listens);
    if (listening != listening_.end()) {  // run() asks
      if (listening->second.subscription) refusals_->forget(subject);
      continue;
    }
    const auto found = channels_.find(rule_.channel_of(subject));
    if (found == channels_.end() || !found->second.is_wanted) {
      refusals_->forget(subject);
    } else if (!found->second.subscription) {
      subscribe(found->first, found->second);
    } else if (refusals_->forget(subject)) {
      answer(found->first, found->second);
    }
  }
}

}  // namespace livehub::source
