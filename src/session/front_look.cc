// What the admin port sees of this shard, and the record of why connections ended. Tasks on the
// shard's own thread; each call is bounded work (session/look.h).
#include <algorithm>

#include "hub/reserved.h"
#include "session/front.h"

namespace livehub::session {
namespace {

uint32_t ms_of_ticks(uint32_t ticks) {
  return static_cast<uint32_t>(static_cast<int64_t>(ticks) * shard::kTickNs / 1'000'000);
}

EndKind kind_of(const Connection& c) {
  const bool is_stream = c.is_stream() || c.phase == Phase::kWsClosing;
  if (!is_stream) return EndKind::kHttp;
  return c.has(Connection::kWebSocket) ? EndKind::kWebSocket : EndKind::kSse;
}

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::kHead:
      return "head";
    case Phase::kBody:
      return "body";
    case Phase::kReply:
      return "reply";
    case Phase::kOpening:
      return "opening";
    case Phase::kSse:
    case Phase::kWs:
      return "open";
    case Phase::kWsClosing:
    case Phase::kEnding:
    case Phase::kLingering:
      return "closing";
  }
  return "";
}

}  // namespace

void Front::note_ended(uint32_t index, EndKind kind, uint16_t code, std::string_view reason,
                       Cause cause) {
  const Connection& c = connections_[index];
  Ended ended;
  ended.unix_ms = driver_.unix_seconds() * 1000;
  ended.kind = kind;
  ended.cause = cause;
  ended.code = code;
  ended.set_reason(reason);
  ended.age_ms = ms_of_ticks(wheel_.now_tick() - c.opened_tick);
  ended.sent_bytes = sending_[index].sent_bytes;
  ended.received_bytes = c.received_bytes;
  if (insight_.closed.may_ask_address(driver_.unix_seconds())) ended.set_address(address_of(index));
  insight_.closed.note(ended);
}

void Front::describe(uint32_t index, SeenConnection& seen) const {
  const Connection& c = connections_[index];
  const hub::Fanout& fanout = hub_.fanout();
  const hub::Peer& peer = fanout.peer(index);
  seen.shard = shard_;
  seen.index = index;
  seen.generation = c.generation;
  seen.kind = kind_of(c);
  seen.phase = phase_name(c.phase);
  seen.is_http_1_0 = c.phase == Phase::kSse && !c.has(Connection::kChunked);
  seen.is_blocked = peer.has(hub::Peer::kBlocked);
  seen.age_ms = ms_of_ticks(wheel_.now_tick() - c.opened_tick);
  seen.quiet_ms = ms_of_ticks(wheel_.now_tick() - c.last_received_tick);
  if (c.has(Connection::kPingSent)) seen.quiet_ms += c.heartbeat_seconds * 1000;
  seen.subscriptions = peer.subscription_count;
  seen.waiting_bytes = peer.own_bytes();
  seen.sent_bytes = sending_[index].sent_bytes;
  seen.received_bytes = c.received_bytes;
  if (c.has(Connection::kRefused)) seen.error = "refused";
  for (hub::SubscriptionId id = peer.first_subscription; id != hub::kNoIndex;
       id = fanout.subscription(id).next_of_peer) {
    const hub::Subscription& s = fanout.subscription(id);
    if (seen.channels.size() < kChannelsNamed)
      seen.channels.emplace_back(hub_.channel_name(s.channel));
    if (s.has(hub::Subscription::kLapped)) seen.error = "too slow";
    if (!s.has(hub::Subscription::kAttached)) continue;
    const uint64_t lag = fanout.stream(s.stream).next - s.cursor;
    seen.lag_messages = std::max(seen.lag_messages, lag);
  }
  if (peer.has(hub::Peer::kDead)) seen.error = "send failed";
}

void Front::look_at_connections(const LookFilter& filter, Look& look) {
  const hub::Fanout& fanout = hub_.fanout();
  const uint32_t channel =
      filter.channel.empty() ? hub::kNoIndex : hub_.find_channel(filter.channel);
  look.is_done = !filter.channel.empty() && channel == hub::kNoIndex;
  const uint32_t end = connections_.index_end();
  uint32_t addresses = 0;
  for (uint32_t steps = 0; !look.is_done && steps < kLookSteps && addresses < kLookAddressSteps;
       ++steps) {
    if (look.next_index >= end) {
      look.is_done = true;
      break;
    }
    const uint32_t index = look.next_index++;
    if (!connections_.contains(index)) continue;
    ++look.looked_at;
    if (!filter.any_kind && kind_of(connections_[index]) != filter.kind) continue;
    bool is_in = filter.channel.empty();
    for (hub::SubscriptionId id = fanout.peer(index).first_subscription;
         !is_in && id != hub::kNoIndex; id = fanout.subscription(id).next_of_peer)
      is_in = fanout.subscription(id).channel == channel;
    if (!is_in) continue;
    std::string address = address_of(index);
    ++addresses;
    if (!address.starts_with(filter.address)) continue;
    if (look.seen.size() >= filter.most) {
      look.is_cut = look.is_done = true;
      break;
    }
    describe(index, look.seen.emplace_back());
    look.seen.back().address = std::move(address);
  }
}

void Front::look_at_channels(std::string_view contains, size_t most, ChannelsLook& look) const {
  for (uint32_t steps = 0; steps < kLookSteps; ++steps) {
    if (look.next_index >= hub_.channels_end()) {
      look.is_done = true;
      return;
    }
    const uint32_t id = look.next_index++;
    if (!hub_.has_channel(id) || hub_.subscribers_of(id) == 0) continue;
    if (hub::is_reserved(hub_.channel_name(id))) continue;
    ++look.looked_at;
    if (hub_.channel_name(id).find(contains) == std::string_view::npos) continue;
    if (look.seen.size() >= most) {
      look.is_cut = look.is_done = true;
      return;
    }
    look.seen.push_back(
        {std::string(hub_.channel_name(id)), hub_.owner_of(id), hub_.subscribers_of(id)});
  }
}

uint32_t Front::subscribers_of(std::string_view channel) const {
  const uint32_t id = hub_.find_channel(channel);
  return id == hub::kNoIndex ? 0 : hub_.subscribers_of(id);
}

Taps::Taken Front::take_tapped(uint64_t id, std::string_view channel) {
  return insight_.taps.take(id, channel, driver_.now_ns());
}

}  // namespace livehub::session
