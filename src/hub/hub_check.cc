// Hub::check_invariants() and looks from outside: what the channels, the subscriptions and the
// replays say of each other. Walks everything; for tests and the simulator.
#include <algorithm>

#include "base/check.h"
#include "hub/hub.h"

namespace livehub::hub {

void Hub::check_invariants() const {
  fanout_.check_invariants();
  owner_.check_invariants();
  LIVEHUB_CHECK(directory_.names() == directory_.live(), "every name is in the table, once");
  size_t streams = 0;
  for (uint32_t id = 0; id < channels_.index_end(); ++id)
    if (channels_.contains(id)) streams += check_channel(id);
  LIVEHUB_CHECK(streams == fanout_.streams_live(), "every stream belongs to a channel");
  std::vector<uint32_t> subscriptions_of(channels_.index_end());
  for (PeerId id = 0; id < fanout_.peers_end(); ++id)
    if (fanout_.has_peer(id)) check_peer(id, subscriptions_of);
  for (uint32_t id = 0; id < channels_.index_end(); ++id)
    if (channels_.contains(id))
      LIVEHUB_CHECK(subscriptions_of[id] == channels_[id].subscription_count,
                    "a channel counts its subscriptions");
  for (const auto& [peer, replays] : replays_)
    LIVEHUB_CHECK(fanout_.has_peer(peer) && !replays.empty(), "replays are of open peers");
}

uint32_t Hub::find_channel(std::string_view name) const {
  const uint32_t entry = directory_.find(identity_.hash(name), name);
  return entry == kNoIndex ? kNoIndex : directory_[entry].local;
}

// Returns how many streams the channel has.
size_t Hub::check_channel(uint32_t id) const {
  const Channel& channel = channels_[id];
  LIVEHUB_CHECK(find_channel(name_of(channel)) == id, "a channel is found by its name");
  const Extra* extra = channel.extra.get();
  LIVEHUB_CHECK(!extra || extra->epoch != 0 || !extra->watchers.empty() || !extra->waiting.empty(),
                "what a channel has none of takes no memory");
  const size_t waiting = extra ? extra->waiting.size() : 0;
  const bool has_streams = channel.first_stream != kNoIndex;
  switch (channel.state()) {
    case State::kLeft:
      LIVEHUB_CHECK(channel.subscription_count == 0 && !has_streams, "who left has nobody");
      LIVEHUB_CHECK(channel.answers_awaited > 0, "who left stays only for answers");
      break;
    case State::kJoining:
      LIVEHUB_CHECK(channel.answers_awaited > 0, "who joins waits for an answer");
      LIVEHUB_CHECK(!has_streams, "streams begin when the join is answered");
      LIVEHUB_CHECK(waiting == channel.subscription_count, "all wait for the join");
      break;
    case State::kJoined:
      LIVEHUB_CHECK(channel.answers_awaited == 0 && waiting == 0, "who joined waits no more");
      LIVEHUB_CHECK(channel.subscription_count > 0 || has_streams, "nobody stays for nothing");
      break;
  }
  size_t streams = 0;
  for (StreamId stream = channel.first_stream; stream != kNoIndex; stream = next_of(stream)) {
    ++streams;
    LIVEHUB_CHECK(fanout_.stream(stream).channel == id, "a stream knows its channel");
    LIVEHUB_CHECK(fanout_.stream(stream).base_offset <= channel.last_offset,
                  "a stream forgets only what was there");
    for (StreamId other = next_of(stream); other != kNoIndex; other = next_of(other))
      LIVEHUB_CHECK(fanout_.stream(other).encoding != fanout_.stream(stream).encoding,
                    "a channel has one stream per encoding");
  }
  return streams;
}

void Hub::check_peer(PeerId id, std::vector<uint32_t>& subscriptions_of) const {
  const auto found = replays_.find(id);
  size_t replaying = 0;
  for (SubscriptionId sid = fanout_.peer(id).first_subscription; sid != kNoIndex;
       sid = fanout_.subscription(sid).next_of_peer) {
    const Subscription& s = fanout_.subscription(sid);
    LIVEHUB_CHECK(channels_.contains(s.channel), "a subscription's channel is there");
    ++subscriptions_of[s.channel];
    const int states = s.has(Subscription::kAttached) + s.has(Subscription::kReplaying) +
                       s.has(Subscription::kWaiting) + s.has(Subscription::kWatching);
    LIVEHUB_CHECK(states == 1, "a subscription waits, is replayed, attached or only watches");
    if (s.has(Subscription::kAttached))
      LIVEHUB_CHECK(fanout_.stream(s.stream).channel == s.channel,
                    "it is attached to its own channel");
    if (!s.has(Subscription::kReplaying)) continue;
    ++replaying;
    LIVEHUB_CHECK(found != replays_.end() &&
                      std::any_of(found->second.begin(), found->second.end(),
                                  [&](const Replay& r) { return r.subscription == sid; }),
                  "who is replayed has a replay");
  }
  LIVEHUB_CHECK(replaying == (found == replays_.end() ? 0 : found->second.size()),
                "a replay is of a subscription");
  if (found == replays_.end()) return;
  const auto asked = std::count_if(found->second.begin(), found->second.end(),
                                   [](const Replay& r) { return r.is_asked; });
  LIVEHUB_CHECK(asked <= 1, "one window is in flight per peer");
}

}  // namespace livehub::hub
