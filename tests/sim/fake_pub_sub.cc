#include "fake_pub_sub.h"

#include <algorithm>
#include <utility>

namespace livehub::sim {
namespace {

constexpr int64_t kMsNs = 1'000'000;
constexpr size_t kComingMax = 200;     // more: the server cuts a slow consumer off
constexpr int64_t kSilentMs = 10'000;  // as NatsOptions has it
constexpr uint64_t kStallMs = 4'000;   // of one that ends; below TwinChanges::kWindowMs

bool is_state(std::string_view subject) {
  return subject.starts_with("drop.") && subject.ends_with(".state");
}

}  // namespace

// --- whoever publishes ---

void FakePubSub::publish(const std::string& subject, std::string payload) {
  ++counts_.published;
  if (!inlet_) return;
  const auto channel = channels_.find(subject);
  const bool is_heard = is_linked_ && channel != channels_.end() && channel->second.is_subscribed;
  counts_.lost += !is_linked_;
  if (is_heard) coming_.push_back({subject, std::move(payload)});
  if (is_linked_ && is_state(subject))
    for (auto& [id, listener] : listeners_)
      if (!listener.is_bucket()) announce(listener);
  if (coming_.size() > kComingMax) cut();
}

void FakePubSub::change_keys() {
  for (auto& [id, listener] : listeners_)
    if (is_linked_ && listener.is_bucket()) announce(listener);
}

// Once for all that comes within its time.
void FakePubSub::announce(Listener& listener) {
  if (!listener.is_on || listener.due_ns != Client::kNeverNs) return;
  const int64_t hold_ms = listener.is_bucket() ? listener.bucket.hold_ms : listener.listen.hold_ms;
  listener.due_ns = scene_.kernel.now_ns() + hold_ms * kMsNs;
}

// --- the server ---

std::string FakePubSub::start(Inlet& inlet) {
  inlet_ = &inlet;
  const uint64_t wait_ms = scene_.random().below(scene_.random().chance(3000) ? 8000 : 200);
  retry_at_ns_ = scene_.kernel.now_ns() + static_cast<int64_t>(wait_ms) * kMsNs;
  return {};
}

void FakePubSub::stop() {
  inlet_ = nullptr;
  listeners_.clear();
}

void FakePubSub::ask(Asked::Kind kind, std::string channel, uint64_t id) {
  asked_.push_back({kind, std::move(channel), id});
}

uint64_t FakePubSub::listen(source::NatsListen listen) {
  listeners_[++last_id_].listen = std::move(listen);
  ask(Asked::kListen, {}, last_id_);
  return last_id_;
}

uint64_t FakePubSub::listen(source::NatsBucket bucket) {
  listeners_[++last_id_].bucket = std::move(bucket);
  ask(Asked::kListen, {}, last_id_);
  return last_id_;
}

// --- the link ---

void FakePubSub::subscribe(const std::string& name, Channel& channel) {
  channel.is_subscribed = true;
  channel.answer_at_ns =
      scene_.kernel.now_ns() + static_cast<int64_t>(scene_.random().below(50)) * kMsNs;
  scene_.kernel.log("subscribe", name.size(), coming_.size());
}

void FakePubSub::link() {
  scene_.kernel.log("broker link", channels_.size());
  is_linked_ = true;
  for (auto& [name, channel] : channels_) subscribe(name, channel);
  for (auto& [id, listener] : listeners_) announce(listener);  // something may have been missed
}

void FakePubSub::cut() {
  scene_.kernel.log("broker cut", coming_.size());
  counts_.lost += coming_.size();
  is_linked_ = dies_of_stall_ = false;
  stalled_until_ns_ = 0;
  coming_.clear();
  for (auto& [name, channel] : channels_) {
    channel.is_subscribed = false;
    channel.answer_at_ns = Client::kNeverNs;
  }
  for (auto& [id, listener] : listeners_) listener.due_ns = Client::kNeverNs;
  const auto wait_ms = static_cast<int64_t>(scene_.random().below(scene_.is_calm ? 100 : 4000));
  retry_at_ns_ = scene_.kernel.now_ns() + wait_ms * kMsNs;
}

void FakePubSub::answer_asked() {
  const Asked asked = std::move(asked_.front());
  asked_.pop_front();
  switch (asked.kind) {
    case Asked::kWant: {
      Channel& channel = channels_[asked.channel] = {};
      if (is_linked_) return subscribe(asked.channel, channel);
      if (scene_.random().chance(5000)) return;  // nobody answers: who waits goes on by itself
      ++counts_.refusals;
      return inlet_->refuse(asked.channel);
    }
    case Asked::kUnwant:
      channels_.erase(asked.channel);
      return;
    case Asked::kListen:
      if (const auto found = listeners_.find(asked.id); found != listeners_.end()) {
        found->second.is_on = true;
        if (is_linked_) announce(found->second);
      }
      return;
    case Asked::kUnlisten:
      listeners_.erase(asked.id);
  }
}

bool FakePubSub::answer_round_trip() {
  for (auto& [name, channel] : channels_)
    if (scene_.kernel.now_ns() >= channel.answer_at_ns) {
      channel.answer_at_ns = Client::kNeverNs;
      coming_.push_back({name, std::nullopt});
      return true;
    }
  return false;
}

bool FakePubSub::call_listener() {
  for (auto& [id, listener] : listeners_)
    if (scene_.kernel.now_ns() >= listener.due_ns) {
      listener.due_ns = Client::kNeverNs;
      ++counts_.news;
      scene_.kernel.log("news", id);
      if (listener.is_bucket())
        listener.bucket.on_keys(world_.keys());
      else
        listener.listen.on_news();
      return true;
    }
  return false;
}

bool FakePubSub::can_take() const {
  if (held_) return world_.has_room(held_->channel);
  return !coming_.empty() && world_.has_room(coming_.front().subject);
}

void FakePubSub::take_answer(const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.is_subscribed) return;
  if (!std::exchange(found->second.is_confirmed, true)) return inlet_->confirm(name);
  ++counts_.gaps;
  inlet_->tell_gap(name);
}

void FakePubSub::take() {
  if (held_) return offer(*std::exchange(held_, std::nullopt));
  const Coming coming = std::move(coming_.front());
  coming_.pop_front();
  if (!coming.payload) return take_answer(coming.subject);
  const auto found = channels_.find(coming.subject);
  if (found == channels_.end() || !found->second.is_confirmed) return;
  Decoded decoded{.channel = coming.subject, .event = {}, .data = {}};
  if (world_.decode(coming.subject, *coming.payload, decoded.event, decoded.data))
    offer(std::move(decoded));
}

void FakePubSub::offer(Decoded decoded) {
  const Inlet::Result result = inlet_->publish(
      {.channel = decoded.channel, .payload = decoded.data, .event = decoded.event});
  if (result == Inlet::Result::kRefused) fail("the gate refuses " + decoded.data);
  if (result == Inlet::Result::kFull) held_ = std::move(decoded);
}

// --- the world ---

bool FakePubSub::is_active() const {
  if (!inlet_) return false;
  if (!is_linked_) return may_link() || !asked_.empty();
  if (is_stalled()) return false;
  const int64_t now_ns = scene_.kernel.now_ns();
  return dies_of_stall_ || !asked_.empty() || can_take() ||
         std::any_of(channels_.begin(), channels_.end(),
                     [&](const auto& entry) { return now_ns >= entry.second.answer_at_ns; }) ||
         std::any_of(listeners_.begin(), listeners_.end(),
                     [&](const auto& entry) { return now_ns >= entry.second.due_ns; });
}

int64_t FakePubSub::due_ns() const {
  if (!inlet_) return Client::kNeverNs;
  if (!is_linked_) return retry_at_ns_;
  if (is_stalled()) return stalled_until_ns_;
  int64_t due_ns = Client::kNeverNs;
  for (const auto& [name, channel] : channels_) due_ns = std::min(due_ns, channel.answer_at_ns);
  for (const auto& [id, listener] : listeners_) due_ns = std::min(due_ns, listener.due_ns);
  return due_ns;
}

bool FakePubSub::act() {
  if (!is_active()) return false;
  if (!is_linked_ && may_link()) return link(), true;
  if (dies_of_stall_) return cut(), true;
  if (!asked_.empty() && (!can_take() || scene_.random().chance(5000))) return answer_asked(), true;
  if (answer_round_trip() || (scene_.random().chance(5000) && call_listener())) return true;
  if (can_take()) return take(), true;
  return call_listener();
}

void FakePubSub::act_freely() {
  io::SimRandom& random = scene_.random();
  if (!inlet_ || !is_linked_ || is_stalled()) return;
  const uint64_t what = random.below(100);
  if (what < 4) {
    ++counts_.cuts;
    return cut();
  }
  if (what < 8) {
    ++counts_.stalls;
    dies_of_stall_ = random.chance(1500);
    const uint64_t most_ms = random.chance(2000) ? kStallMs : 300;
    const int64_t ms = dies_of_stall_ ? kSilentMs : static_cast<int64_t>(random.below(most_ms));
    stalled_until_ns_ = scene_.kernel.now_ns() + ms * kMsNs;
    return scene_.kernel.log("broker stall", static_cast<uint64_t>(ms));
  }
  if (what > 20 || channels_.empty()) return;
  constexpr const char* kGarbage[] = {"", "{\"cut\":", "two\nlines", "\xff\xfe", "[1,2"};
  auto channel = channels_.begin();
  std::advance(channel, random.below(channels_.size()));
  ++counts_.garbage;
  coming_.push_back({channel->first, kGarbage[random.below(5)]});
}

void FakePubSub::calm_down() {
  stalled_until_ns_ = 0;
  retry_at_ns_ = std::min(retry_at_ns_, scene_.kernel.now_ns() + 2000 * kMsNs);
}

}  // namespace livehub::sim
