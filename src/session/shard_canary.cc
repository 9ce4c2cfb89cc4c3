#include "session/shard_canary.h"

#include <charconv>

#include "hub/reserved.h"
#include "livehub/source.h"
#include "session/encodings.h"

namespace livehub::session {
namespace {

constexpr char kTextFrame = '\x81';  // the first byte of a whole WebSocket text frame

// A name that the asked shard owns: which shard owns a name is as good as drawn by lot.
std::string channel_owned_by(uint32_t owner, uint32_t shard, const hub::Identity& identity) {
  for (uint64_t draw = 0;; ++draw) {
    std::string name = std::string(kCanaryChannel) + " shard " + std::to_string(shard) + " " +
                       std::to_string(draw);
    if (identity.owner_of(identity.hash(name)) == owner) return name;
  }
}

}  // namespace

std::string canary_channel_of_source(uint32_t source) {
  return std::string(kCanaryChannel) + " source " + std::to_string(source);
}

ShardCanary::ShardCanary(uint32_t shard, Canaries* canaries, hub::Hub& hub, hub::PeerId peer)
    : shard_(shard), canaries_(canaries), hub_(hub), peer_(peer) {}

void ShardCanary::open() {
  is_open_ = true;
  own_channel_ = channel_owned_by(canaries_->owner_for(shard_), shard_, hub_.identity());
  hub_.fanout().open_peer(peer_);
  const auto subscribe = [this](std::string_view channel) {
    hub_.subscribe(peer_, channel, static_cast<hub::EncodingId>(EncodingKind::kWsText),
                   hub::SlowReader::kSkip, {});
  };
  subscribe(own_channel_);
  for (uint32_t source = 0; source < canaries_->sources(); ++source)
    if (!canaries_->name_of(source).empty()) subscribe(canary_channel_of_source(source));
}

void ShardCanary::tick(int64_t now_ns) {
  if (!canaries_) return;
  canaries_->note_turn(shard_, now_ns);
  if (!is_open_) open();
  if (sent_ns_ != 0 && now_ns - sent_ns_ < canaries_->times().every_ns) return;
  hub::MessagePtr message = hub::MessagePtr::make(own_channel_, "0 " + std::to_string(now_ns));
  message->published_ns = now_ns;
  // A lane that is full is one that a client's message would not get into either: it shows.
  if (hub_.publish(message, kCanaryToken)) sent_ns_ = now_ns;
}

// --- what comes back ---

void ShardCanary::take(hub::PeerSend& send) {
  bytes_.clear();
  for (uint32_t i = 0; i < send.piece_count; ++i)
    bytes_.append(static_cast<const char*>(send.pieces[i].iov_base), send.pieces[i].iov_len);
  send.outcome = hub::PeerSend::Outcome::kAll;
  ++taken_.sends;
  taken_.bytes += send.bytes;
  read(bytes_);
}

// Short text frames, one after the other. What is none counts for nothing: the age grows.
void ShardCanary::read(std::string_view frames) {
  while (frames.size() >= 2 && frames[0] == kTextFrame) {
    const auto size = static_cast<unsigned char>(frames[1]);
    if (size >= 126 || frames.size() < 2u + size) return;
    ++taken_.deliveries;
    note(frames.substr(2, size));
    frames.remove_prefix(2u + size);
  }
}

// "0 <sent>" is the shard's own, "<n + 1> <sent>" of source n.
void ShardCanary::note(std::string_view payload) {
  uint32_t way = 0;
  int64_t sent_ns = 0;
  const char* const end = payload.data() + payload.size();
  const auto first = std::from_chars(payload.data(), end, way);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return;
  const auto second = std::from_chars(first.ptr + 1, end, sent_ns);
  if (second.ec != std::errc() || second.ptr != end) return;
  if (way == 0)
    canaries_->note_own(shard_, sent_ns);
  else
    canaries_->note_of_source(shard_, way - 1, sent_ns);
}

void ShardCanary::settle() {
  if (hub_.fanout().has_pending(peer_) || !hub_.fanout().is_idle(peer_)) return;
  is_awaited_ = false;
}

ShardCanary::Hidden ShardCanary::hidden() const {
  Hidden hidden = taken_;
  if (!is_open_) return hidden;
  const hub::Fanout& fanout = hub_.fanout();
  for (hub::SubscriptionId id = fanout.peer(peer_).first_subscription; id != hub::kNoIndex;
       id = fanout.subscription(id).next_of_peer) {
    ++hidden.subscriptions;
    hidden.streams += fanout.subscription(id).has(hub::Subscription::kAttached);
  }
  hidden.live_messages = hidden.deliveries;
  return hidden;
}

}  // namespace livehub::session
