// Hub::check_invariants() and looks from outside: what the channels, the subscriptions and the
// replays say of each other. Walks everything; for tests and the simulator.
#include <algorithm>

#include "base/check.h"
#include "hub/hub.h"

namespace livehub::hub {

void Hub::check_invariants() const {
  fanout_.check_invariants();
  owner_.check_invariants();
  LIVEHUB_CHECK(names_.count() == channels_.live(), "every channel has one name in the table");
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
  return names_.find(static_cast<uint32_t>(identity_.hash(name)),
                     [&](uint32_t i) { return channels_[i].name == name; });
}

// Returns how many streams the channel has.
size_t Hub::check_channel(uint32_t id) const {
  const Channel& channel = channels_[id];
  const uint32_t found =
      names_.find(channel.hash, [&](uint32_t i) { return channels_[i].name == channel.name; });
  LIVEHUB_CHECK(found == id, "a channel is found by its name");
  switch (channel.state) {
    case State::kLeft:
      LIVEHUB_CHECK(channel.subscription_count == 0 && channel.streams.empty(),
                    "who left has nobody");
      LIVEHUB_CHECK(channel.answers_awaited > 0, "who left stays only for answers");
      break;
    case State::kJoining:
      LIVEHUB_CHECK(channel.answers_awaited > 0, "who joins waits for an answer");
      LIVEHUB_CHECK(channel.streams.empty(), "streams begin when the join is answered");
      LIVEHUB_CHECK(channel.waiting.size() == channel.subscription_count, "all wait for the join");
      break;
    case State::kJoined:
      LIVEHUB_CHECK(channel.answers_awaited == 0 && channel.waiting.empty(),
                    "who joined waits no more");
      LIVEHUB_CHECK(channel.subscription_count > 0 || !channel.streams.empty(),
                    "nobody stays for nothing");
      break;
  }
  for (const StreamId stream : channel.streams) {
    LIVEHUB_CHECK(fanout_.stream(stream).channel == id, "a stream knows its channel");
    LIVEHUB_CHECK(fanout_.stream(stream).base_offset <= channel.last_offset,
                  "a stream forgets only what was there");
    const auto same =
        std::count_if(channel.streams.begin(), channel.streams.end(), [&](StreamId other) {
          return fanout_.stream(other).encoding == fanout_.stream(stream).encoding;
        });
    LIVEHUB_CHECK(same == 1, "a channel has one stream per encoding");
  }
  return channel.streams.size();
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
