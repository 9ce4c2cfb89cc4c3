#include "broker.h"

#include <algorithm>
#include <utility>

namespace livehub::sim {
namespace {

constexpr int64_t kMsNs = 1'000'000;
constexpr uint64_t kRepeatedMax = 3;

bool is_after(uint64_t offset, const Broker::Entry& entry) { return offset < entry.offset; }

}  // namespace

// --- the broker ---

Broker::Broker(Scene& scene, bool is_numbered) : scene_(scene), is_numbered_(is_numbered) {}

void Broker::push(std::string document, std::function<void(bool)> done) {
  const int64_t wait_ns = static_cast<int64_t>(scene_.random().below(3'000'000));
  pushes_.push_back({std::move(document), std::move(done), scene_.kernel.now_ns() + wait_ns});
}

// Ids as Redis Streams have them: the time, and a count within it.
void Broker::append(uint64_t number) {
  sim::Push& push = scene_.oracle.push(number);
  if (push.sent_step == kNever) push.sent_step = scene_.step;
  const auto now_ms = static_cast<uint64_t>(scene_.kernel.now_ns() / kMsNs);
  head_offset_ = std::max(head_offset_ + 1, SourcePosition::of_time(now_ms, 0).offset);
  entries_.push_back({number, head_offset_, push.payload});
  if (is_numbered_) {
    scene_.elsewhere = {SourcePosition::kTimeEpoch, head_offset_};
    scene_.oracle.on_accepted(number, scene_.elsewhere);
  } else {
    scene_.oracle.on_taken(number);
  }
  ++counts_.appended;
  scene_.kernel.log("append", number, head_offset_);
}

bool Broker::is_active() const {
  return !pushes_.empty() && scene_.kernel.now_ns() >= pushes_.front().due_ns;
}

int64_t Broker::due_ns() const {
  return pushes_.empty() ? Client::kNeverNs : pushes_.front().due_ns;
}

// The answer to a push: it has it, or it was not reached.
bool Broker::act() {
  if (!is_active()) return false;
  Push push = std::move(pushes_.front());
  pushes_.pop_front();
  const uint64_t number = scene_.oracle.find(push.document);
  if (number == 0) fail("the broker was given " + push.document.substr(0, 80));
  const bool is_taken = !is_away();
  if (is_taken) append(number);
  if (!is_taken) scene_.oracle.on_refused(number);
  counts_.refused += !is_taken;
  push.done(is_taken);
  return true;
}

void Broker::act_freely() {
  io::SimRandom& random = scene_.random();
  if (is_away()) return;
  if (random.chance(100)) {
    back_at_ns_ = scene_.kernel.now_ns() + static_cast<int64_t>(random.below(4000)) * kMsNs;
    return scene_.kernel.log("broker away");
  }
  if (random.chance(300) && entries_.size() > 1) {
    ++counts_.trims;
    for (uint64_t more = random.between(1, entries_.size() - 1); more > 0; --more) {
      trimmed_offset_ = entries_.front().offset;
      entries_.pop_front();
    }
    return scene_.kernel.log("trim", trimmed_offset_);
  }
  if (!random.chance(3000)) return;
  for (uint64_t more = random.chance(2000) ? random.between(2, 9) : 1; more > 0; --more)
    append(scene_.oracle.make_push("live", random.between(30, scene_.has_large ? 250 : 70),
                                   scene_.engine));
}

// --- the source ---

std::string BrokerSource::start(Inlet& inlet) {
  inlet_ = &inlet;
  const uint64_t wait_ms = scene_.random().below(scene_.random().chance(3000) ? 8000 : 200);
  retry_at_ns_ = scene_.kernel.now_ns() + static_cast<int64_t>(wait_ms) * kMsNs;
  return {};
}

SourcePosition BrokerSource::position_of(uint64_t offset) const {
  return {SourcePosition::kTimeEpoch, offset};
}
std::optional<SourcePosition> BrokerSource::here() const {
  return broker_.is_numbered() ? std::optional(position_of(cursor_)) : std::nullopt;
}

bool BrokerSource::has_next() const {
  const auto& entries = broker_.entries();
  return is_reading_ && !entries.empty() && entries.back().offset > cursor_;
}

bool BrokerSource::is_active() const {
  if (!inlet_ || !has_room_()) return false;
  if (!is_linked_) return may_link() || !asked_.empty();
  return !is_stalled() && (!asked_.empty() || has_next());
}

int64_t BrokerSource::due_ns() const {
  if (!inlet_) return Client::kNeverNs;
  const int64_t now_ns = scene_.kernel.now_ns();
  if (!is_linked_) return std::max(retry_at_ns_, now_ns + kMsNs);
  return is_stalled() ? stalled_until_ns_ : Client::kNeverNs;
}

bool BrokerSource::act() {
  if (!is_active()) return false;
  if (!is_linked_ && may_link()) {
    link();
    return true;
  }
  if (!asked_.empty()) {
    answer_asked();
    return true;
  }
  return publish_next();
}

// Whoever cannot know what it missed says so, and reads on from here.
void BrokerSource::link() {
  is_linked_ = true;
  scene_.kernel.log("link", cursor_, broker_.head_offset());
  if (!is_wanted_) return;
  is_reading_ = true;
  if (!is_confirmed_) return confirm();
  const bool is_whole = broker_.is_numbered() && broker_.trimmed_offset() <= cursor_;
  if (is_whole) return;
  cursor_ = broker_.is_numbered() ? broker_.trimmed_offset() : broker_.head_offset();
  ++broker_.counts().gaps;
  inlet_->tell_gap(kChannel, here());
}

void BrokerSource::cut() {
  scene_.kernel.log("broker cut");
  is_linked_ = is_reading_ = false;
  stalled_until_ns_ = 0;
  const int64_t wait_ms = static_cast<int64_t>(scene_.random().below(4000));
  retry_at_ns_ = scene_.kernel.now_ns() + wait_ms * kMsNs;
}

void BrokerSource::stall(uint64_t ms_max) {
  const uint64_t ms = scene_.random().below(ms_max);
  stalled_until_ns_ = scene_.kernel.now_ns() + static_cast<int64_t>(ms) * kMsNs;
  scene_.kernel.log("stall", ms);
}

// It may read from a replica that lags: then it stands where others were before.
void BrokerSource::confirm() {
  is_reading_ = is_confirmed_ = true;
  cursor_ = broker_.head_offset();
  const auto& entries = broker_.entries();
  if (broker_.is_numbered() && !entries.empty() && scene_.random().chance(5000)) {
    cursor_ = entries[entries.size() - scene_.random().between(1, entries.size())].offset;
    if (!scene_.is_calm) stall(2000);
  }
  inlet_->confirm(kChannel, here());
}

void BrokerSource::answer_asked() {
  const Asked asked = asked_.front();
  asked_.pop_front();
  if (asked.kind == Asked::kFetch) return deliver_fetched(asked);
  is_wanted_ = asked.kind == Asked::kWant;
  is_confirmed_ = is_reading_ = false;
  if (!is_wanted_) return;
  if (is_linked_) return confirm();
  if (scene_.random().chance(5000)) return;  // nobody answers: who waits goes on by itself
  ++broker_.counts().refusals;
  inlet_->refuse(kChannel);
}

void BrokerSource::deliver_fetched(const Asked& asked) {
  ++broker_.counts().fetches;
  Backlog backlog;
  backlog.gap = !is_linked_ || asked.after.offset < broker_.trimmed_offset();
  const auto& entries = broker_.entries();
  auto entry = std::upper_bound(entries.begin(), entries.end(), asked.after.offset, is_after);
  size_t bytes = 0;
  for (; is_linked_ && entry != entries.end() && entry->offset <= asked.until.offset; ++entry) {
    bytes += entry->payload.size();
    if (bytes > asked.bytes_max && !backlog.entries.empty()) break;
    backlog.entries.push_back({entry->payload, "", position_of(entry->offset)});
  }
  inlet_->deliver(asked.token, std::move(backlog));
}

bool BrokerSource::publish_next() {
  const auto& entries = broker_.entries();
  if (broker_.trimmed_offset() > cursor_) {  // forgotten under our hands
    ++broker_.counts().gaps;
    cursor_ = broker_.trimmed_offset();

    inlet_->tell_gap(kChannel, here());
    return true;
  }
  const auto next = std::upper_bound(entries.begin(), entries.end(), cursor_, is_after);
  Publication publication{kChannel, next->payload};
  if (broker_.is_numbered()) publication.position = position_of(next->offset);
  const Inlet::Result result = inlet_->publish(publication);
  if (result == Inlet::Result::kRefused) fail("the gate refuses " + next->payload);
  if (result == Inlet::Result::kFull) return false;
  scene_.kernel.log("fed", next->push, next->offset);
  cursor_ = next->offset;
  return true;
}

void BrokerSource::send_garbage() {
  constexpr const char* kGarbage[] = {"two\nlines", "\xff\xfe", "a\rb"};
  ++broker_.counts().garbage;
  Publication publication{kChannel, kGarbage[scene_.random().below(3)]};
  if (broker_.is_numbered()) publication.position = position_of(cursor_ + 1);
  if (inlet_->publish(publication) != Inlet::Result::kRefused) fail("garbage passes the gate");
}

void BrokerSource::act_freely() {
  io::SimRandom& random = scene_.random();
  if (!inlet_ || !is_linked_ || is_stalled()) return;
  const uint64_t what = random.below(100);
  if (broker_.is_away() || what < 3) {
    ++broker_.counts().cuts;
    return cut();
  }
  if (what < 5) {  // as long as until a probe notices; then the link is cut
    ++broker_.counts().stalls;
    return stall(random.chance(2000) ? 12'000 : 300);
  }
  if (what < 15 && is_reading_) return send_garbage();
  if (what < 20 && is_reading_ && broker_.is_numbered()) {
    const auto& entries = broker_.entries();
    const auto next = std::upper_bound(entries.begin(), entries.end(), cursor_, is_after);
    const auto back = std::min<uint64_t>(static_cast<uint64_t>(next - entries.begin()),
                                         random.between(1, kRepeatedMax));
    if (back == 0 || !is_confirmed_) return;
    ++broker_.counts().again;
    cursor_ = std::prev(next, static_cast<int64_t>(back))->offset - 1;
  }
}

void BrokerSource::calm_down() {
  stalled_until_ns_ = 0;
  retry_at_ns_ = std::min(retry_at_ns_, scene_.kernel.now_ns() + 2000 * kMsNs);
}

}  // namespace livehub::sim
